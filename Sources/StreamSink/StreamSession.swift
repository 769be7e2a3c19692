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

    /// What the file holds.
    public let format: StreamFormat

    /// Whether somebody follows this session at the moment; hand-ins should then be short. May be asked by any thread at
    /// any time: one load.
    public var isFollowed: Bool { StreamWatch.isAnyFollowed && live?.watch.isFollowed ?? false }

    /// Its hand-ins are larger than those of 8 kHz.
    var isWide: Bool { format.sampleRate > 8_000 }

    /// What the session's readers share with it.
    let live: LiveSession?
    let pending: Mutex<PendingSamples>
    let payloads: Mutex<PendingPayloads>
    let file: Mutex<SessionFile>
    private let lost = Atomic<Int64>(0)
    private let notes = Mutex<[DigitNote]>([])
    private let hasNotes = Atomic<Bool>(false)
    private let ending = Mutex(Ending())
    private let writer: StreamWriter?
    private let opened: Atomic<Bool>

    private struct Ending {
        var summary: SessionSummary?
        var waiting: [CheckedContinuation<SessionSummary, Never>] = []
    }

    /// - Parameter pendingLimit: in samples; payloads may take twice as many bytes.
    init(
        stream: ClaimedStream, file: consuming SessionFile, pendingLimit: Int, writer: StreamWriter?,
        live: LiveSession? = nil
    ) {
        self.live = live
        streamName = stream.name
        streamARN = stream.arn
        sessionNumber = stream.session
        relativePath = file.relativePath
        startFragmentNumber = file.startFragmentNumber
        startedAtMilliseconds = file.startedAtMilliseconds
        format = file.format
        self.file = Mutex(file)
        pending = Mutex(PendingSamples(limit: pendingLimit))
        payloads = Mutex(PendingPayloads(limit: pendingLimit.multipliedReportingOverflow(by: 2).partialValue))
        self.writer = writer
        opened = Atomic(writer == nil)
    }

    /// The file has been made, or could not be; from then on it is the writer's.
    var isOpened: Bool { opened.load(ordering: .acquiring) }
    func markOpened() { opened.store(true, ordering: .releasing) }

    /// Writes what is pending; true where the file has begun to fail. Called by the opener once, then by the writer.
    func write(scratch: inout WriteScratch, now: Int64, wallClock: Int64, health: DiskHealth) -> Bool {
        file.withLock { file in
            let wasFailing = file.failure != nil
            let outcome = file.flush(from: self, scratch: &scratch, now: now, wallClock: wallClock)
            if case .failed(let error) = outcome { health.failed(error, isNew: !wasFailing) }
            if wasFailing, file.failure == nil { health.recovered() }
            return !wasFailing && file.failure != nil
        }
    }

    /// Adds the next samples of the leg's time line (16 bit, mono, at the format's rate), about every 200 ms: each hand-in
    /// becomes one write a few milliseconds later.
    ///
    /// Called by one thread. Copies under a short lock, does no I/O and, after warm-up, no allocation. When the writer is
    /// more than the configured time behind, samples are counted as lost; silence takes their place, or a jump of the
    /// timecodes after a long outage. After ``finish()``, and for a format of payloads, it does nothing.
    public func append(_ samples: Span<Int16>) {
        guard !samples.isEmpty, !format.isPayload else { return }
        let refused = samples.withUnsafeBufferPointer { buffer in
            pending.withLock { state in
                if state.isClosed { return 0 }
                if !state.isQueued {
                    state.isQueued = true
                    state.adopt(writer?.enqueue(self) ?? [])
                }
                return state.append(buffer)
            }
        }
        if refused > 0 { addLost(Int64(refused)) }
    }

    /// Adds the payload of one RTP packet, for a format of payloads. Otherwise like ``append(_:)``.
    /// - Parameters:
    ///   - position: its place on the leg's line, in samples of the format's rate.
    ///   - length: how many samples it stands for. What is not covered by payloads is a gap in the timecodes.
    public func append(payload: RawSpan, at position: Int64, length: Int64) {
        guard format.isPayload else { return }
        let isTaken = payloads.withLock { state in
            if state.isClosed { return true }
            if !state.isQueued {
                state.isQueued = true
                writer?.enqueue(payloadsOf: self)
            }
            return state.append(payload, at: position, length: UInt32(clamping: length))
        }
        if !isTaken { addLost(max(0, length)) }
    }

    /// Puts a digit into the tags of the next fragment (`EarshotDigits`, after the contract's tags). Not to be called when
    /// digits are redacted.
    /// - Parameters:
    ///   - digit: `0` to `9`, `*`, `#`, `A` to `D`; at most 8 characters are kept.
    ///   - position: where it began on the leg's line, in samples of the format's rate.
    ///   - milliseconds: how long it was held.
    public func note(digit: String, at position: Int64, milliseconds: Int) {
        let rate = Int64(format.sampleRate)
        let place = max(0, position)
        let note = DigitNote(
            digit: String(digit.prefix(8)), startMilliseconds: place / rate * 1000 + place % rate * 1000 / rate,
            milliseconds: max(0, milliseconds))
        notes.withLock { if $0.count < DigitNotes.limit { $0.append(note) } }
        hasNotes.store(true, ordering: .releasing)
    }

    /// Digits since the last call. Called by the writer.
    func takeNotes() -> [DigitNote] {
        guard hasNotes.exchange(false, ordering: .acquiringAndReleasing) else { return [] }
        return notes.withLock { notes in
            defer { notes = [] }
            return notes
        }
    }

    /// Samples lost so far: the disk was full or failing for longer than the pending buffer holds.
    public var lostSamples: Int64 { lost.load(ordering: .relaxed) }

    /// Writes what is left, closes the file properly and gives the stream back to the pool. Safe to call twice.
    public func finish() async -> SessionSummary {
        payloads.withLock { $0.isClosed = true }
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
