import Synchronization

/// The lines between the task that reads a body and the one that writes the answer. Thread-safe.
final class AcknowledgmentLines: Sendable {
    /// A producer that takes no acknowledgments is cut off when so many wait.
    private static let limit = 1024

    let stream: AsyncStream<[UInt8]>
    private let continuation: AsyncStream<[UInt8]>.Continuation
    private let open = Atomic(true)
    private let waiting = Atomic(0)

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit))
    }

    var isOpen: Bool { open.load(ordering: .relaxed) }

    func send(_ acknowledgment: Acknowledgment) {
        waiting.add(1, ordering: .relaxed)
        if case .dropped = continuation.yield(acknowledgment.line) { finish() }
    }

    /// A line has been written.
    func noteWritten() { waiting.subtract(1, ordering: .relaxed) }

    /// Returns when few lines wait: a fast body waits for its answer instead of being cut off.
    func settle() async {
        while isOpen, waiting.load(ordering: .relaxed) > Self.limit / 4, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    func finish() {
        open.store(false, ordering: .relaxed)
        continuation.finish()
    }
}
