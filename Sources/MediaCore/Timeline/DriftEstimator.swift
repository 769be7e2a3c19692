/// Follows the sender's clock against ours and says when samples must be put in or taken out.
///
/// Latency here is arrival minus position, in samples. Network jitter only ever adds to it, so the least latency within
/// a window is close to the truth; its slow movement is the difference of the two clocks. A correction is due when two
/// windows in a row agree, which a passing change of the network does not bring about often.
struct DriftEstimator {
    /// Nanoseconds. At 100 ppm the clocks part by one millisecond in it.
    static let window: Int64 = 10_000_000_000
    /// Samples: 4 ms. Two legs that drift in opposite directions then stay within one frame of 20 ms.
    static let threshold: Int64 = 32
    /// A window with fewer packets than this says too little and goes on: with 200 ms of jitter, the least latency of
    /// 150 packets is about 1.3 ms from the truth.
    static let minimumPackets = 150

    /// Samples to put in (positive) or to take out (negative).
    private(set) var correction: Int64 = 0
    private(set) var corrected: Int64 = 0
    private var reference: Int64?
    private var referenceTime: Int64 = 0
    private var deviation: Int64 = 0
    private var previous: Int64?
    private var windowStart: Int64?
    private var least: Int64 = .max
    private var packets = 0

    /// The best guess of the latency of a packet that the network did not delay.
    ///
    /// The first packet lies where it arrived, so the truth is below zero by no more than its own delay. What is further
    /// below is a sender that runs ahead, and must not pull the clock after it.
    var latency: Int64 { max(-Self.maximumDelay, reference ?? (least == .max ? 0 : least)) }
    /// Samples: 250 ms.
    static let maximumDelay: Int64 = 2_000

    mutating func observe(latency: Int64, at arrival: Int64) {
        guard correction == 0 else { return restart(at: arrival) }
        guard let start = windowStart else { return restart(at: arrival) }
        if arrival - start >= Self.window, packets >= Self.minimumPackets { close(at: arrival) }
        least = min(least, latency)
        packets += 1
    }

    /// `samples` of the correction have been made.
    mutating func consume(_ samples: Int64) {
        correction -= samples
        corrected += samples
    }

    /// Sender's clock against ours, ppm; positive when the sender runs fast.
    func skew(at now: Int64) -> Double {
        guard reference != nil, now > referenceTime else { return 0 }
        let elapsed = Double(now - referenceTime) * 8 / 1_000_000
        return -Double(deviation + corrected) / elapsed * 1_000_000
    }

    private mutating func restart(at arrival: Int64) {
        windowStart = arrival
        least = .max
        packets = 0
    }

    private mutating func close(at arrival: Int64) {
        defer { restart(at: arrival) }
        guard let reference else {
            reference = max(-Self.maximumDelay, least)
            referenceTime = arrival
            return
        }
        deviation = least - reference
        defer { previous = correction == 0 ? deviation : nil }
        guard let previous, abs(previous) >= Self.threshold, abs(deviation) >= Self.threshold,
            (previous < 0) == (deviation < 0)
        else { return }
        correction = deviation < 0 ? max(previous, deviation) : min(previous, deviation)
    }
}
