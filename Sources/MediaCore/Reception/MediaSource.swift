/// One synchronisation source of a leg: its sequence numbers, its media time, and where that time lies on the leg's
/// time line (RFC 3550 §8: a new SSRC has nothing in common with the old one).
///
/// Ordered by use: what every packet touches comes first.
struct MediaSource {
    let ssrc: UInt32
    /// The payload type of the packet before and what it carries, so that the map is asked only when it changes.
    var payloadType: UInt8 = .max
    var kind: PayloadKind = .unknown
    /// A place on the line is known for its media time.
    private(set) var isAnchored = false
    private var hasTransit = false
    private(set) var clock: SourceClock
    var lastArrival: Int64
    /// Media time of the newest audio packet, its place and length on the line, and its sequence number.
    private(set) var mediaTime: MediaTime
    private(set) var newestPosition: Int64 = 0
    private(set) var newestLength: Int64 = 0
    private(set) var newestSequence: Int64
    /// Position on the leg's time line = media time in samples of the line + offset.
    private(set) var offset: Int64 = 0
    /// Of the last audio packet in order of arrival, for the jitter.
    private var transitArrival: Int64 = 0
    private var transitTime = MediaTime(0)
    /// RFC 3550 §A.8, in nanoseconds and not in ticks, times 16: it goes on when the clock changes.
    private(set) var scaledJitter: Int64 = 0
    private(set) var received: Int64 = 1
    private var firstSequence: Int64
    var window: SequenceWindow

    // What only some packets touch.
    /// Ticks of a frame of a codec that nobody knows, from the last two packets in a row; 20 ms until then.
    private(set) var unknownFrame: Int64
    // For receiver reports, RFC 3550 §6.4.1.
    private var expectedPrior: Int64 = 0
    private var receivedPrior: Int64 = 0
    /// The middle 32 bits of the last sender report's NTP time and when it arrived; zero when none came.
    private(set) var lastSenderReport: UInt32 = 0
    private var lastSenderReportArrival: Int64 = 0
    var senderTime = SenderTime()

    /// `sequenceNumber` is that of the first packet, which counts as received.
    init(header: RTPHeader, arrival: Int64, line rate: Int) {
        ssrc = header.ssrc
        // One turn above zero, so that packets from before the first one stay positive.
        firstSequence = Int64(header.sequenceNumber) + 65_536
        window = SequenceWindow(first: firstSequence)
        mediaTime = Self.base(header.timestamp)
        newestSequence = firstSequence
        lastArrival = arrival
        clock = SourceClock(hertz: 8_000, line: rate)
        unknownFrame = 160
    }

    private static func base(_ timestamp: UInt32) -> MediaTime { MediaTime(Int64(timestamp) + 1 << 32) }

    /// More than this between two sequence numbers is a restarted sender, not loss: RFC 3550 §A.1 MAX_DROPOUT.
    static let maximumDropout: Int64 = 3000

    enum Arrival { case packet(Int64, SequenceWindow.Verdict), restarted }

    @inline(__always)
    mutating func receive(_ wire: UInt16) -> Arrival {
        guard wire == UInt16(truncatingIfNeeded: window.highest &+ 1) else { return receiveOutOfOrder(wire) }
        received += 1
        return .packet(window.insertNext(), .newest)
    }

    @inline(never)
    private mutating func receiveOutOfOrder(_ wire: UInt16) -> Arrival {
        let number = ExtendedSequenceNumber(window.highest).nearest(wire).value
        guard abs(number - window.highest) <= Self.maximumDropout else { return .restarted }
        let verdict = window.insert(number)
        if verdict == .newest || verdict == .reordered {
            received += 1
            // The first packet to arrive need not be the first one sent.
            firstSequence = min(firstSequence, number)
        }
        return .packet(number, verdict)
    }

    /// RFC 7160 §4: the same SSRC goes on with a payload type of another clock. Its media time begins anew.
    mutating func change(clock: SourceClock, timestamp: UInt32) {
        self.clock = clock
        isAnchored = false
        hasTransit = false
        mediaTime = Self.base(timestamp)
        unknownFrame = max(1, Int64(clock.hertz) / 50)
        senderTime = SenderTime()
    }

