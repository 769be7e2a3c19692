import Crypto

/// The key derived from a secret for one scope. It signs requests and the chunks of their bodies.
///
/// It can forge any request of its day, region and service, so it shows in no description or dump.
struct SigningKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let key: SymmetricKey
    let scope: CredentialScope

    /// Four HMACs, the same work for every secret.
    init(secret: [UInt8], scope: CredentialScope) {
        var key = Array("AWS4".utf8) + secret
        for part in [scope.date, scope.region, scope.service, CredentialScope.terminator] {
            key = Array(
                HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: SymmetricKey(data: key)))
        }
        self.key = SymmetricKey(data: key)
        self.scope = scope
    }

    /// Signs lines joined by line feeds; 64 hexadecimal digits.
    func sign(algorithm: String, time: SigningTime, _ lines: [[UInt8]]) -> [UInt8] {
        var text = Array("\(algorithm)\n\(time.text)\n\(scope.text)".utf8)
        for line in lines {
            text.append(0x0A)
            text.append(contentsOf: line)
        }
        return Hexadecimal.digits(of: HMAC<SHA256>.authenticationCode(for: text, using: key))
    }

    var description: String { "SigningKey(\(scope.text), <redacted>)" }
    var customMirror: Mirror { Mirror(self, children: ["scope": scope.text]) }
}
