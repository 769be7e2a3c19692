/// What became of all calls.
public struct CampaignReport: Sendable, Equatable {
    /// Calls placed.
    public var calls = 0
    /// Calls that were answered with 2xx.
    public var answered = 0
    /// Calls that were not answered, or did not end with our BYE after everything was sent.
    public var failed = 0
    /// Failed calls by status (`403`) or word (`noAnswer`).
    public var failures: [String: Int] = [:]
    /// A sentence for people for each different failure, with the number of calls; at most 20.
    public var explanations: [(text: String, calls: Int)] = []
    /// Milliseconds from INVITE to 2xx of each answered call, challenge included, ascending.
    public var answerTimes: [Double] = []
    /// RTP packets handed to the kernel.
    public var packetsSent = 0
    /// RTP packets the kernel did not take.
    public var packetsFailed = 0
    /// Packets that met a closed port at the server's machine.
    public var refusals = 0
    /// Packets the server's receiver reports count as lost; nil when no report came (calls under 5 s).
    public var reportedLost: Int?
    /// Streams that were sent.
    public var legs = 0
    /// From the first INVITE to the end of the last call.
    public var seconds = 0.0
    /// How well deadlines were kept.
    public var pacing = PacingStatistics()
    /// Calls asked for.
    public var wanted = 0

    /// Every call asked for was placed, answered and ended properly.
    public var isGood: Bool { failed == 0 && calls == wanted && answered == calls }

    /// The value that `part` (0…1) of the answer times do not exceed.
    public func answerTime(_ part: Double) -> Double? {
        guard !answerTimes.isEmpty else { return nil }
        let rank = Int((Double(answerTimes.count) * part).rounded(.up))
        return answerTimes[min(max(rank, 1), answerTimes.count) - 1]
    }

    mutating func add(_ outcome: CallOutcome, text: (CallFailure) -> String) {
        calls += 1
        legs += outcome.legs
        packetsSent += outcome.media.packetsSent
        packetsFailed += outcome.media.packetsFailed
        refusals += outcome.media.refusals
        if let lost = outcome.media.reportedLost { reportedLost = (reportedLost ?? 0) + lost }
        if let time = outcome.answerMilliseconds {
            answered += 1
            answerTimes.append(time)
        }
        guard let failure = outcome.failure else { return }
        failed += 1
        failures[failure.key, default: 0] += 1
        let sentence = text(failure)
        if let index = explanations.firstIndex(where: { $0.text == sentence }) {
            explanations[index].calls += 1
        } else if explanations.count < 20 {
            explanations.append((sentence, 1))
        }
    }

    /// Whether both say the same.
    public static func == (left: Self, right: Self) -> Bool {
        left.json == right.json && left.explanations.elementsEqual(right.explanations, by: ==)
    }
}
