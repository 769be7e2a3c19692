/// Why a message was not acknowledged.
public struct DeliveryFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// Whose fault it is, as far as can be told.
    public enum Scope: Sendable, Equatable {
        /// The target: it cannot be reached, is overloaded, or does not accept our credentials. Everything waits.
        case target
        /// This message, now: others may get through.
        case message
        /// This message, and trying again will hardly help.
        case refused
    }

    /// Whose fault it is.
    public var scope: Scope
    /// What happened, for people; never with a secret in it.
    public var reason: String
    /// How long the target asked to be left alone.
    public var retryAfter: Duration?

    /// Makes a failure; the reason is cut at 500 bytes.
    public init(_ scope: Scope, _ reason: String, retryAfter: Duration? = nil) {
        self.scope = scope
        self.reason = String(reason.prefix(500))
        self.retryAfter = retryAfter
    }

    /// The reason.
    public var description: String { reason }
}
