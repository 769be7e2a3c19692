/// A master key as SDP carries it: one `a=crypto` line, RFC 4568, understood.
///
/// Secret: descriptions and mirrors never show the key. Two values are equal where everything is, the key included.
public struct SDESKey: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The number of the line; an answer repeats that of the line it takes.
    public let tag: Int
    /// Cipher and tag.
    public let suite: CryptoSuite
    /// The name of the suite as the line wrote it; an answer repeats it.
    public let suiteName: String
    /// Packets that the key may protect by the line's own word; nil where it says nothing: 2^48, and 2^31 of SRTCP.
    public let lifetime: UInt64?
    /// The identifier that each packet carries; nil for none.
    public let mki: MasterKeyIdentifier?
    private let masterKey: [UInt8]
    private let masterSalt: [UInt8]

    /// A key that did not come from a line.
    public init(
        tag: Int = 1, suite: CryptoSuite, masterKey: [UInt8], masterSalt: [UInt8], mki: MasterKeyIdentifier? = nil
    ) throws(SRTPError) {
        guard masterKey.count == suite.keyLength, masterSalt.count == suite.saltLength else {
            throw .invalidKeyLength(
                needed: suite.keyLength + suite.saltLength, got: masterKey.count + masterSalt.count)
        }
        self.init(
            tag: tag, suite: suite, suiteName: suite.rawValue, masterKey: masterKey, masterSalt: masterSalt,
            lifetime: nil, mki: mki)
    }

    /// A fresh key of our own. In production the generator must be a cryptographic one
    /// (`SystemRandomNumberGenerator`).
    ///
    /// - Parameters:
    ///   - tag: In an answer, that of the line taken.
    ///   - suiteName: In an answer, as the line taken writes it.
    public static func generate(
        tag: Int = 1, suite: CryptoSuite, suiteName: String? = nil, using generator: inout some RandomNumberGenerator
    ) -> SDESKey {
        func octets(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        return SDESKey(
            tag: tag, suite: suite, suiteName: suiteName ?? suite.rawValue, masterKey: octets(suite.keyLength),
            masterSalt: octets(suite.saltLength), lifetime: nil, mki: nil)
    }

    /// Our own key for an answer to this line: its tag and suite, a fresh key.
    public func answer(using generator: inout some RandomNumberGenerator) -> SDESKey {
        SDESKey.generate(tag: tag, suite: suite, suiteName: suiteName, using: &generator)
    }

    init(
        tag: Int, suite: CryptoSuite, suiteName: String, masterKey: [UInt8], masterSalt: [UInt8], lifetime: UInt64?,
        mki: MasterKeyIdentifier?
    ) {
        self.tag = tag
        self.suite = suite
        self.suiteName = suiteName
        self.masterKey = masterKey
        self.masterSalt = masterSalt
        self.lifetime = lifetime
        self.mki = mki
    }

    /// Stands where session keys were given and no master key is known; it protects like no other.
    static func absent(_ suite: CryptoSuite) -> SDESKey {
        SDESKey(
            tag: 0, suite: suite, suiteName: suite.rawValue, masterKey: [], masterSalt: [], lifetime: nil, mki: nil)
    }

    /// The key parameter as it goes on the wire, `inline:…`. Contains the key.
    public var keyParameter: String {
        var text = "inline:" + Base64.encode(masterKey + masterSalt)
        if let lifetime { text += "|\(lifetime)" }
        if let mki { text += "|" + mki.wireValue }
        return text
    }

    /// Whether packets look the same under both: suite, key, salt and identifier. Tag and lifetime do not matter.
    public func protectsLike(_ other: SDESKey) -> Bool {
        suite == other.suite && masterKey == other.masterKey && masterSalt == other.masterSalt && mki == other.mki
    }

    func sessionKeys(_ purpose: SessionKeys.Purpose) throws(SRTPError) -> SessionKeys {
        try SessionKeys(purpose, suite, masterKey: masterKey, masterSalt: masterSalt)
    }

    /// Tag and suite, never the key.
    public var description: String { "\(tag) \(suiteName) ***" }
    /// As ``description``.
    public var debugDescription: String { description }
    /// Tag and suite, never the key.
    public var customMirror: Mirror { Mirror(self, children: ["tag": tag, "suite": suiteName]) }
}
