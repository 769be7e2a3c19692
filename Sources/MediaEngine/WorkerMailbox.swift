import CMediaSockets
import MediaCore
import SecureMedia
import Synchronization

/// What the control plane asks of a media worker.
enum WorkerCommand: Sendable {
    case add(LegSetup)
    /// `completion` runs when datagrams that come from then on are taken as the new parameters say.
    case change(UInt64, LegParameters, @Sendable () -> Void)
    /// Two legs of this worker send each other what they receive.
    case bridge(UInt64, UInt64, @Sendable () -> Void)
    case unbridge(UInt64)
    case attach(TapID, any LegTap, @Sendable () -> Void)
    case fork(ForkSetup, @Sendable () -> Void)
    /// Removes a tap or a fork; it is not called any more once `completion` has run.
    case detach(TapID, @Sendable (TapReport?) -> Void)
    /// Ends what a leg has recorded and begins anew at the same ports.
    case restart(LegRestart, @Sendable (LegReport?) -> Void)
    /// Ports were released elsewhere, and somebody has to end their rest.
    case endRests
    /// Ends legs at a common sample, closes their sockets, and says what became of them.
    case finish([UInt64], at: Int64, @Sendable ([LegReport]) -> Void)
    case snapshot([UInt64], @Sendable ([LegReport]) -> Void)
    case count(@Sendable (WorkerReport) -> Void)
    case stop
}

struct LegSetup: Sendable {
    var id: UInt64
    var group: UInt64
    var sockets: LegSockets
    var parameters: LegParameters
    var epoch: Int64
    var tap: (any LegTap)?
    var ssrc: UInt32
}

struct LegRestart: Sendable {
    var id: UInt64
    var parameters: LegParameters
    var epoch: Int64
    var tap: (any LegTap)?
}

struct ForkSetup: Sendable {
    var id: TapID
    var sockets: LegSockets
    var destination: MediaAddress
    var sending: SDESKey?
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

    /// True when there may be something to take. One atomic read, each round of a worker.
    var isWaiting: Bool { waiting.load(ordering: .relaxed) }

    /// Asked for only when something waits: even an empty list is a reference.
    func takeAll() -> [WorkerCommand] {
        guard waiting.exchange(false, ordering: .acquiring) else { return [] }
        media_wake_clear(wake)
        return commands.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}
