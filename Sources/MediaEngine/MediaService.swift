import CMediaSockets
import Glibc
import MediaCore
import SecureMedia
import Synchronization

/// The media engine as the rest of the service sees it: opens legs, changes them, ends them. Thread-safe.
///
/// Each worker is a thread of its own that owns its legs; this type only chooses a worker and posts to its mailbox.
public final class MediaService: Sendable {
    private struct State {
        var nextID: UInt64 = 1
        var nextTap: UInt64 = 1
        var legs: [UInt64: Place] = [:]
        var load: [Int]
        var isStopped = false
    }
    /// Where a leg lives, and with whom.
    private struct Place {
        var worker: Int
        var group: UInt64
    }
    private let configuration: MediaConfiguration
    private let ports: PortPool
    private let mailboxes: [WorkerMailbox]
    private let state: Mutex<State>
    /// The back end in use, and why it is not io_uring where that was wanted.
    public let backEnd: MediaBackEndSelection

    /// Starts the worker threads; they end with ``stop()``.
    ///
    /// Throws where io_uring was asked for by name and cannot be had; `.automatic` takes what there is. Blocks for some
    /// milliseconds, because io_uring is tried.
    public init(configuration: MediaConfiguration) throws(MediaEngineError) {
        self.configuration = configuration
        backEnd = try MediaBackEndSelection(configuration.backEnd)
        let workers = max(1, configuration.workers)
        ports = PortPool(
            range: configuration.ports, receiveBuffer: configuration.receiveBuffer, rest: configuration.portRest,
            maximumBound: configuration.maximumRestingPairs)
        mailboxes = (0..<workers).map { _ in WorkerMailbox() }
        state = Mutex(State(load: Array(repeating: 0, count: workers)))
        for index in mailboxes.indices {
            try MediaThread.start(
                MediaWorkerThread(
                    index: index, mailbox: mailboxes[index], ports: ports, policy: configuration.timeline,
                    backEnd: backEnd.kind, isPinned: configuration.pinsWorkers,
                    notice: configuration.notice))
        }
    }

