/// Why one `a=crypto` line of an offer cannot be used. Never holds key material.
public enum CryptoRefusal: Sendable, Equatable, CustomStringConvertible {
    /// A suite that is not known or not allowed here.
    case unknownSuite(String)
    /// Not exactly one key.
    case keyCount(Int)
    /// The key does not begin with `inline:`, the only method of RFC 4568.
    case unknownKeyMethod
    /// A session parameter that is not understood (RFC 4568 §6.3).
    case sessionParameter(String)

    /// For a reason phrase and for logs.
    public var description: String {
        switch self {
        case .unknownSuite(let name): "suite \(name) is not known here"
        case .keyCount(let count): "\(count) keys in one line"
        case .unknownKeyMethod: "the key does not begin with inline:"
        case .sessionParameter(let name): "session parameter \(name) is not understood"
        }
    }

    /// A peer's word, fit for a log: a key that stands in the wrong place must not get into one. No name is as long as
    /// the shortest key (38 characters of base64).
    static func shown(_ word: String) -> String {
        let isName = word.utf8.allSatisfy { byte in
            byte.isASCIILetter || (byte >= 0x30 && byte <= 0x39) || byte == 0x5F || byte == 0x2D
        }
        return isName && !word.isEmpty && word.utf8.count <= 32 && !word.asciiLowercased.hasPrefix("inline")
            ? word : "(unreadable)"
    }
}

extension CryptoAttribute {
    /// Why this line cannot be used where these suites are allowed; nil where it can, as far as a description tells. The
    /// key itself is not decoded here.
    ///
    /// RFC 4568 §6.3: a session parameter that is not understood makes the line unusable, unless it begins with `-`, by
    /// which the offerer says that it may be left out (§6.3.7). Two are understood: `WSH` of at least 64, a hint, and
    /// `KDR=0`, the default.
    public func refusal(allowing suites: [String]) -> CryptoRefusal? {
        let name = suite.asciiLowercased
        guard suites.contains(where: { $0.asciiLowercased == name }) else {
            return .unknownSuite(CryptoRefusal.shown(suite))
        }
        guard keyParameters.count == 1, let key = keyParameters.first else { return .keyCount(keyParameters.count) }
        guard key.asciiLowercased.hasPrefix("inline:") else { return .unknownKeyMethod }
        for parameter in sessionParameters where !Self.isUnderstood(parameter) {
            let name = parameter.asciiSplit(UInt8(ascii: "="), limit: 2).first ?? ""
            return .sessionParameter(CryptoRefusal.shown(name))
        }
        return nil
    }

    private static func isUnderstood(_ parameter: String) -> Bool {
        if parameter.utf8.first == UInt8(ascii: "-") { return true }
        let parts = parameter.asciiSplit(UInt8(ascii: "="), limit: 2)
        let value = parts.count > 1 ? Int(parts[1]) : nil
        switch parts.first?.asciiLowercased {
        case "wsh": return (value ?? 0) >= 64
        case "kdr": return value == 0
        default: return false
        }
    }
}

extension MediaDescription {
    /// The line of the offer that an answer takes: the first usable one, since an offer lists them in order of preference
    /// (RFC 4568 §5.1.1); nil where none is.
    public func usableCrypto(allowing suites: [String]) -> CryptoAttribute? {
        crypto.first { $0.refusal(allowing: suites) == nil }
    }

    /// Whether SRTP is what an answer under this policy agrees on: the profile says so, or it is plain RTP with a usable
    /// `a=crypto`.
    ///
    /// RFC 4568 §5 has keys on secure profiles only, and RFC 5939 would negotiate the profile; sources do neither. What
    /// they do became RFC 8643: RTP/AVP with `a=crypto` means "encrypted if you can", and an answer with `a=crypto` and
    /// the same profile makes it so. So such a line is taken encrypted; where none of its keys can be used it is plain.
    public func isEncrypted(under policy: AnswerPolicy) -> Bool {
        if isSecure { return true }
        switch policy.secureMedia {
        case .refuse: return false
        case .accept, .required: return isPlainRTP && usableCrypto(allowing: policy.cryptoSuites) != nil
        }
    }
}
