/// Requests the peer sends inside the dialog: RFC 3261 §12.2.2 and §14.2.
extension Dialog {
    /// What to do with a request of the dialog.
    public enum Verdict: Sendable, Equatable {
        /// In order: handle it.
        case handle
        /// Its number was taken by an earlier request, so its transaction is long gone or it was duplicated on the way:
        /// do not act on it again. Send nothing for an ACK; else this 500 does no harm.
        case repeated(SIPResponse)
        /// Answer this: 500 (out of order), 491 (our own INVITE is under way), 481 (dialog is over), 400 (no CSeq).
        case reject(SIPResponse)
    }

    /// A request with this dialog's ``DialogID`` arrived and belongs to no running transaction.
    ///
    /// ACK and CANCEL carry the number of their INVITE and are always handled. Afterwards report the answer with
    /// ``answered(_:with:)``.
    /// - Parameter generator: for the random Retry-After that §14.2 wants; any generator will do.
    public mutating func receive(
        _ request: SIPRequest, using generator: inout some RandomNumberGenerator
    ) -> Verdict {
        guard request.method != .ack, request.method != .cancel else { return .handle }
        guard state != .terminated else { return .reject(request.response(481)) }
        guard let number = request.cSeq?.number else { return .reject(request.response(400, "Missing CSeq header")) }
        if let latest = remoteSequence {
            // §12.2.2: "If the remote sequence number was not empty, but the sequence number of the request is lower …
            // the request is out of order and MUST be rejected with a 500".
            if number < latest { return .reject(request.response(500, "CSeq out of order")) }
            if number == latest { return .repeated(request.response(500, "CSeq already used")) }
        }
        remoteSequence = number
        guard request.method == .invite else { return .handle }
        switch pendingInvite {
        case .serving:
            var response = request.response(500, "INVITE in progress")
            response.headers[HeaderName.retryAfter] = "\(Int.random(in: 0...10, using: &generator))"
            return .reject(response)
        case .placing:
            return .reject(request.response(491))
        case nil:
            pendingInvite = .serving(number)
            return .handle
        }
    }

    /// We answered a request of the dialog, or its first INVITE again: a 2xx confirms the dialog, moves the target
    /// (only an accepted refresh does, RFC 6141 §4), or ends it after BYE.
    public mutating func answered(_ request: SIPRequest, with response: SIPResponse) {
        guard response.status >= 200 else { return }
        if request.method == .invite, let number = request.cSeq?.number, pendingInvite == .serving(number) {
            pendingInvite = nil
        }
        guard state != .terminated else { return }
        guard response.status < 300 else {
            // Only the first INVITE can be answered in an early dialog of ours.
            if request.method == .invite && state == .early { terminate() }
            return
        }
        if request.method == .bye { return terminate() }
        if request.method == .invite && state == .early { state = .confirmed }
        if request.method.refreshesTarget { refreshTarget(from: request.headers) }
    }
}
