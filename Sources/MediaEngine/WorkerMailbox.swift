import CMediaSockets
import MediaCore
import Synchronization

/// What the control plane asks of a media worker.
enum WorkerCommand: Sendable {
    case add(LegSetup)
    case change(UInt64, LegParameters)
    /// Ends legs at a common sample, closes their sockets, and says what became of them.
    case finish([UInt64], at: Int64, @Sendable ([LegReport]) -> Void)
    case snapshot([UInt64], @Sendable ([LegReport]) -> Void)
    case stop
}

struct LegSetup: Sendable {
    var id: UInt64
    var sockets: LegSockets
    var parameters: LegParameters
    var epoch: Int64
    var tap: any LegTap
    var ssrc: UInt32
}

/// The one way into a worker: a list that is taken over as a whole between two batches. The control plane writes a
/// handful of commands a call, so the lock is never contended by packets.
final class WorkerMailbox: Sendable {
    private let commands = Mutex<[WorkerCommand]>([])
    private let waiting = Atomic<Bool>(false)
    let wake: Int32

    init() { wake = media_wake_open() }

    func post(_ command: WorkerCommand) {
        commands.withLock { $0.append(command) }
        waiting.store(true, ordering: .releasing)
        media_wake_signal(wake)
    }

    /// Costs one atomic read when nothing waits.
    func takeAll() -> [WorkerCommand] {
        guard waiting.exchange(false, ordering: .acquiring) else { return [] }
        media_wake_clear(wake)
        return commands.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}
