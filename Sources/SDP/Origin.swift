/// The `o=` line, RFC 8866 §5.2: who made the description, and which version of it this is.
public struct Origin: Sendable, Equatable, CustomStringConvertible {
    /// `-` where there is none.
    public var username: String
    /// Numeric text that names the session; as written by the peer.
    public var sessionID: String
    /// Numeric text that grows with each changed description; as written by the peer.
    public var version: String
    /// The maker's address; not where media goes.
    public var address: ConnectionAddress

    /// Makes our own origin.
    public init(username: String = "-", sessionID: UInt64, version: UInt64 = 1, address: ConnectionAddress) {
        self.username = username.asciiWords(limit: 2).first ?? "-"
        self.sessionID = String(sessionID)
        self.version = String(version)
        self.address = address
    }

    /// Reads the value of an `o=` line; nil where one of the six words is missing.
    public init?(parsing text: some StringProtocol) {
        let words = text.asciiWords(limit: 7)
        guard words.count >= 6, let address = ConnectionAddress(parsing: words[3...5].joined(separator: " ")) else {
            return nil
        }
        username = words[0]
        sessionID = words[1]
        version = words[2]
        self.address = address
    }

    /// The same origin with the next version, RFC 3264 §8; a version that is no number starts again at 1.
    public func incremented() -> Origin {
        var next = self
        next.version = String((UInt64(version) ?? 0) &+ 1)
        return next
    }

    /// The value of an `o=` line.
    public var description: String { "\(username) \(sessionID) \(version) \(address)" }
}
