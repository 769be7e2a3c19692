import NIOCore
import StreamSink

/// The body of one PutMedia: reads the leg as it grows and lays it out, when the connection asks for more.
///
/// The connection's own speed is the brake; at most one piece is in memory.
actor ForwardPump {
    /// The body goes out in pieces of about this size, smaller when there is no more at the moment.
    static let piece = 32 << 10

    private let source: any ForwardSource
    private var muxer: ForwardMuxer
    private var ready: [UInt8] = []
    private var isClosed = false
    /// When the first piece was handed over after the last thing that was heard.
    private var waitingSince: ContinuousClock.Instant?
    /// Whether the whole leg was handed to the connection.
    private(set) var isFinished = false

    init(_ leg: ForwardedLeg, from sources: any ForwardSourceProvider, resumeAfter: Int64?, skipped: Set<Int64>) throws
    {
        source = try sources.open(leg)
        muxer = ForwardMuxer(resumeAfter: resumeAfter, skipped: skipped)
    }

    var lastTimecode: Int64? { muxer.lastTimecode }
    var startedAtMilliseconds: Int64 { muxer.startedAtMilliseconds }

    /// Waits for the first fragment that is to be sent.
    /// - Returns: false when the leg ends without one.
    func prime() async throws -> Bool {
        while true {
            try read()
            if muxer.lastTimecode != nil { return true }
            if source.hasEnded { return false }
            try await source.waitForMore()
        }
    }

    /// The next piece; nil at the end.
    /// - Throws: after ``close()``. An early end must break the connection: a body that ends in good order in the middle of
    ///   a fragment would have the far end keep what there is of it.
    func next() async throws -> ByteBuffer? {
        while true {
            if isClosed { throw CancellationError() }
            try read()
            if !ready.isEmpty {
                defer { ready = [] }
                waitingSince = waitingSince ?? .now
                return ByteBuffer(bytes: ready)
            }
            if source.hasEnded {
                isFinished = true
                return nil
            }
            try await source.waitForMore()
        }
    }

    /// Breaks the body off.
    func close() { isClosed = true }

    /// The far end has said something.
    func noteAnswer() { waitingSince = nil }

    /// Whether something was sent, and nothing was heard for so long since.
    func isUnanswered(for time: Duration) -> Bool { waitingSince.map { .now - $0 > time } ?? false }

    private func read() throws {
        while ready.count < Self.piece, let event = try source.next() { muxer.append(event, to: &ready) }
    }

    /// The body for the connection.
    nonisolated var body: Body { Body(pump: self) }

    struct Body: AsyncSequence, Sendable {
        typealias Element = ByteBuffer
        let pump: ForwardPump

        func makeAsyncIterator() -> Iterator { Iterator(pump: pump) }

        struct Iterator: AsyncIteratorProtocol {
            let pump: ForwardPump
            mutating func next() async throws -> ByteBuffer? { try await pump.next() }
        }
    }
}
