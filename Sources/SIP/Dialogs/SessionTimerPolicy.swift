/// How we want session timers, RFC 4028. The defaults are a server that never refreshes and lets the client do it.
public struct SessionTimerPolicy: Sendable, Hashable {
    /// RFC 4028 §5: no Min-SE below 90 seconds.
    public static let absoluteMinimum: UInt32 = 90

    /// Our Min-SE in seconds: the shortest interval we accept, at least 90.
    public var minimum: UInt32
    /// The interval in seconds that we put in a 2xx when the client supports timers but asked for none; nil leaves such
    /// sessions without a timer.
    public var proposed: UInt32?

    /// - Parameters: as the properties; `minimum` is raised to 90.
    public init(minimum: UInt32 = SessionTimerPolicy.absoluteMinimum, proposed: UInt32? = nil) {
        self.minimum = max(minimum, Self.absoluteMinimum)
        self.proposed = proposed
    }

    /// What a server makes of an INVITE or UPDATE (RFC 4028 §9).
    public enum Negotiation: Sendable, Equatable {
        /// Answer with this 422; it carries our Min-SE.
        case rejected(SIPResponse)
        /// Accept; put the terms into the 2xx with ``SessionTimerTerms/write(into:)`` and start ``SessionTimer`` with
        /// them.
        case agreed(SessionTimerTerms)
        /// Accept; the session has no timer, the 2xx says nothing about it. Stop a timer that runs.
        case unused
    }

    /// Decides about the session timer of a received INVITE or UPDATE: the first and every later one, because the latest
    /// 2xx counts and one without Session-Expires ends the timer (§7.4, §9).
    ///
    /// - Client without `Supported: timer`: unused. Table 2 of §9 would make us the refresher, which we never are.
    /// - Client that wants us to refresh (`refresher=uas`): unused. The table allows no `uac` in the answer then; a 2xx
    ///   without Session-Expires tells the client that the session does not expire (§7.2).
    /// - Interval below our minimum: 422 (§9). Else the interval of the request is taken as it is.
    /// - Parameter toTag: for the 422, where the request has no To tag.
    public func negotiate(_ request: SIPRequest, toTag: String? = nil) -> Negotiation {
        let headers = request.headers
        guard headers.supportsSessionTimer else { return .unused }
        guard let asked = headers.sessionExpires else {
            guard let proposed else { return .unused }
            // §9: not below the client's own Min-SE.
            let interval = max(proposed, minimum, headers.minimumSessionInterval)
            return .agreed(SessionTimerTerms(interval: interval, refresher: .uac, role: .uas))
        }
        guard asked.interval >= minimum else {
            var response = request.response(422, toTag: toTag)
            response.headers[.minSE] = "\(minimum)"
            return .rejected(response)
        }
        guard asked.refresher != .uas else { return .unused }
        return .agreed(SessionTimerTerms(interval: asked.interval, refresher: .uac, role: .uas))
    }
}
