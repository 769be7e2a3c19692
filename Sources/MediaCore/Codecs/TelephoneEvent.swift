/// One telephone-event payload, RFC 4733 §2.3.
public struct TelephoneEvent: Sendable, Equatable {
    /// 0 to 9 are the digits, 10 `*`, 11 `#`, 12 to 15 A to D, 16 flash.
    public var code: UInt8
    /// The event has ended; the packet that says so is sent three times.
    public var isEnd: Bool
    /// Level in −dBm0, 0 to 63.
    public var volume: UInt8
    /// So far, in ticks of the RTP clock.
    public var duration: UInt16

    /// Nil when the payload is shorter than its four octets.
    public init?(parsing payload: RawSpan) {
        guard payload.byteCount >= 4 else { return nil }
        code = payload.octet(at: 0)
        let second = payload.octet(at: 1)
        isEnd = second & 0x80 != 0
        volume = second & 0x3F
        duration = payload.bigEndian16(at: 2)
    }

    /// The key as people write it; nil for codes that are no key.
    public var key: Character? {
        let keys: [Character] = [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D",
        ]
        return Int(code) < keys.count ? keys[Int(code)] : nil
    }
}
