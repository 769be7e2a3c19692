import AccessKeys
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RequestSigning
import ServiceLifecycle
import StreamSink
import Synchronization

extension KinesisVideoRoutes {
    /// PutMedia: 200 at once, and acknowledgments while the body is still coming.
    func putMedia(_ request: Request, _ context: InterfaceContext) async throws -> Response {
        var context = context
        let verified = try await gate.admit(request, for: .writeMedia, context: &context)
        let head = try PutMediaHead(request.headers)
        let stream = try library.stream(head.stream)
        guard let place = producers.enter(stream.name) else {
            counters.add(\.limitedCalls)
            throw ServiceError.connectionLimit(
                "A producer writes into \(stream.name) already, or \(settings.limits.ingests) producers write.")
        }
        let ingest = try library.openIngest(.arn(stream.arn))
        let (limits, counters, logger) = (settings.limits, counters, context.logger)
        let body = request.body
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init { writer in
                // Both are given back when this closure is, whether it ran or not.
                defer { ingest.close() }
                let lines = AcknowledgmentLines()
                let activity = ProducerActivity()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask(executorPreference: FileReadingExecutor.shared) {
                        defer { lines.finish() }
                        let session = ProducerSession(
                            ingest: ingest, head: head, persists: stream.retentionHours > 0, limits: limits,
                            counters: counters, logger: logger)
                        await Self.read(body, verified, into: session, lines, activity)
                    }
                    group.addTask {
                        await Self.watch(activity, limits, lines)
                    }
                    for await line in lines.stream {
                        try await writer.write(ByteBuffer(bytes: line))
                    }
                    group.cancelAll()
                }
                // Before the answer's end: a producer may come again as soon as it has that.
                ingest.close()
                place.release()
                try await writer.finish(nil)
            })
    }

    private static func read(
        _ body: RequestBody, _ verified: VerifiedRequest?, into session: consuming ProducerSession,
        _ lines: AcknowledgmentLines, _ activity: ProducerActivity
    ) async {
        var session = session
        let send: (Acknowledgment) -> Void = { lines.send($0) }
        do {
            if var chunks = verified?.chunkedBody() {
                var plain: [UInt8] = []
                for try await buffer in body {
                    activity.note()
                    plain.removeAll(keepingCapacity: true)
                    try chunks.append(Array(buffer.readableBytesView), to: &plain)
                    guard session.receive(plain, send), lines.isOpen else { return }
                }
                try chunks.finish()
            } else {
                for try await buffer in body {
                    activity.note()
                    guard session.receive(buffer.readableBytesView, send), lines.isOpen else { return }
                }
            }
            // The idle time's end, or the service's.
            guard !Task.isCancelled else { return }
            _ = session.finish(send)
        } catch {
            // The connection broke, or a chunk's signature is wrong: nobody can be told but by this.
            session.fail(.readError, send)
        }
    }

    /// Says IDLE, and ends the body of a producer that sends nothing any more or when the service stops.
    private static func watch(
        _ activity: ProducerActivity, _ limits: HTTPLimits, _ lines: AcknowledgmentLines
    ) async {
        var told: Duration = .zero
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(200))
            let quiet = activity.quietTime
            if Task.isShuttingDownGracefully || quiet >= limits.ingestIdleEnd { return lines.finish() }
            if quiet < limits.ingestIdleTime {
                told = .zero
            } else if quiet - told >= limits.ingestIdleTime {
                told = quiet
                lines.send(.idle)
            }
        }
    }
}

/// When a producer's last byte came. Thread-safe.
private final class ProducerActivity: Sendable {
    private let last = Mutex(ContinuousClock.now)

    func note() { last.withLock { $0 = .now } }

    var quietTime: Duration { .now - last.withLock { $0 } }
}

/// The lines between the task that reads a body and the one that writes the answer. Thread-safe.
private final class AcknowledgmentLines: Sendable {
    /// A producer that takes no acknowledgments is cut off when so many wait.
    private static let limit = 1024

    let stream: AsyncStream<[UInt8]>
    private let continuation: AsyncStream<[UInt8]>.Continuation
    private let open = Atomic(true)

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit))
    }

    var isOpen: Bool { open.load(ordering: .relaxed) }

    func send(_ acknowledgment: Acknowledgment) {
        if case .dropped = continuation.yield(acknowledgment.line) { finish() }
    }

    func finish() {
        open.store(false, ordering: .relaxed)
        continuation.finish()
    }
}
