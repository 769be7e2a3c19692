/// The stream that a bridge sends to one leg, as far as another sender needs it to go on.
struct RelayedStream: Sendable {
    let ssrc: UInt32
    private(set) var payloadType: UInt8
    /// Highest sequence number sent.
    private(set) var sequence: UInt16
    /// Highest timestamp sent, and when. Events keep theirs while time goes by, so the two belong together.
    private(set) var timestamp: UInt32
    private(set) var time: Int64
    /// Ticks a second of the newest payload type.
    private(set) var clockRate: UInt32 = 8_000
    private var packets: UInt32 = 0
    private var octets: UInt32 = 0

    init(_ header: RTPHeader, at now: Int64) {
        ssrc = header.ssrc
        // Not a payload type, so that the clock rate is looked up once.
        payloadType = .max
        sequence = header.sequenceNumber
        timestamp = header.timestamp
        time = now
    }

    mutating func adopt(_ type: UInt8, clockRate: UInt32) {
        payloadType = type
        self.clockRate = clockRate
    }

    mutating func note(_ header: RTPHeader, at now: Int64) {
        // RFC 3550 §6.4.1: counts wrap, and padding is no payload.
        packets &+= 1
        octets &+= UInt32(truncatingIfNeeded: header.payload.count)
        if Int16(bitPattern: header.sequenceNumber &- sequence) > 0 { sequence = header.sequenceNumber }
        if Int32(bitPattern: header.timestamp &- timestamp) > 0 {
            timestamp = header.timestamp
            time = now
        }
    }

    /// The timestamp of `now`: a day of standstill is the most that is followed.
    func timestamp(at now: Int64) -> UInt32 {
        let elapsed = min(max(0, now &- time), 86_400_000_000_000)
        // At most 8.64e13 · 96,000 < 2^63.
        return timestamp &+ UInt32(truncatingIfNeeded: elapsed * Int64(min(clockRate, 96_000)) / 1_000_000_000)
    }

    func sentMedia(at now: Int64) -> SentMedia {
        SentMedia(ssrc: ssrc, timestamp: timestamp(at: now), packets: packets, octets: octets)
    }
}

/// How the numbers of one sender continue those of another.
struct RelayAnchor: Sendable {
    /// The sender's own source.
    let incoming: UInt32
    private let outgoing: UInt32
    private let sequence: UInt16
    private let timestamp: UInt32
    /// The first number sent, to keep what came before it from using a number twice.
    private let first: UInt16
    private let since: Int64
    private let previous: UInt32
    private var packets = 0

    /// - Parameter previous: whose packets went out until now.
    init(continuing stream: RelayedStream, of previous: UInt32, with header: RTPHeader, at now: Int64) {
        incoming = header.ssrc
        outgoing = stream.ssrc
        first = stream.sequence &+ 1
        sequence = first &- header.sequenceNumber
        let next = stream.timestamp(at: now)
        // One tick at least: no two pieces of audio have the same time.
        timestamp = (next == stream.timestamp ? next &+ 1 : next) &- header.timestamp
        since = now
        self.previous = previous
    }

    /// True for what the sender before still had under way: half a second, during which it may not take the stream back.
    func isStale(_ source: UInt32, at now: Int64) -> Bool {
        source == previous && now &- since < 500_000_000
    }

    /// False for a packet from before the anchor.
    func apply(to header: inout RTPHeader) -> Bool {
        let number = header.sequenceNumber &+ sequence
        // Half a turn later the difference says nothing any more, and nothing so old is under way.
        if packets < 1_000, Int16(bitPattern: number &- first) < 0 { return false }
        header.ssrc = outgoing
        header.sequenceNumber = number
        header.timestamp = header.timestamp &+ timestamp
        return true
    }

    mutating func age() { if packets < 1_000 { packets += 1 } }
}
