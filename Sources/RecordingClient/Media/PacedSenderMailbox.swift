import CPacedSender
import Synchronization

/// What goes between callers and the sender's thread: both hold it, the last one closes it.
///
/// Bounded: a playback beyond ``PacedSender/maximumStreams`` ends at once, unsent.
final class PacedSenderMailbox: Sendable {
    private struct Content {
        var added: [Playback] = []
        var cancelled: [UInt64] = []
        var streams = 0
        var isStopped = false
        var statistics = PacingStatistics()
    }

    /// What the thread finds.
    struct Post {
        var added: [Playback] = []
        var cancelled: [UInt64] = []
        var isStopped = false
        var isEmpty: Bool { added.isEmpty && cancelled.isEmpty && !isStopped }
    }

    private let content = Mutex(Content())
    private let bell: Int32

    init() throws(PacedSenderError) {
        bell = paced_bell_open()
        guard bell >= 0 else { throw .noResources(reason: WaveAudio.reason(-bell)) }
    }

    deinit { paced_close(bell) }

    func add(_ playback: Playback) {
        let isTaken = content.withLock { content in
            guard !content.isStopped, content.streams + playback.count <= PacedSender.maximumStreams else {
                return false
            }
            content.streams += playback.count
            content.added.append(playback)
            return true
        }
        if isTaken { paced_bell_ring(bell) } else { playback.finish(isComplete: false) }
    }

    func cancel(_ id: UInt64) {
        content.withLock { $0.cancelled.append(id) }
        paced_bell_ring(bell)
    }

    func stop() {
        content.withLock { $0.isStopped = true }
        paced_bell_ring(bell)
    }

    var statistics: PacingStatistics { content.withLock { $0.statistics } }

    // MARK: The thread's side

    func take() -> Post {
        content.withLock { content in
            guard !content.added.isEmpty || !content.cancelled.isEmpty || content.isStopped else { return Post() }
            defer {
                content.added = []
                content.cancelled = []
            }
            return Post(added: content.added, cancelled: content.cancelled, isStopped: content.isStopped)
        }
    }

    func released(streams: Int) { content.withLock { $0.streams -= streams } }

    func publish(_ statistics: PacingStatistics) { content.withLock { $0.statistics = statistics } }

    func wait(until deadline: Int64?) { paced_wait(bell, deadline ?? -1) }
}
