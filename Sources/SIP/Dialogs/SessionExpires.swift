/// Who refreshes a session: a role in the transaction that negotiates it, not in the call (RFC 4028 §4).
public enum SessionRefresher: String, Sendable, Hashable {
    /// The sender of the request.
    case uac
    /// The sender of the 2xx.
    case uas
}

/// The Session-Expires header, RFC 4028 §4.
public struct SessionExpires: Sendable, Hashable, CustomStringConvertible {
    /// The session interval in seconds.
    public var interval: UInt32
    /// Who refreshes; nil leaves it to the other side.
    public var refresher: SessionRefresher?

    /// A header value of its parts.
    public init(interval: UInt32, refresher: SessionRefresher? = nil) {
        self.interval = interval
        self.refresher = refresher
    }

    /// Reads the header value; nil when it is not a number of seconds. A number beyond 32 bits is capped, an unknown
    /// refresher and other parameters are ignored.
    public init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmingBlanks }
        guard let first = parts.first, let interval = Self.seconds(first) else { return nil }
        self.interval = interval
        refresher = nil
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmingBlanks.lowercased() }
            guard pair.count == 2, pair[0] == "refresher" else { continue }
            refresher = SessionRefresher(rawValue: pair[1])
        }
    }

    /// The header value, for instance `1800;refresher=uac`.
    public var description: String { refresher.map { "\(interval);refresher=\($0.rawValue)" } ?? "\(interval)" }

    /// Seconds of a Session-Expires or Min-SE value before any parameter; nil when it is no decimal number.
    static func seconds(_ text: some StringProtocol) -> UInt32? {
        let number = text.prefix { $0 != ";" }.trimmingBlanks
        guard !number.isEmpty, number.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt32(number) ?? .max
    }
}

extension StringProtocol {
    /// Without blanks and tabs at both ends.
    fileprivate var trimmingBlanks: String {
        let text = Substring(self)
        guard let first = text.firstIndex(where: { $0 != " " && $0 != "\t" }),
            let last = text.lastIndex(where: { $0 != " " && $0 != "\t" })
        else { return "" }
        return String(text[first...last])
    }
}

extension HeaderFields {
    /// True when a Supported header lists the option tag `timer` (RFC 4028 §7.1).
    var supportsSessionTimer: Bool { listValues(.supported).contains { $0.lowercased() == "timer" } }

    /// The Session-Expires header; nil when missing or unreadable.
    var sessionExpires: SessionExpires? { self[.sessionExpires].flatMap { SessionExpires(parsing: $0) } }

    /// The Min-SE header in seconds, never below the 90 of RFC 4028 §5.
    var minimumSessionInterval: UInt32 {
        max(self[.minSE].flatMap { SessionExpires.seconds($0) } ?? 0, SessionTimerPolicy.absoluteMinimum)
    }
}
