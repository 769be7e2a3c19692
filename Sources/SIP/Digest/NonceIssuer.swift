import Crypto

/// Makes nonces that carry their own age and a keyed mark, so that the server need not remember them
/// (RFC 7616 §3.3: time-stamp and a private key).
///
/// Layout, in hexadecimal digits: 8 octets milliseconds since the issuer was made, 8 octets serial number,
/// 16 octets HMAC-SHA256 over both and the realm.
struct NonceIssuer {
    /// What a genuine nonce says.
    struct Stamp: Equatable {
        var serial: UInt64
        var isExpired: Bool
    }

    private static let markSize = 16

    private let key: SymmetricKey
    private let realm: String
    private let start: ContinuousClock.Instant
    private let lifetime: Duration
    private var lastSerial: UInt64 = 0

    init(secret: [UInt8], realm: String, start: ContinuousClock.Instant, lifetime: Duration) {
        key = SymmetricKey(data: secret)
        self.realm = realm
        self.start = start
        self.lifetime = lifetime
    }

    mutating func issue(at now: ContinuousClock.Instant) -> String {
        lastSerial &+= 1
        let stamp = Self.octets(milliseconds(now)) + Self.octets(lastSerial)
        return String(decoding: Hexadecimal.digits(of: stamp + mark(stamp)), as: UTF8.self)
    }

    /// Nil when the nonce was not made here (or before a restart).
    func read(_ nonce: String, at now: ContinuousClock.Instant) -> Stamp? {
        guard nonce.utf8.count == 2 * (16 + Self.markSize), let octets = Hexadecimal.octets(of: nonce.utf8),
            DigestComputation.areEqual(octets.dropFirst(16), mark(Array(octets.prefix(16))))
        else { return nil }
        let issued = Self.number(octets.prefix(8))
        let age = milliseconds(now).subtractingReportingOverflow(issued)
        let limit = UInt64(clamping: lifetime / .milliseconds(1))
        return Stamp(
            serial: Self.number(octets[8..<16]), isExpired: !age.overflow && age.partialValue > limit)
    }

    private func mark(_ stamp: [UInt8]) -> [UInt8] {
        let code = HMAC<SHA256>.authenticationCode(for: stamp + Array(realm.utf8), using: key)
        return Array(Array(code).prefix(Self.markSize))
    }

    private func milliseconds(_ now: ContinuousClock.Instant) -> UInt64 {
        UInt64(clamping: start.duration(to: now) / .milliseconds(1))
    }

    private static func octets(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension UInt64 {
    /// Whole part, held within bounds.
    fileprivate init(clamping value: Double) {
        self = value <= 0 ? 0 : value >= 1e18 ? 1_000_000_000_000_000_000 : UInt64(value)
    }
}
