import SIP

/// Decides who may talk to a ``SIPAgent`` and which calls it takes.
///
/// The methods are called on the event loop, in the order they stand here, and must not block. Of requests inside a
/// call that was admitted, only the source and transport are asked about again, and that only where they differ from
/// the INVITE's: who knows the tags of a dialog need not be who made it.
public protocol Admission: Sendable {
    /// Before a message is parsed: false drops the datagram or connection, counted and never answered.
    func mayTalk(_ source: SIPEndpoint, now: ContinuousClock.Instant) -> Bool

    /// Is the source in some allow list? Connections of others are few and must speak soon.
    func knows(_ source: SIPEndpoint) -> Bool

    /// For a readable request that belongs to no call: may its source have an answer at all, whatever it is?
    func screen(_ source: SIPEndpoint, now: ContinuousClock.Instant) -> Screening

    /// For an INVITE or OPTIONS outside a dialog that is well-formed. Decides before any state is made.
    func admit(_ request: SIPRequest, from source: RequestSource, now: ContinuousClock.Instant) -> AdmissionVerdict

    /// For any request, ACK and CANCEL too, of a call that was admitted, when it does not come the way of the INVITE:
    /// from another address or over another transport. Nothing of the call has been touched yet.
    func readmit(_ source: RequestSource, to admitted: Admitted) -> Readmission
}

/// What ``Admission/screen(_:now:)`` decides.
public enum Screening: Sendable, Hashable {
    /// Go on.
    case pass
    /// Answer 403.
    case refuse
    /// Drop, counted, without an answer.
    case drop
}

/// What ``Admission/admit(_:from:now:)`` decides.
public enum AdmissionVerdict: Sendable {
    /// Take it.
    case admitted(Admitted)
    /// Answer with this status, a reason (nil for the usual one) and further headers.
    case refused(status: Int, reason: String?, headers: [(HeaderName, String)])
    /// Drop, counted, without an answer.
    case drop
}

/// What ``Admission/readmit(_:to:)`` decides.
public enum Readmission: Sendable, Hashable {
    /// Go on.
    case pass
    /// Answer 403 with this reason (nil for the usual one); an ACK is dropped.
    case refuse(reason: String?)
}

/// Who was admitted.
public struct Admitted: Sendable, Hashable {
    /// The connector that the request is for.
    public var connectorID: String
    /// The user who was authenticated, if credentials are asked for.
    public var username: String?

    /// Makes a result.
    public init(connectorID: String, username: String? = nil) {
        self.connectorID = connectorID
        self.username = username
    }
}

/// An ``Admission`` that takes everything: for a client, which receives calls from nobody but the peers it called, and
/// for tests.
public struct OpenAdmission: Admission {
    private let connectorID: String

    /// Makes one that admits to `connectorID`.
    public init(connectorID: String = "") {
        self.connectorID = connectorID
    }

    /// Always true.
    public func mayTalk(_ source: SIPEndpoint, now: ContinuousClock.Instant) -> Bool { true }
    /// True.
    public func knows(_ source: SIPEndpoint) -> Bool { true }
    /// Always passes.
    public func screen(_ source: SIPEndpoint, now: ContinuousClock.Instant) -> Screening { .pass }
    /// Always admits.
    public func admit(
        _ request: SIPRequest, from source: RequestSource, now: ContinuousClock.Instant
    ) -> AdmissionVerdict {
        .admitted(Admitted(connectorID: connectorID))
    }
    /// Always passes.
    public func readmit(_ source: RequestSource, to admitted: Admitted) -> Readmission { .pass }
}
