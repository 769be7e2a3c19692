import Hummingbird
import NIOCore
import ServiceLifecycle
import StreamSink

/// Sends one reader what its follower finds. Owned by the reader's task.
///
/// A slow reader costs only this: `write` waits until the socket takes more, and what it missed lies in the file.
struct MediaSender {
    /// The most that is read before it is written, bytes.
    private static let batchBytes = 128 * 1024
    /// The most of one read, bytes.
    private static let partBytes = 64 * 1024
    /// How soon a reader notices that the service is to stop.
    private static let noticeTime: Duration = .milliseconds(250)

    private let delivery: FragmentDelivery
    private let limits: HTTPLimits
    private let counters: HTTPCounters
    private var outgoing = ByteBuffer()
    /// In the whole-fragment mode: the fragment that is not complete yet.
    private var held = ByteBuffer()
    private var isHolding = false
    private var last = LastFragment()
    /// While a fragment is held: the one before it, which is the last that the reader has.
    private var lastReleased = LastFragment()
    private var watch: PermissionWatch

    init(delivery: FragmentDelivery, limits: HTTPLimits, counters: HTTPCounters, watch: PermissionWatch) {
        self.watch = watch
        self.delivery = delivery
        self.limits = limits
        self.counters = counters
    }

    /// Sends until nothing came for the tail time, the reader went away, its access key was revoked, or the service
    /// stops.
    mutating func send(from follower: StreamFollower, to writer: inout any ResponseBodyWriter) async throws {
        var deadline = ContinuousClock.now + limits.tailTime
        while !Task.isCancelled {
            // The body ends as any other: whoever asks again is told why.
            guard watch.holds() else {
                counters.add(\.revokedAnswers)
                break
            }
            let moved = try gather(from: follower)
            if outgoing.readableBytes > 0 { try await flush(to: &writer) }
            let now = ContinuousClock.now
            if moved {
                // From the moment the reader has it: who is slow to take a batch is not at the tail.
                deadline = now + limits.tailTime
                continue
            }
            if now >= deadline || Task.isShuttingDownGracefully { break }
            _ = await follower.waitForMore(until: min(deadline, now + Self.noticeTime))
        }
        let sent = isHolding ? lastReleased : last
        if let closing = sent.closing(millisecondsBehindNow: follower.millisecondsBehindNow) {
            // A held fragment that never became complete is left out: it will be read whole next time.
            outgoing.writeBytes(closing)
            try await flush(to: &writer)
        }
    }

    /// Tells the reader in the body, since the status is out: an error fragment.
    mutating func fail(_ error: StreamLibraryError, to writer: inout any ResponseBodyWriter) async throws {
        outgoing.clear()
        outgoing.writeBytes((isHolding ? lastReleased : last).error(error))
        try await flush(to: &writer)
    }

    /// Takes what the follower has, up to a batch; whether there was anything.
    private mutating func gather(from follower: StreamFollower) throws -> Bool {
        var moved = false
        while outgoing.readableBytes < Self.batchBytes, let part = try follower.next(maximumBytes: Self.partBytes) {
            moved = true
            switch part {
            case .begin(let header, let fragment):
                isHolding = delivery == .whole
                if isHolding { lastReleased = last }
                last.begin(header: header, fragment)
                add(header)
            case .bytes(let bytes):
                last.add(bytes)
                add(bytes)
            case .end(let fragment):
                add(last.end(fragment, millisecondsBehindNow: follower.millisecondsBehindNow))
                release()
                counters.add(\.mediaFragments)
            }
        }
        return moved
    }

    private mutating func add(_ bytes: [UInt8]) {
        guard isHolding else {
            outgoing.writeBytes(bytes)
            return
        }
        held.writeBytes(bytes)
        // Memory is bounded before completeness is promised.
        if held.readableBytes > limits.wholeFragmentBytes { release() }
    }

    private mutating func release() {
        isHolding = false
        outgoing.writeBuffer(&held)
        held.clear()
    }

    private mutating func flush(to writer: inout any ResponseBodyWriter) async throws {
        counters.add(\.mediaBytes, outgoing.readableBytes)
        let batch = outgoing
        // The socket may still hold the batch: the next one gets storage of its own.
        outgoing = ByteBuffer()
        try await writer.write(batch)
    }
}