    /// The place of `time` on the line; meaningful when the source is anchored.
    @inline(__always)
    func position(of time: MediaTime) -> Int64 { clock.samples(ticks: time.ticks) &+ offset }

    /// From now on the media time that ends in `timestamp` lies at `position`. Counting begins again near zero, so that
    /// a sender that jumps with every packet never runs out of numbers.
    mutating func anchor(_ timestamp: UInt32, at position: Int64) -> MediaTime {
        let time = Self.base(timestamp)
        mediaTime = time
        offset = position - clock.samples(ticks: time.ticks)
        isAnchored = true
        hasTransit = false
        senderTime = SenderTime()
        return time
    }

    /// An audio packet is the newest one.
    @inline(__always)
    mutating func note(newest time: MediaTime, at position: Int64, length: Int64, sequence: Int64) {
        mediaTime = time
        newestPosition = position
        newestLength = length
        newestSequence = sequence
    }

    /// A packet of an unknown codec, before it is noted: its frame is as long as the time to the next one.
    mutating func learnFrame(from time: MediaTime, sequence: Int64) {
        let ticks = time.ticks - mediaTime.ticks
        guard isAnchored, sequence == newestSequence + 1, ticks > 0, ticks <= Int64(clock.hertz) * 3 / 10 else {
            return
        }
        unknownFrame = ticks
    }

    mutating func shift(by samples: Int64) {
        offset += samples
        newestPosition += samples
    }

    /// RFC 3550 §A.8.
    @inline(__always)
    mutating func updateJitter(arrival: Int64, time: MediaTime) {
        let ticks = time.ticks - transitTime.ticks
        let difference = abs((arrival - transitArrival) &- clock.nanoseconds(ticks: ticks))
        // A jump of more than ten seconds is a new time base and says nothing about the network.
        if hasTransit, difference < 10_000_000_000 { scaledJitter += difference - ((scaledJitter + 8) >> 4) }
        hasTransit = true
        transitArrival = arrival
        transitTime = time
    }

    /// Nanoseconds.
    var jitter: Int64 { max(0, scaledJitter >> 4) }

    var lost: Int64 { max(0, window.highest - firstSequence + 1 - received) }
    var lossRuns: Int64 { max(0, min(lost, window.missingRuns)) }

    mutating func receive(report ntp: UInt64, timestamp: UInt32, arrival: Int64, line rate: Int) {
        // RFC 3550 §6.4.1: the middle 32 of the 64 bits.
        lastSenderReport = UInt32(truncatingIfNeeded: ntp >> 16)
        lastSenderReportArrival = arrival
        guard isAnchored else { return }
        let ticks = mediaTime.nearest(timestamp).ticks
        senderTime.receive(ntp: ntp, media: clock.samples(ticks: ticks), line: rate)
    }

    /// The report block of RFC 3550 §6.4.1 about this source; `delay` fields follow from `now`, nanoseconds.
    mutating func reportBlock(now: Int64) -> RTCPReportBlock {
        let expected = max(0, window.highest - firstSequence + 1)
        let expectedInterval = expected - expectedPrior
        let lostInterval = expectedInterval - (received - receivedPrior)
        expectedPrior = expected
        receivedPrior = received
        let fraction = expectedInterval <= 0 || lostInterval <= 0 ? 0 : min(255, lostInterval * 256 / expectedInterval)
        // DLSR is in units of 1/65,536 s.
        let delay = lastSenderReport == 0 ? 0 : max(0, now - lastSenderReportArrival) / 1_000 * 65_536 / 1_000_000
        return RTCPReportBlock(
            ssrc: ssrc, fractionLost: UInt8(fraction), cumulativeLost: Int32(clamping: min(lost, 0x7F_FFFF)),
            highestSequence: UInt32(truncatingIfNeeded: window.highest - 65_536),
            jitter: UInt32(clamping: jitter / 1_000 * Int64(clock.hertz) / 1_000_000),
            lastSenderReport: lastSenderReport, delaySinceLastSenderReport: UInt32(clamping: delay))
    }
}
