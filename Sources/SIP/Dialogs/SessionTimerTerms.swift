/// What both ends agreed about the session timer in one INVITE or UPDATE transaction, RFC 4028.
public struct SessionTimerTerms: Sendable, Hashable {
    /// The session interval in seconds.
    public let interval: UInt32
    /// Who refreshes, in that transaction.
    public let refresher: SessionRefresher
    /// Who we are in that transaction.
    public let role: SessionRefresher

    /// Terms of their parts. See ``SessionTimerPolicy/negotiate(_:)`` and ``SessionTimerOffer/terms(in:)``.
    public init(interval: UInt32, refresher: SessionRefresher, role: SessionRefresher) {
        self.interval = interval
        self.refresher = refresher
        self.role = role
    }

    /// True when the refreshing is ours.
    public var weRefresh: Bool { refresher == role }

    /// Puts Session-Expires into our 2xx, and `Require: timer` where the client is to refresh, as §9 demands.
    public func write(into response: inout SIPResponse) {
        response.headers[.sessionExpires] = SessionExpires(interval: interval, refresher: refresher).description
        let required = response.headers.listValues(.require).map { $0.lowercased() }
        if refresher == .uac && !required.contains("timer") { response.headers.append(.require, "timer") }
    }
}

/// The client's side of the negotiation, RFC 4028 §7.
public struct SessionTimerOffer: Sendable, Hashable {
    /// The interval we ask for, in seconds.
    public private(set) var interval: UInt32
    /// Our Min-SE in seconds, at least 90; raised by a 422.
    public private(set) var minimum: UInt32

    /// - Parameters: seconds; `interval` is raised to `minimum`, `minimum` to 90.
    public init(interval: UInt32 = 1800, minimum: UInt32 = SessionTimerPolicy.absoluteMinimum) {
        self.minimum = max(minimum, SessionTimerPolicy.absoluteMinimum)
        self.interval = max(interval, self.minimum)
    }

    /// Puts `Supported: timer`, Session-Expires and, where it is not the default, Min-SE into an INVITE or UPDATE.
    ///
    /// - Parameter refresher: nil in the first INVITE, so that the server chooses; in a refresh, who does it now (§7.4).
    public func write(into request: inout SIPRequest, refresher: SessionRefresher? = nil) {
        if !request.headers.supportsSessionTimer { request.headers.append(.supported, "timer") }
        request.headers[.sessionExpires] = SessionExpires(interval: interval, refresher: refresher).description
        if minimum > SessionTimerPolicy.absoluteMinimum { request.headers[.minSE] = "\(minimum)" }
    }

    /// The terms of the 2xx to a request with this offer; nil when the session has no timer (§7.2). Without a refresher
    /// in the answer, which the RFC forbids, we refresh.
    public func terms(in response: SIPResponse) -> SessionTimerTerms? {
        guard let expires = response.headers.sessionExpires else { return nil }
        // An interval below 90 s would have us refresh in a frenzy: §5 gives the least a server may answer.
        let interval = max(expires.interval, SessionTimerPolicy.absoluteMinimum)
        return SessionTimerTerms(interval: interval, refresher: expires.refresher ?? .uac, role: .uac)
    }

    /// A 422 came: raises the interval to its Min-SE. False when it asks for nothing new, so that trying again is
    /// pointless (§7.3).
    public mutating func raise(by response: SIPResponse) -> Bool {
        guard response.status == 422, response.headers[.minSE] != nil else { return false }
        let asked = response.headers.minimumSessionInterval
        guard asked > interval else { return false }
        minimum = max(minimum, asked)
        interval = asked
        return true
    }
}
