import CMediaSockets
import Glibc
import MediaCore
import Synchronization

/// The media engine as the rest of the service sees it: opens legs, changes them, ends them. Thread-safe.
///
/// Each worker is a thread of its own that owns its legs; this type only chooses a worker and posts to its mailbox.
public final class MediaService: Sendable {
    private struct State {
        var nextID: UInt64 = 1
        var legs: [UInt64: Int] = [:]
        var load: [Int]
        var isStopped = false
    }
    private let configuration: MediaConfiguration
    private let ports: PortPool
    private let mailboxes: [WorkerMailbox]
    private let state: Mutex<State>

    /// Starts the worker threads; they end with ``stop()``.
    public init(configuration: MediaConfiguration) {
        self.configuration = configuration
        let workers = max(1, configuration.workers)
        ports = PortPool(range: configuration.ports, receiveBuffer: configuration.receiveBuffer)
        mailboxes = (0..<workers).map { _ in WorkerMailbox() }
        state = Mutex(State(load: Array(repeating: 0, count: workers)))
        for index in mailboxes.indices { startThread(index) }
    }

    /// A leg whose ports are bound and that receives nothing yet.
    public struct ReservedLeg: Sendable {
        /// Names the leg for as long as the service runs.
        public let id: UInt64
        /// RTP; RTCP is one above.
        public let port: UInt16
        let sockets: LegSockets
        let worker: Int
    }

    /// Binds ports for `count` legs of one call, all on the worker with the fewest legs, or on that of `sibling`.
    public func reserve(_ count: Int, isIPv6: Bool, besides sibling: UInt64? = nil) throws(MediaEngineError)
        -> [ReservedLeg]
    {
        let now = MediaClock.arrival
        var reserved: [ReservedLeg] = []
        do throws(MediaEngineError) {
            for _ in 0..<count {
                let sockets = try ports.open(isIPv6: isIPv6, now: now)
                do throws(MediaEngineError) {
                    reserved.append(try register(sockets, besides: reserved.first?.id ?? sibling))
                } catch {
                    ports.close(sockets, now: now)
                    throw error
                }
            }
        } catch {
            for leg in reserved { release(leg) }
            throw error
        }
        return reserved
    }

    private func register(_ sockets: LegSockets, besides sibling: UInt64?) throws(MediaEngineError) -> ReservedLeg {
        let result = state.withLock { state -> Result<ReservedLeg, MediaEngineError> in
            guard !state.isStopped else { return .failure(.stopped) }
            guard state.legs.count < configuration.maximumLegs else {
                return .failure(.tooManyLegs(configuration.maximumLegs))
            }
            let least = state.load.indices.min { state.load[$0] < state.load[$1] } ?? 0
            let worker = sibling.flatMap { state.legs[$0] } ?? least
            let id = state.nextID
            state.nextID += 1
            state.legs[id] = worker
            state.load[worker] += 1
            return .success(ReservedLeg(id: id, port: sockets.port, sockets: sockets, worker: worker))
        }
        return try result.get()
    }

    /// Gives back a reserved leg that was never started.
    public func release(_ leg: ReservedLeg) {
        forget([leg.id])
        ports.close(leg.sockets, now: MediaClock.arrival)
    }

    /// Begins to receive. `epoch` is sample 0 of the leg on the arrival clock.
    public func start(_ leg: ReservedLeg, _ parameters: LegParameters, epoch: Int64, tap: any LegTap) {
        mailboxes[leg.worker].post(
            .add(
                LegSetup(
                    id: leg.id, sockets: leg.sockets, parameters: parameters, epoch: epoch, tap: tap,
                    ssrc: UInt32.random(in: 1 ... .max))))
    }

    /// A new offer for the leg: payload types, source, RTCP. The latch opens again.
    public func change(_ id: UInt64, to parameters: LegParameters) {
        guard let worker = state.withLock({ $0.legs[id] }) else { return }
        mailboxes[worker].post(.change(id, parameters))
    }

    /// Ends legs of one call at `end` (arrival clock), all at the same sample, and closes their ports. Every sample has
    /// been handed to the taps when this returns.
    public func finish(_ ids: [UInt64], at end: Int64) async -> [LegReport] {
        let reports = await ask(ids) { .finish($0, at: end, $1) }
        forget(ids)
        return reports
    }

    /// How legs are doing.
    public func snapshot(_ ids: [UInt64]) async -> [LegReport] {
        await ask(ids) { .snapshot($0, $1) }
    }

    /// The address from which this machine reaches `remote`, as the routing table says; nil when it cannot.
    public static func localAddress(towards remote: MediaAddress, isIPv6: Bool) -> MediaAddress? {
        var far = (remote.high.bigEndian, remote.low.bigEndian)
        var near: (UInt64, UInt64) = (0, 0)
        let result = withUnsafeBytes(of: &far) { far in
            withUnsafeMutableBytes(of: &near) { near in
                media_local_address(
                    isIPv6 ? 1 : 0, far.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    near.baseAddress?.assumingMemoryBound(to: UInt8.self))
            }
        }
        guard result == 0 else { return nil }
        return MediaAddress(high: UInt64(bigEndian: near.0), low: UInt64(bigEndian: near.1), port: 0)
    }

    /// Legs open now.
    public var legCount: Int { state.withLock { $0.legs.count } }

    /// Ends the worker threads. Legs that are still open lose their sockets with the process.
    public func stop() {
        state.withLock { $0.isStopped = true }
        for mailbox in mailboxes { mailbox.post(.stop) }
    }

    private func ask(
        _ ids: [UInt64], _ command: ([UInt64], @escaping @Sendable ([LegReport]) -> Void) -> WorkerCommand
    ) async -> [LegReport] {
        guard let first = ids.first, let worker = state.withLock({ $0.legs[first] }) else { return [] }
        return await withCheckedContinuation { continuation in
            mailboxes[worker].post(command(ids) { continuation.resume(returning: $0) })
        }
    }

    private func forget(_ ids: [UInt64]) {
        state.withLock { state in
            for id in ids {
                if let worker = state.legs.removeValue(forKey: id) { state.load[worker] -= 1 }
            }
        }
    }

    private func startThread(_ index: Int) {
        let mailbox = mailboxes[index]
        let ports = ports
        let configuration = configuration
        MediaThread.start(named: "media-\(index)") {
            var worker = MediaWorker(mailbox: mailbox, ports: ports, configuration: configuration)
            worker.run()
        }
    }
}
