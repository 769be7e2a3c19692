import CPacedSender
import Glibc
import Synchronization

/// Sends RTP of any number of calls from one thread, each packet at its own deadline.
///
/// Deadlines are absolute: a late packet never delays the next one, and after a stall everything that is due goes out at
/// once with its own timestamps. Calls are spread over the packet time in steps of a millisecond; at each step all packets
/// that are due go to the kernel in one batch. Every stream has a socket of its own, so a batch is one loop of sends in C:
/// `sendmmsg` could only join packets of the same socket.
public final class PacedSender: Sendable {
    /// More streams at once are refused.
    public static let maximumStreams = 20_000

    /// Milliseconds of audio a packet.
    public let packetTime: Int
    private let mailbox: PacedSenderMailbox
    private let nextID = Atomic<UInt64>(1)

    /// Starts the thread.
    /// - Parameter packetTime: milliseconds, 10 to 60.
    public init(packetTime: Int = 20) throws(PacedSenderError) {
        guard (10...60).contains(packetTime) else { throw .packetTime(packetTime) }
        self.packetTime = packetTime
        mailbox = try PacedSenderMailbox()
        var loop = PacedSenderLoop(mailbox: mailbox, packetTime: packetTime)
        try PacedSenderThread.start { loop.run() }
    }

    deinit { mailbox.stop() }

    /// Sends `packets` packets of each stream, all starting at the same instant, and returns when the last one has had
    /// its time. Cancelling the task ends the streams after the packet they are at.
    public func play(_ streams: [PacedStream], packets: Int) async -> PacedResult {
        guard !streams.isEmpty, packets > 0 else { return PacedResult(isComplete: true) }
        let id = nextID.add(1, ordering: .relaxed).oldValue
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let playback = Playback(id: id, streams: streams, packets: packets) {
                    continuation.resume(returning: $0)
                }
                mailbox.add(playback)
                // A cancellation that came before the playback was there has found nothing.
                if Task.isCancelled { mailbox.cancel(id) }
            }
        } onCancel: {
            mailbox.cancel(id)
        }
    }

    /// How well the deadlines were kept so far.
    public var statistics: PacingStatistics { mailbox.statistics }
}

/// Why a ``PacedSender`` could not be made.
public enum PacedSenderError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not 10 to 60 ms.
    case packetTime(Int)
    /// No thread or no event descriptor.
    case noResources(reason: String)

    /// One sentence.
    public var description: String {
        switch self {
        case .packetTime(let value): "a packet time of \(value) ms cannot be sent; 10 to 60 ms can"
        case .noResources(let reason): "cannot start the sender's thread: \(reason)"
        }
    }
}

/// A thread that runs one closure to its end.
private enum PacedSenderThread {
    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    static func start(_ body: sending @escaping () -> Void) throws(PacedSenderError) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                paced_thread_prepare("rtp-sender")
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard result == 0 else {
            work.release()
            throw .noResources(reason: WaveAudio.reason(result))
        }
        pthread_detach(thread)
    }
}
