import Addressing
import CCertificate
import Glibc

/// A certificate made on the spot for a server that has been given none, and its key.
///
/// Nobody but the peer's own settings can vouch for it: the service says in its log that it uses one.
public struct SelfSignedCertificate: Sendable {
    /// The certificate, PEM.
    public let certificatePEM: [UInt8]
    /// The RSA-2048 key, PEM (PKCS#8). Secret: never log it.
    public let privateKeyPEM: [UInt8]

    /// Makes a key and a certificate for `names`: host names or textual addresses; the first is the subject.
    ///
    /// It takes some tens of milliseconds (RSA key generation). The certificate is valid for 825 days from yesterday.
    public init(names: [String]) throws(CertificateError) {
        let alternatives = names.compactMap(Self.alternativeName)
        guard alternatives.count == names.count, let subject = names.first else {
            throw .unusableName(names.joined(separator: ", "))
        }
        let list = alternatives.joined(separator: ",")
        // A name too long for a common name stands in the alternative names, which is where verifiers look.
        let commonName = subject.utf8.count <= 64 ? subject : "sip"
        var certificate: UnsafeMutablePointer<CChar>?
        var key: UnsafeMutablePointer<CChar>?
        let result = certificate_make_self_signed(commonName, list, 825, &certificate, &key)
        defer {
            certificate_free(certificate)
            certificate_free(key)
        }
        guard result == 0, let certificate, let key else { throw .generationFailed(code: Int(result)) }
        certificatePEM = Self.octets(certificate)
        privateKeyPEM = Self.octets(key)
    }

    /// The name in the notation of a subjectAltName extension; nil for a name that could smuggle in another entry.
    private static func alternativeName(_ name: String) -> String? {
        if let address = IPAddress(parsing: name) { return "IP:\(address)" }
        let allowed = name.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard allowed, (1...253).contains(name.utf8.count) else { return nil }
        return "DNS:\(name)"
    }

    private static func octets(_ text: UnsafeMutablePointer<CChar>) -> [UInt8] {
        (0..<strlen(text)).map { UInt8(bitPattern: text[$0]) }
    }
}

/// Why there is no certificate to serve TLS with.
public enum CertificateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A host name or address cannot stand in a certificate.
    case unusableName(String)
    /// libcrypto failed.
    case generationFailed(code: Int)
    /// A file could not be written or read; `reason` is the text of the operating system.
    case file(path: String, reason: String)
    /// A configured file holds no usable certificate or key.
    case unusable(path: String, reason: String)
    /// Only one of certificate and private key was configured.
    case incomplete

    /// What, where, and how to mend it.
    public var description: String {
        switch self {
        case .unusableName(let name):
            "no certificate can be made for the name \"\(name)\": use a host name or an IP address"
        case .generationFailed(let code):
            "libcrypto could not make a self-signed certificate (step \(code)); "
                + "configure a certificate and a private key instead"
        case .file(let path, let reason):
            "\(path): \(reason)"
        case .unusable(let path, let reason):
            "\(path) cannot be used for TLS: \(reason); it must be a PEM file"
        case .incomplete:
            "TLS needs both a certificate and a private key: configure both, or neither for a self-signed one"
        }
    }
}
