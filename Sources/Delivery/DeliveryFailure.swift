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

    /// Makes a failure; the reason is cut at 500 characters. Control characters become blanks: part of it may be a
    /// stranger's text, and must not look like lines of the log.
    public init(_ scope: Scope, _ reason: String, retryAfter: Duration? = nil) {
        self.scope = scope
        let scalars = reason.unicodeScalars.prefix(500).map { scalar in
            scalar.properties.generalCategory == .control || scalar.value == 0x2028 || scalar.value == 0x2029
                ? " " : Character(scalar)
        }
        self.reason = String(scalars)
        self.retryAfter = retryAfter
    }

    /// The reason.
    public var description: String { reason }
}
