/// What became of one call.
struct CallOutcome: Sendable {
    /// From the INVITE to its 2xx; nil without one.
    var answerMilliseconds: Double?
    /// Streams that were sent.
    var legs = 0
    var media = PacedResult()
    var failure: CallFailure?
}

/// What is worth telling while calls go on.
public enum CampaignEvent: Sendable {
    /// The first INVITE is about to be sent there; each call lasts `seconds`.
    case starting(endpoint: String, seconds: Double)
    /// A call was answered.
    case answered(call: Int, milliseconds: Double, receivers: [String])
}
