/// What a check has read and found, counted.
public struct VerificationSummary: Sendable, Equatable {
    /// Streams looked at.
    public var streams = 0
    /// Sessions read.
    public var sessions = 0
    /// Sessions that were being written; read up to their last whole block.
    public var liveSessions = 0
    /// Whole fragments read.
    public var fragments = 0
    /// Fragments whose bytes were compared with the checksum of their index.
    public var checkedFragments = 0
    /// Bytes of session files read.
    public var bytes: Int64 = 0
    /// Audio in them, in milliseconds.
    public var milliseconds: Double = 0
    /// Records read.
    public var records = 0
    /// Recorded legs whose session has gone by its stream's retention.
    public var expiredLegs = 0
    /// Findings by level.
    public var damage = 0
    /// See ``damage``.
    public var losses = 0
    /// See ``damage``: what waits for the service's next start.
    public var waiting = 0
    /// See ``damage``.
    public var notes = 0
    /// Whether the check was broken off before its end.
    public var isPartial = false

    /// Nothing read yet.
    public init() {}

    /// Whether everything that was read is as it should be; notes and what waits for recovery do not count.
    public var isClean: Bool { damage == 0 && losses == 0 }

    mutating func count(_ finding: VerificationFinding) {
        switch finding.level {
        case .damage: damage += 1
        case .loss: losses += 1
        case .waiting: waiting += 1
        case .note: notes += 1
        }
    }
}

/// How far a check is.
public struct VerificationProgress: Sendable, Equatable {
    /// Bytes of session files that were read.
    public var doneBytes: Int64
    /// Bytes of all session files when the check began.
    public var totalBytes: Int64
    /// What was found so far, notes not counted.
    public var findings: Int
}

/// Why nothing can be checked.
public enum VerificationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no data directory of a service.
    case noDataDirectory(String)
    /// There is no such stream in it.
    case noSuchStream(String)
    /// A directory cannot be read.
    case unreadable(String)

    /// One sentence, with what can be done.
    public var description: String {
        switch self {
        case .noDataDirectory(let path): "\(path) is no data folder (it has no folder “streams”); give it with --data"
        case .noSuchStream(let name): "there is no stream “\(name.prefix(100))”; “earshot streams” lists them"
        case .unreadable(let path): "\(path) cannot be read; only the service's user may"
        }
    }
}
