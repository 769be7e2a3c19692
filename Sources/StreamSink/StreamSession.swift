import Synchronization

/// One leg's recording: the media worker appends samples, a writer thread puts them in the stream's file.
public final class StreamSession: Sendable {
    /// `ChimeVoiceConnector-<connector>-<uuid>`.
    public let streamName: String
    /// The stream's ARN.
    public let streamARN: String
    /// The file, relative to the data directory.
    public let relativePath: String
    /// The number of the session in its stream, from 0.
    public let sessionNumber: Int
    /// The first fragment's number, fixed before the first byte is written.
    public let startFragmentNumber: FragmentNumber
    /// Wall clock of sample 0, milliseconds since 1970.
    public let startedAtMilliseconds: Int64

    let pending: Mutex<PendingSamples>
    let file: Mutex<SessionFile>
    private let lost = Atomic<Int64>(0)
    private let ending = Mutex(Ending())
    private let writer: StreamWriter?

    private struct Ending {
        var summary: SessionSummary?
        var waiting: [CheckedContinuation<SessionSummary, Never>] = []
    }

    init(stream: ClaimedStream, file: consuming SessionFile, pendingLimit: Int, writer: StreamWriter?) {
        streamName = stream.name
        streamARN = stream.arn
        sessionNumber = stream.session
        relativePath = file.relativePath
        startFragmentNumber = file.startFragmentNumber
        startedAtMilliseconds = file.startedAtMilliseconds
        self.file = Mutex(file)
        pending = Mutex(PendingSamples(limit: pendingLimit))
        self.writer = writer
    }

    /// Adds the next samples of the leg's time line (8 kHz, 16 bit, mono), about every 100 ms.
    ///
    /// Called by one thread. Copies under a short lock, does no I/O and, after warm-up, no allocation. When the writer is
    /// more than the configured time behind, samples are counted as lost; silence takes their place, or a jump of the
    /// timecodes after a long outage. After ``finish()`` it does nothing.
    public func append(_ samples: Span<Int16>) {
        let refused = samples.withUnsafeBufferPointer { buffer in
            pending.withLock { $0.isClosed ? 0 : $0.append(buffer) }
        }
        if refused > 0 { addLost(Int64(refused)) }
    }

    /// Samples lost so far: the disk was full or failing for longer than the pending buffer holds.
    public var lostSamples: Int64 { lost.load(ordering: .relaxed) }

    /// Writes what is left, closes the file properly and gives the stream back to the pool. Safe to call twice.
    public func finish() async -> SessionSummary {
        let isFirst = pending.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        return await withCheckedContinuation { continuation in
            let summary = ending.withLock { state in
                if state.summary == nil { state.waiting.append(continuation) }
                return state.summary
            }
            if let summary { continuation.resume(returning: summary) }
            if isFirst { writer?.close(self) }
        }
    }

    func addLost(_ count: Int64) {
        lost.add(count, ordering: .relaxed)
    }

    /// Called by the writer when the file is closed.
    func complete(_ summary: SessionSummary) {
        let waiting = ending.withLock { state in
            state.summary = summary
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: summary) }
    }
}

/// What a finished session left behind.
public struct SessionSummary: Sendable, Equatable {
    /// The last fragment's number; `nil` when nothing was written.
    public var endFragmentNumber: FragmentNumber?
    /// The file's length in bytes.
    public var bytes: Int64
    /// Fragments in the file.
    public var fragments: Int
    /// Samples in the file, those of silence for lost ones included.
    public var samples: Int64
    /// Samples that never reached it.
    public var lostSamples: Int64
    /// Length of the time line in milliseconds, holes included.
    public var durationMilliseconds: Int64
    /// Why the file could not be written or closed, when that was so at the end.
    public var failure: String?

    /// Makes a summary; for callers that stand in for a session.
    public init(
        endFragmentNumber: FragmentNumber?, bytes: Int64, fragments: Int, samples: Int64, lostSamples: Int64,
        durationMilliseconds: Int64, failure: String? = nil
    ) {
        self.endFragmentNumber = endFragmentNumber
        self.bytes = bytes
        self.fragments = fragments
        self.samples = samples
        self.lostSamples = lostSamples
        self.durationMilliseconds = durationMilliseconds
        self.failure = failure
    }
}
