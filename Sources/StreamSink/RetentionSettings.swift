/// How long recordings are kept beside what each stream says itself.
public struct RetentionSettings: Sendable, Equatable {
    /// The most bytes that all streams together may take; then the oldest finished sessions go, whatever their stream's
    /// retention says. `nil` = no limit. What comes in between two looks lies above it.
    public var diskBudgetBytes: Int64?
    /// How often to look.
    public var interval: Duration

    /// Makes settings.
    public init(diskBudgetBytes: Int64? = nil, interval: Duration = .seconds(30)) {
        self.diskBudgetBytes = diskBudgetBytes
        self.interval = interval
    }
}

/// Why a session was deleted.
public enum RetentionReason: Sendable, Hashable, CustomStringConvertible {
    /// It is older than its stream keeps.
    case age(hours: Int)
    /// Its stream keeps nothing but the last five minutes or 200 MB.
    case noRetention
    /// All streams together took more than they may; it was the oldest.
    case diskBudget

    /// In a few words.
    public var description: String {
        switch self {
        case .age(let hours): "older than \(hours) h"
        case .noRetention: "the stream keeps nothing for later"
        case .diskBudget: "the disk budget is used up"
        }
    }
}

/// A session that retention has deleted.
public struct RetentionNotice: Sendable, Equatable {
    /// The stream.
    public var streamName: String
    /// The session: its number, call and m-line.
    public var session: SessionFileName
    /// What it took on the disk.
    public var bytes: Int64
    /// When it ended, milliseconds since 1970.
    public var endedAtMilliseconds: Int64
    /// Why.
    public var reason: RetentionReason
}

/// What retention has done since it was started.
public struct RetentionStatistics: Sendable, Equatable {
    /// Sessions deleted.
    public var deletedSessions = 0
    /// The bytes they took.
    public var deletedBytes: Int64 = 0
    /// Deletions that failed.
    public var failures = 0
    /// What all streams took at the last look.
    public var storedBytes: Int64 = 0
    /// By how much the budget was still exceeded after the last look: by what is being recorded or read.
    public var excessBytes: Int64 = 0
}
