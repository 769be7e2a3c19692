/// Finds a request that arrived a second time over another path (RFC 3261 §8.2.2.2).
///
/// A request without a To tag whose From tag, Call-ID and CSeq equal those of a running server transaction, but whose
/// ``TransactionKey`` differs, was forked and merged: answer 482 (Loop Detected).
public struct MergedRequestKey: Hashable, Sendable {
    private let fromTag: String
    private let callID: String
    private let sequence: UInt32
    private let method: SIPMethod

    /// `nil` when the rule does not apply: there is a To tag, or no From tag, or it is an ACK or CANCEL.
    public init?(_ request: SIPRequest) {
        guard request.method != .ack, request.method != .cancel, let to = request.to, to.tag == nil,
            let fromTag = request.from?.tag, let callID = request.callID, let cSeq = request.cSeq
        else { return nil }
        self.fromTag = fromTag
        self.callID = callID
        sequence = cSeq.number
        method = cSeq.method
    }
}
