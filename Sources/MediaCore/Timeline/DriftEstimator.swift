/// Follows the sender's clock against ours and says when samples must be put in or taken out.
///
/// Latency here is arrival minus position, in samples. Network jitter only ever adds to it, so the least latency within
/// a window is close to the truth; its slow movement is the difference of the two clocks. A correction is due when two
/// windows in a row agree, which a passing change of the network does not bring about often.
struct DriftEstimator {
    /// Nanoseconds. At 100 ppm the clocks part by one millisecond in it.
    static let window: Int64 = 10_000_000_000
    /// A window with fewer packets than this says too little and goes on: with 200 ms of jitter, the least latency of
    /// 150 packets is about 1.3 ms from the truth.
    static let minimumPackets: Int64 = 150
    private static let unknown = Int64.max

    /// Samples to put in (positive) or to take out (negative).
    private(set) var correction: Int64 = 0
    // Numbers with a mark for "not yet" and not optionals: every packet passes here.
    private var windowStart = Self.unknown
    private var least = Self.unknown
    private var packets: Int64 = 0
    private var reference = Self.unknown
    private var referenceTime: Int64 = 0
    private var deviation: Int64 = 0
    private var previous = Self.unknown
    /// Samples put in and taken out for the clocks' sake.
    private var corrected: Int64 = 0
    /// The part of ``correction`` that aligns legs and says nothing about clocks; what was asked for in sum.
    private var aligning: Int64 = 0
    private var aligned: Int64 = 0
    /// Samples of the line a millisecond.
    private let millisecond: Int64

    init(line rate: Int) { millisecond = Int64(rate) / 1_000 }

    /// 4 ms. Two legs that drift in opposite directions then stay within one frame of 20 ms.
    private var threshold: Int64 { 4 * millisecond }
    private var maximumDelay: Int64 { 250 * millisecond }

    /// The best guess of the latency of a packet that the network did not delay.
    ///
    /// The first packet lies where it arrived, so the truth is below zero by no more than its own delay (250 ms). What
    /// is further below is a sender that runs ahead, and must not pull the clock after it. A line that was aligned with
    /// another one lies that much further on.
    var latency: Int64 {
        let known = reference != Self.unknown ? reference : least != Self.unknown ? least : 0
        return max(-maximumDelay - aligned, known)
    }

    @inline(__always)
    mutating func observe(latency: Int64, at arrival: Int64) {
        guard correction == 0, windowStart != Self.unknown else { return restart(at: arrival) }
        if arrival - windowStart >= Self.window, packets >= Self.minimumPackets { close(at: arrival) }
        least = min(least, latency)
        packets += 1
    }

    /// `samples` of the correction have been made.
    mutating func consume(_ samples: Int64) {
        correction -= samples
        // What was asked for by the other leg goes first.
        let alignment = aligning > 0 ? max(0, min(aligning, samples)) : min(0, max(aligning, samples))
        aligning -= alignment
        corrected += samples - alignment
    }

    /// The line is to lie `samples` later from now on; its new latency is the right one.
    mutating func align(by samples: Int64) {
        // Until the first window has closed, what it has seen so far has to do; zero is where the first packet lay.
        reference = (reference != Self.unknown ? reference : least != Self.unknown ? least : 0) - samples
        if referenceTime == 0, windowStart != Self.unknown { referenceTime = windowStart }
        previous = Self.unknown
        correction += samples
        aligning += samples
        aligned += samples
    }

    /// Sender's clock against ours, ppm; positive when the sender runs fast.
    func skew(at now: Int64) -> Double {
        guard reference != Self.unknown, now > referenceTime, referenceTime != 0 else { return 0 }
        let elapsed = Double(now - referenceTime) * Double(millisecond) / 1_000_000
        return -Double(deviation + corrected) / elapsed * 1_000_000
    }

    private mutating func restart(at arrival: Int64) {
        windowStart = arrival
        least = Self.unknown
        packets = 0
    }

    private mutating func close(at arrival: Int64) {
        defer { restart(at: arrival) }
        guard reference != Self.unknown else {
            reference = max(-maximumDelay, least)
            referenceTime = arrival
            return
        }
        deviation = least - reference
        defer { previous = correction == 0 ? deviation : Self.unknown }
        guard previous != Self.unknown, abs(previous) >= threshold, abs(deviation) >= threshold,
            (previous < 0) == (deviation < 0)
        else { return }
        correction = deviation < 0 ? max(previous, deviation) : min(previous, deviation)
    }
}
