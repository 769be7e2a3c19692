/// Makes the random strings of SIP. The generator is the caller's; in production it must be a cryptographic one
/// (`SystemRandomNumberGenerator`), because RFC 3261 §19.3 wants tags that nobody can guess.
public enum SIPIdentifier {
    /// A From or To tag: 96 random bits as 24 hexadecimal digits (RFC 3261 §19.3 asks for at least 32).
    public static func tag(using generator: inout some RandomNumberGenerator) -> String {
        token(words: 3, using: &generator)
    }

    /// A Via branch: the magic cookie of RFC 3261 §8.1.1.7 and 96 random bits.
    public static func branch(using generator: inout some RandomNumberGenerator) -> String {
        Via.magicCookie + token(words: 3, using: &generator)
    }

    /// A Call-ID: 128 random bits, with `@host` when one is given (RFC 3261 §8.1.1.4).
    public static func callID(host: String? = nil, using generator: inout some RandomNumberGenerator) -> String {
        let word = token(words: 4, using: &generator)
        return host.map { "\(word)@\($0)" } ?? word
    }

    private static func token(words: Int, using generator: inout some RandomNumberGenerator) -> String {
        var text = ""
        for _ in 0..<words {
            let digits = String(UInt32.random(in: .min ... .max, using: &generator), radix: 16)
            text += String(repeating: "0", count: 8 - digits.count) + digits
        }
        return text
    }
}
