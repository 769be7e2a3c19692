import Logging
import SIP

/// Requests inside calls that do not come the way their INVITE came.
extension SIPAgent {
    /// The call whose INVITE a CANCEL asks to end, which need not be the one that its tags name.
    func callCancelled(by request: SIPRequest) -> Call? {
        TransactionKey(cancelledBy: request).flatMap { serverTransactions[$0]?.call }
    }

    /// False where a request of `call` comes from an address or over a transport that the call would not have been
    /// admitted by; then it was answered 403 without a transaction, or dropped, and the call knows nothing of it.
    ///
    /// What comes the way of the INVITE always passes, also after the rules have changed: a call in progress must be
    /// able to end. So do requests of calls that we placed.
    func isWelcome(
        _ request: SIPRequest, in call: Call, along flow: Flow, arrival: RequestInspection.Arrival,
        at now: ContinuousClock.Instant
    ) -> Bool {
        guard let admitted = call.admitted else { return true }
        let (here, origin) = (flow.source, call.origin.source)
        if here.transport == origin.transport, here.remote.address == origin.remote.address { return true }
        guard passesScreening(request, along: flow, at: now) else { return false }
        guard case .refuse(let reason) = admission.readmit(flow.source, to: admitted) else { return true }
        logger.debug(
            "request inside a call refused",
            metadata: [
                "method": "\(request.method)", "remote": "\(flow.source.remote)", "callID": "\(request.callID ?? "")",
            ])
        guard request.method != .ack, RequestInspection.fault(of: request, arrivedBy: arrival) == nil else {
            counters.droppedRequests &+= 1
            return false
        }
        refuse(request, 403, reason, along: flow)
        return false
    }
}
