/// Text that is not SIP: what was expected, and where.
///
/// A message that throws this cannot be answered (its start line or the like is unreadable). A message that
/// can be read but breaks a rule is a ``MessageFault`` instead.
public struct SIPParseError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for a person. Never holds text of the message itself.
    public let reason: String
    /// Zero-based octet in the parsed text at which it was noticed.
    public let position: Int

    /// Makes an error.
    public init(_ reason: String, at position: Int) {
        self.reason = reason
        self.position = position
    }

    /// Reason and position, in one line.
    public var description: String { "\(reason) (at octet \(position))" }
}
