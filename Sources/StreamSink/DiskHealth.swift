import Logging
import Synchronization

/// Whether the disk takes what is written: one line in the log when it stops doing so and one when it is well again,
/// however many sessions there are.
final class DiskHealth: Sendable {
    private struct State {
        var failing = 0
        var isReported = false
        var failures: Int64 = 0
    }

    private let state = Mutex(State())
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// Sessions that cannot be written at the moment, and failed writes so far.
    var counts: (failingSessions: Int, failures: Int64) { state.withLock { ($0.failing, $0.failures) } }

    func failed(_ error: FileError, isNew: Bool) {
        let isFirst = state.withLock { state in
            state.failures += 1
            if isNew { state.failing += 1 }
            defer { state.isReported = true }
            return !state.isReported
        }
        if isFirst {
            logger.error(
                "recordings cannot be written; calls go on, audio is kept for a few seconds and then lost",
                metadata: ["reason": "\(error)"])
        }
    }

    func recovered() {
        let isLast = state.withLock { state in
            state.failing -= 1
            guard state.failing == 0, state.isReported else { return false }
            state.isReported = false
            return true
        }
        if isLast { logger.notice("recordings are written again") }
    }

    /// A failing session is gone. When it was the last, the next failure is news again.
    func left() {
        state.withLock { state in
            state.failing -= 1
            if state.failing == 0 { state.isReported = false }
        }
    }
}