    /// A leg whose ports are bound and that receives nothing yet.
    public struct ReservedLeg: Sendable {
        /// Names the leg for as long as the service runs.
        public let id: UInt64
        /// RTP; RTCP is one above.
        public let port: UInt16
        let sockets: LegSockets
        let worker: Int
        let group: UInt64
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
                    ports.discard(sockets)
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
            let id = state.nextID
            state.nextID += 1
            let place = sibling.flatMap { state.legs[$0] } ?? Place(worker: least, group: id)
            state.legs[id] = place
            state.load[place.worker] += 1
            return .success(
                ReservedLeg(id: id, port: sockets.port, sockets: sockets, worker: place.worker, group: place.group))
        }
        return try result.get()
    }

    /// Gives back a reserved leg that was never started.
    public func release(_ leg: ReservedLeg) {
        forget([leg.id])
        ports.close(leg.sockets, now: MediaClock.arrival)
        mailboxes[leg.worker].post(.endRests)
    }

    /// Begins to receive. `epoch` is sample 0 of the leg on the arrival clock; `tap` lives as long as the leg, others come
    /// and go with ``attach(_:to:)``.
    public func start(_ leg: ReservedLeg, _ parameters: LegParameters, epoch: Int64, tap: (any LegTap)?) {
        mailboxes[leg.worker].post(
            .add(
                LegSetup(
                    id: leg.id, group: leg.group, sockets: leg.sockets, parameters: parameters, epoch: epoch, tap: tap,
                    ssrc: UInt32.random(in: 1 ... .max))))
    }

    /// A new offer for the leg: payload types, source, keys, RTCP. The latch opens again. The worker has taken it over when
    /// this returns, some milliseconds later: an answer that is sent then finds the leg ready for the new key.
    public func change(_ id: UInt64, to parameters: LegParameters) async {
        guard let mailbox = worker(of: id) else { return }
        await withCheckedContinuation { continuation in
            mailbox.post(.change(id, parameters) { continuation.resume() })
        }
    }

    /// Ends what the leg has recorded so far and begins anew at `epoch` (arrival clock), at the same ports, with the same
    /// source, keys and listeners: for a codec that its former format cannot hold. `tap` takes the place of the one that
    /// the leg was started with, which has every sample, and is not called any more, when this returns. The report is of
    /// what ended; nil when there is no such leg.
    public func restart(
        _ id: UInt64, _ parameters: LegParameters, epoch: Int64, tap: (any LegTap)?
    ) async -> LegReport? {
        guard let mailbox = worker(of: id) else { return nil }
        return await withCheckedContinuation { continuation in
            mailbox.post(
                .restart(LegRestart(id: id, parameters: parameters, epoch: epoch, tap: tap)) {
                    continuation.resume(returning: $0)
                })
        }
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

    /// Two legs of one call send each other what they receive, from the next packet on; the worker has taken it over when
    /// this returns. A bridge that one of them had before ends; what was sent to a leg goes on with the same source,
    /// sequence and media time.
    ///
    /// Both legs must have been reserved together (or `besides` one another), so that they live on one worker; other legs
    /// are not bridged.
    public func bridge(_ first: UInt64, _ second: UInt64) async {
        let mailbox = state.withLock { state -> WorkerMailbox? in
            guard let one = state.legs[first]?.worker, one == state.legs[second]?.worker else { return nil }
            return mailboxes[one]
        }
        guard let mailbox else { return }
        await withCheckedContinuation { continuation in
            mailbox.post(.bridge(first, second) { continuation.resume() })
        }
    }

    /// Ends the bridge of a leg.
    public func unbridge(_ id: UInt64) { worker(of: id)?.post(.unbridge(id)) }

    /// Adds a listener in mid-call; it hears what comes after this returns. Nil when there is no such leg.
    public func attach(_ tap: any LegTap, to leg: UInt64) async -> TapID? {
        guard let (id, mailbox) = nextTap(leg) else { return nil }
        await withCheckedContinuation { continuation in
            mailbox.post(.attach(id, tap) { continuation.resume() })
        }
        return id
    }

    /// Sends a copy of the leg's RTP packets to `destination`, from ports of its own, protected with `key` where there is
    /// one; every packet that comes after this returns. Nil when there is no such leg.
    public func fork(
        _ leg: UInt64, to destination: MediaAddress, isIPv6: Bool, protectedBy key: SDESKey? = nil
    ) async throws(MediaEngineError) -> TapID? {
        guard let (id, mailbox) = nextTap(leg) else { return nil }
        let sockets = try ports.open(isIPv6: isIPv6, now: MediaClock.arrival)
        let setup = ForkSetup(id: id, sockets: sockets, destination: destination, sending: key)
        await withCheckedContinuation { continuation in
            mailbox.post(.fork(setup) { continuation.resume() })
        }
        return id
    }

    /// Removes a tap or a fork; it is not called any more when this returns. Nil when it was gone already.
    public func detach(_ id: TapID) async -> TapReport? {
        guard let mailbox = worker(of: id.leg) else { return nil }
        return await withCheckedContinuation { continuation in
            mailbox.post(.detach(id) { continuation.resume(returning: $0) })
        }
    }

    private func nextTap(_ leg: UInt64) -> (TapID, WorkerMailbox)? {
        state.withLock { state in
            guard let place = state.legs[leg] else { return nil }
            defer { state.nextTap += 1 }
            return (TapID(leg: leg, number: state.nextTap), mailboxes[place.worker])
        }
    }

    /// What the workers have received, sent and thrown away, each.
    public func workerReports() async -> [WorkerReport] {
        var reports: [WorkerReport] = []
        for mailbox in mailboxes {
            guard !state.withLock({ $0.isStopped }) else { return reports }
            await reports.append(
                withCheckedContinuation { continuation in
                    mailbox.post(.count { continuation.resume(returning: $0) })
                })
        }
        return reports
    }

    /// What became of the ports of legs that have ended.
    public func portReport() -> PortReport { ports.report }

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

    /// Ends the worker threads. Legs that are still open lose their sockets; no port rests any more.
    public func stop() {
        state.withLock { $0.isStopped = true }
        for mailbox in mailboxes { mailbox.post(.stop) }
        ports.stop()
    }

    private func ask(
        _ ids: [UInt64], _ command: ([UInt64], @escaping @Sendable ([LegReport]) -> Void) -> WorkerCommand
    ) async -> [LegReport] {
        guard let first = ids.first, let mailbox = worker(of: first) else { return [] }
        return await withCheckedContinuation { continuation in
            mailbox.post(command(ids) { continuation.resume(returning: $0) })
        }
    }

    private func forget(_ ids: [UInt64]) {
        state.withLock { state in
            for id in ids {
                if let place = state.legs.removeValue(forKey: id) { state.load[place.worker] -= 1 }
            }
        }
    }

    private func worker(of id: UInt64) -> WorkerMailbox? {
        state.withLock { $0.legs[id]?.worker }.map { mailboxes[$0] }
    }
}
