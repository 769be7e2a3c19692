/// Why octets could not be read as a session description.
///
/// The reader is tolerant (odd lines are kept, not refused), so only these cases are left. Each description says what
/// was found and what was expected, for a person who looks at a log.
public enum SDPParseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No line at all, only blanks.
    case empty
    /// More octets than ``SessionDescription/maximumOctets``.
    case tooLarge(octets: Int, limit: Int)
    /// More lines than ``SessionDescription/maximumLines``.
    case tooManyLines(limit: Int)
    /// More `m=` lines than ``SessionDescription/maximumMedia``.
    case tooManyMedia(limit: Int)
    /// Not one `v=`, `o=` or `m=` line: this is some other kind of text.
    case notASessionDescription(firstLine: String)

    /// For a log: what was found and what was expected.
    public var description: String {
        switch self {
        case .empty:
            "the session description is empty; expected lines such as \"v=0\" and \"m=audio 4000 RTP/AVP 0\""
        case .tooLarge(let octets, let limit):
            "the session description has \(octets) octets; at most \(limit) are read"
        case .tooManyLines(let limit):
            "the session description has more than \(limit) lines"
        case .tooManyMedia(let limit):
            "the session description has more than \(limit) m= lines"
        case .notASessionDescription(let firstLine):
            "no v=, o= or m= line found; the text starts with \"\(firstLine)\" and is not a session description"
        }
    }
}
