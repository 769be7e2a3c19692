/// One `a=crypto` line, RFC 4568 §4: tag, suite, keys and session parameters, not interpreted.
///
/// Secret: ``description`` and mirrors never show the keys.
public struct CryptoAttribute: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The number by which an answer names the accepted line.
    public let tag: Int
    /// As written, e.g. `AES_CM_128_HMAC_SHA1_80`.
    public let suite: String
    /// Each `inline:…` of the key parameters, as written.
    public let keyParameters: [String]
    /// Each session parameter, as written, e.g. `UNENCRYPTED_SRTCP`.
    public let sessionParameters: [String]

    /// Makes a line of our own; the keys are secret.
    public init(tag: Int, suite: String, keyParameters: [String], sessionParameters: [String] = []) {
        self.tag = tag
        self.suite = suite
        self.keyParameters = keyParameters
        self.sessionParameters = sessionParameters
    }

    /// Reads the value of an `a=crypto` attribute; nil where tag, suite or keys are missing.
    public init?(parsing text: some StringProtocol) {
        let words = text.asciiWords(limit: 16)
        // RFC 4568 §9.1: the tag has one to nine digits.
        guard words.count >= 3, words[0].utf8.count <= 9, let tag = Int(words[0]), tag >= 0 else { return nil }
        self.tag = tag
        suite = words[1]
        keyParameters = words[2].asciiSplit(UInt8(ascii: ";"), limit: 16).filter { !$0.isEmpty }
        sessionParameters = Array(words[3...])
        guard !keyParameters.isEmpty else { return nil }
    }

    /// The value of the attribute as it goes on the wire; contains the keys.
    public var wireValue: String {
        ([String(tag), suite, keyParameters.joined(separator: ";")] + sessionParameters).joined(separator: " ")
    }

    /// Tag and suite, never the keys.
    public var description: String { "\(tag) \(suite) ***" }
    /// As ``description``.
    public var debugDescription: String { description }
    /// Tag and suite, never the keys.
    public var customMirror: Mirror { Mirror(self, children: ["tag": tag, "suite": suite]) }
}
