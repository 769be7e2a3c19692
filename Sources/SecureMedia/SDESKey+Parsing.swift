extension SDESKey {
    /// Reads one `a=crypto` line whose words are already apart.
    ///
    /// - Parameters:
    ///   - keyParameters: Each `inline:…`; exactly one is supported.
    ///   - sessionParameters: What follows. One that is not understood refuses the line (RFC 4568 §6.3), unless it
    /// begins with `-`, by which the offerer says that it may be left out (§6.3.7).
    public init(
        tag: Int, suite name: String, keyParameters: [String], sessionParameters: [String] = []
    ) throws(SDESKeyError) {
        guard let suite = CryptoSuite(sdpName: name) else { throw .unknownSuite(String(name.prefix(64))) }
        guard keyParameters.count == 1, let parameter = keyParameters.first else {
            throw .keyCount(keyParameters.count)
        }
        for session in sessionParameters { try SDESKey.checkSessionParameter(session) }
        // RFC 4568 §9.2: the key method is ABNF, so its case does not matter.
        guard parameter.utf8.count <= 1024, parameter.prefix(7).lowercased() == "inline:" else {
            throw .unknownKeyMethod
        }
        // §6.1: key and salt, then lifetime, then MKI; both may be left out, and only the MKI has a colon.
        let fields = parameter.dropFirst(7).split(separator: "|", maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count <= 3, let first = fields.first else { throw .excessKeyFields }
        guard let octets = Base64.decode(first) else { throw .invalidBase64 }
        guard octets.count == suite.keyLength + suite.saltLength else {
            throw .wrongLength(needed: suite.keyLength + suite.saltLength, got: octets.count)
        }
        var lifetime: UInt64?
        var mki: MasterKeyIdentifier?
        for field in fields.dropFirst() {
            if field.contains(":") {
                guard mki == nil, let read = MasterKeyIdentifier(parsing: field) else { throw .invalidIdentifier }
                mki = read
            } else {
                guard mki == nil, lifetime == nil, let read = SDESKey.lifetime(field) else { throw .invalidLifetime }
                lifetime = read
            }
        }
        self.init(
            tag: tag, suite: suite, suiteName: name, masterKey: Array(octets[..<suite.keyLength]),
            masterSalt: Array(octets[suite.keyLength...]), lifetime: lifetime, mki: mki)
    }

    /// Reads the value of an `a=crypto` attribute: `1 AES_CM_128_HMAC_SHA1_80 inline:… …`.
    public init(parsing value: String) throws(SDESKeyError) {
        let words = value.split(separator: " ", maxSplits: 15)
        guard words.count >= 3, words[0].utf8.count <= 9, let tag = Int(words[0]), tag >= 0 else {
            throw .keyCount(0)
        }
        try self.init(
            tag: tag, suite: String(words[1]), keyParameters: words[2].split(separator: ";").map(String.init),
            sessionParameters: words[3...].map(String.init))
    }

    /// `2^20` or `1048576`; at most 2^48.
    private static func lifetime(_ text: Substring) -> UInt64? {
        let number: UInt64?
        if text.hasPrefix("2^") {
            number = UInt64(text.dropFirst(2)).flatMap { $0 <= 48 ? 1 << $0 : nil }
        } else {
            number = text.utf8.count <= 16 ? UInt64(text) : nil
        }
        return number.flatMap { $0 > 0 && $0 <= PacketIndex.end ? $0 : nil }
    }

    private static func checkSessionParameter(_ text: String) throws(SDESKeyError) {
        if text.hasPrefix("-") { return }
        let parts = text.split(separator: "=", maxSplits: 1)
        let name = parts.first.map { $0.uppercased() } ?? ""
        let value = parts.count > 1 ? Int(parts[1]) : nil
        switch name {
        // §6.3.6: a hint how large the peer would like our replay window, at least 64. Ours is what it is.
        case "WSH" where (value ?? 0) >= 64: return
        // §6.3.1: 2^n packets between derivations; the parameter left out means 0, and so do we.
        case "KDR" where value == 0: return
        default: throw .unsupportedSessionParameter(String(name.prefix(64)))
        }
    }
}
