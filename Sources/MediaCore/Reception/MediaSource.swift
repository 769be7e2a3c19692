/// One synchronisation source of a leg: its sequence numbers, its media time, and where that time lies on the leg's
/// time line (RFC 3550 §8: a new SSRC has nothing in common with the old one).
struct MediaSource {
    let ssrc: UInt32
    var window: SequenceWindow
    private var firstSequence: Int64
    private(set) var received: Int64 = 1
    /// Media time of the newest audio packet.
    var mediaTime: MediaTime
    /// Samples in the newest audio packet, and its sequence number.
    var newestLength: Int64 = 0
    var newestSequence: Int64
    /// Position on the leg's time line = media time + offset. Nil until the first audio packet.
    var offset: Int64?
    /// RFC 3550 §A.8: jitter in ticks, times 16.
    private(set) var scaledJitter: Int64 = 0
    private var transit: Int64?
    var lastArrival: Int64
    // For receiver reports, RFC 3550 §6.4.1.
    private var expectedPrior: Int64 = 0
    private var receivedPrior: Int64 = 0
    /// The middle 32 bits of the last sender report's NTP time and when it arrived; zero when none came.
    var lastSenderReport: UInt32 = 0
    var lastSenderReportArrival: Int64 = 0

    init(header: RTPHeader, arrival: Int64) {
        ssrc = header.ssrc
        // One turn above zero, so that packets from before the first one stay positive.
        firstSequence = Int64(header.sequenceNumber) + 65_536
        window = SequenceWindow(first: firstSequence)
        mediaTime = MediaTime(Int64(header.timestamp) + 1 << 32)
        newestSequence = firstSequence
        lastArrival = arrival
    }

    /// More than this between two sequence numbers is a restarted sender, not loss: RFC 3550 §A.1 MAX_DROPOUT.
    static let maximumDropout: Int64 = 3000

    enum Arrival { case packet(Int64, SequenceWindow.Verdict), restarted }

    mutating func receive(_ wire: UInt16) -> Arrival {
        let number = ExtendedSequenceNumber(window.highest).nearest(wire).value
        guard abs(number - window.highest) <= Self.maximumDropout else { return .restarted }
        let verdict = window.insert(number)
        if verdict == .newest || verdict == .reordered { received += 1 }
        // The first packet to arrive need not be the first one sent.
        firstSequence = min(firstSequence, number)
        return .packet(number, verdict)
    }

    /// RFC 3550 §A.8. `arrivalTicks` is the arrival in ticks of the RTP clock.
    mutating func updateJitter(arrivalTicks: Int64, timestamp: MediaTime) {
        let current = arrivalTicks - timestamp.ticks
        if let previous = transit {
            // A jump of more than ten seconds is a new time base and says nothing about the network.
            let difference = min(abs(current &- previous), 80_000)
            if difference < 80_000 { scaledJitter += difference - ((scaledJitter + 8) >> 4) }
        }
        transit = current
    }

    var lost: Int64 { max(0, window.highest - firstSequence + 1 - received) }

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
            jitter: UInt32(clamping: scaledJitter >> 4),
            lastSenderReport: lastSenderReport, delaySinceLastSenderReport: UInt32(clamping: delay))
    }
}
