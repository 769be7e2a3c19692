/// Decides which sessions' files are deleted. Pure: what there is and the time are passed in.
struct RetentionPlan: Sendable {
    /// One session's files.
    struct File: Sendable, Equatable {
        var session: SessionFileName
        /// What they take on the disk.
        var bytes: Int64
        /// When the file was changed last, milliseconds since 1970.
        var changedAtMilliseconds: Int64
        var isLive = false
        var isHeld = false
    }

    /// One stream.
    struct Stream: Sendable {
        var name: String
        /// `nil`: nothing is deleted for its age.
        var retentionHours: Int?
        /// By session number.
        var files: [File]
    }

    struct Deletion: Sendable, Equatable {
        var stream: String
        var file: File
        var endedAtMilliseconds: Int64
        var reason: RetentionReason
    }

    /// In the order in which they are to be done.
    private(set) var deletions: [Deletion] = []
    /// What there is, before anything is deleted.
    private(set) var totalBytes: Int64 = 0
    /// By how much the budget is exceeded even when all that may go has gone.
    private(set) var excessBytes: Int64 = 0

    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - budget: the most bytes all streams together may take; `nil` = no limit.
    init(_ streams: [Stream], now: Int64, budget: Int64?) {
        var candidates: [Deletion] = []
        var left: Int64 = 0
        for stream in streams {
            let ends = Self.ends(stream.files, now: now)
            var newer: Int64 = 0
            for (file, end) in zip(stream.files, ends).reversed() {
                totalBytes += file.bytes
                left += file.bytes
                defer { newer += file.bytes }
                guard !file.isLive, !file.isHeld else { continue }
                var deletion = Deletion(
                    stream: stream.name, file: file, endedAtMilliseconds: end, reason: .diskBudget)
                if let hours = stream.retentionHours, Self.isOver(hours, end: end, newer: newer, now: now) {
                    deletion.reason = hours == 0 ? .noRetention : .age(hours: hours)
                    deletions.append(deletion)
                    left -= file.bytes
                } else {
                    candidates.append(deletion)
                }
            }
        }
        deletions.sort(by: Self.isOlder)
        guard let budget, left > budget else { return }
        candidates.sort(by: Self.isOlder)
        for deletion in candidates where left > budget {
            deletions.append(deletion)
            left -= deletion.file.bytes
        }
        excessBytes = max(0, left - budget)
    }

    private static func isOver(_ hours: Int, end: Int64, newer: Int64, now: Int64) -> Bool {
        if hours > 0 {
            return end < now &- Int64(clamping: hours).multipliedReportingOverflow(by: 3_600_000).partialValue
        }
        return end < now &- StreamLibrary.unretainedMilliseconds || newer >= StreamLibrary.unretainedBytes
    }

    /// When each session ended. A session cannot have ended after a later one of its stream, nor in the future: a time that
    /// says so is of a clock that was wrong.
    private static func ends(_ files: [File], now: Int64) -> [Int64] {
        var ends = [Int64](repeating: now, count: files.count)
        var bound = now
        for index in files.indices.reversed() {
            if !files[index].isLive { bound = min(bound, files[index].changedAtMilliseconds) }
            ends[index] = bound
        }
        return ends
    }

    private static func isOlder(_ left: Deletion, _ right: Deletion) -> Bool {
        (left.endedAtMilliseconds, left.stream, left.file.session.session)
            < (right.endedAtMilliseconds, right.stream, right.file.session.session)
    }
}
