import Synchronization

/// The writer's side of one session: the file, what is in it for certain, and what still has to go there.
///
/// Owned by one writer thread. A failed write is taken back to the last whole block; what was not written stays in the
/// backlog and is tried again after a second, in a new fragment at its right place. In normal running there is no backlog:
/// what the session took is laid out and written from where it is.
struct SessionFile: ~Copyable, Sendable {
    /// What a flush did, for the log and the counters.
    enum Outcome { case idle, written, failed(FileError) }

    /// Two seconds, so that the scratch buffer stays small.
    static let blocksPerWrite = 100

    let relativePath: String
    let startedAtMilliseconds: Int64
    /// The longest hole that is written as silence, in samples.
    let silenceLimit: Int
    var file: GrowingFile
    var muxer: FragmentMuxer
    var encoder: LazyEncoder?
    private(set) var hasHeader = false
    /// The clusters that are complete, and the open one's head.
    private(set) var clusters = ClusterPlaces()
    private var openCluster: Int64?
    private var indexer: FragmentIndexer
    private var retryAt: Int64 = .min
    private(set) var failure: FileError?
    private(set) var isClosed = false

    var samples = SampleBacklog()
    var payloads = PayloadRecords()

    /// - Parameters:
    ///   - silenceLimit: the longest hole that is written as silence, in samples; 0 = every hole is a jump.
    ///   - encoder: makes the encoder of an encoded format.
    ///   - live: what the session's readers share with it.
    ///   - indexIsDue: told when a batch of the index should be written.
    init(
        file: consuming GrowingFile, relativePath: String, startedAtMilliseconds: Int64,
        muxer: consuming FragmentMuxer, silenceLimit: Int, encoder: FrameEncoderFactory? = nil,
        live: LiveSession? = nil, indexIsDue: (@Sendable (LiveSession) -> Void)? = nil
    ) {
        indexer = FragmentIndexer(
            live: live, startedAtMilliseconds: startedAtMilliseconds, sampleRate: muxer.format.sampleRate,
            isDue: indexIsDue)
        self.file = file
        self.relativePath = relativePath
        self.startedAtMilliseconds = startedAtMilliseconds
        self.muxer = muxer
        self.silenceLimit = silenceLimit
        self.encoder = encoder.map { LazyEncoder($0) }
    }

    var format: StreamFormat { muxer.format }
    var startFragmentNumber: FragmentNumber { muxer.startFragmentNumber }
    var lastCounter: UInt64 { muxer.position.lastNumber?.counter ?? startFragmentNumber.counter }
    /// What the backlogs keep allocated.
    var capacityBytes: Int { samples.capacityBytes + payloads.capacityBytes + clusters.capacityBytes }

    /// Writes what is pending. `now` is monotonic, `wallClock` UTC, both in milliseconds.
    mutating func flush(
        from session: StreamSession, scratch: inout WriteScratch, now: Int64, wallClock: Int64, isFinal: Bool = false
    ) -> Outcome {
        if isClosed { return .idle }
        if failure != nil, now < retryAt, !isFinal { return .idle }
        for note in session.takeNotes() { muxer.note(note) }
        let outcome =
            format.isPayload
            ? flushPayloads(from: session, scratch: &scratch, wallClock: wallClock)
            : flushSamples(from: session, scratch: &scratch, wallClock: wallClock)
        switch outcome {
        case .idle: break
        case .written: failure = nil
        case .failed(let error):
            failure = error
            retryAt = now + 1000
        }
        return outcome
    }

    /// Writes the rest, patches the length in and closes. The file is closed whatever happens.
    mutating func close(
        from session: StreamSession, scratch: inout WriteScratch, now: Int64, wallClock: Int64
    ) -> SessionSummary {
        for note in session.takeNotes() { muxer.note(note) }
        // No fragment comes after these blocks that could have the last digits in its tags.
        if muxer.hasWaitingDigits { muxer.endFragment() }
        if case .failed = flush(from: session, scratch: &scratch, now: now, wallClock: wallClock, isFinal: true) {
        } else {
            failure = writeRest(scratch: &scratch, wallClock: wallClock)
        }
        endCluster(at: file.length)
        indexer.finish(end: file.length, blockEnd: muxer.position.blockEnd)
        let unwritten = unwrittenSamples(of: session)
        if unwritten > 0 { session.addLost(unwritten) }
        let end = muxer.position.samples == 0 ? 0 : muxer.position.end
        let rate = Int64(format.sampleRate)
        if file.isOpen {
            file.removeLeftovers()
            if hasHeader, let error = finish(duration: Double(end) * 1000 / Double(rate)) { failure = failure ?? error }
            if let error = file.close() { failure = failure ?? error }
        }
        isClosed = true
        samples = SampleBacklog()
        payloads = PayloadRecords()
        encoder = nil
        return SessionSummary(
            endFragmentNumber: muxer.position.lastNumber, bytes: file.length, fragments: muxer.position.fragments,
            samples: muxer.position.samples, lostSamples: session.lostSamples,
            durationMilliseconds: end * 1000 / rate, failure: failure?.description)
    }

    /// Opens the file where that is still to be done, writes what `fill` puts into the scratch, and takes back what did
    /// not come through. `fill` marks each place at which the bytes are whole.
    /// - Returns: the error, and how many marks of `fill` are in the file.
    mutating func write(
        scratch: inout WriteScratch, fill: (inout SessionFile, inout WriteScratch) -> Void
    ) -> (error: FileError?, marks: Int) {
        if let error = file.open() { return (error, 0) }
        scratch.reset(at: muxer.position)
        muxer.forgetOpened()
        let start = file.length
        if !hasHeader {
            muxer.appendHeader(preSkip: encoder?.encoder()?.preSkip ?? 0, to: &scratch.bytes)
            scratch.mark(muxer.position, hasHeader: true)
        }
        let own = scratch.marks.count
        fill(&self, &scratch)
        guard !scratch.bytes.isEmpty else { return (nil, scratch.marks.count - own) }
        let (written, error) = file.append(scratch.bytes, sealing: &scratch.sealed)
        if let error {
            let kept = scratch.lastMark(before: written, startedWithHeader: hasHeader)
            hasHeader = kept.hasHeader
            file.keep(kept.offset)
            noteClusters(from: start, before: kept.offset)
            indexer.take(scratch.bytes, kept: kept.offset, at: start, opened: muxer.opened)
            muxer.rewind(to: kept.position)
            encoder?.reset()
            return (error, max(0, scratch.marks.count { $0.offset <= written } - own))
        }
        hasHeader = true
        noteClusters(from: start, before: written)
        indexer.take(scratch.bytes, kept: written, at: start, opened: muxer.opened)
        muxer.commit()
        return (nil, scratch.marks.count - own)
    }

    /// A write came through.
    mutating func recovered() { failure = nil }

    /// Takes over where the last write opened clusters.
    /// - Parameter start: the write's place in the file; only its first `length` bytes are kept.
    private mutating func noteClusters(from start: Int64, before length: Int) {
        for fragment in muxer.opened where fragment.cluster < length {
            endCluster(at: start + Int64(fragment.tags))
            openCluster = start + Int64(fragment.cluster)
        }
    }

    private mutating func endCluster(at end: Int64) {
        if let head = openCluster { clusters.add(head: head, end: end) }
        openCluster = nil
    }

    private mutating func writeRest(scratch: inout WriteScratch, wallClock: Int64) -> FileError? {
        if !format.isPayload, let error = writeTail(scratch: &scratch, wallClock: wallClock) { return error }
        endCluster(at: file.length)
        guard muxer.hasWaitingDigits, hasHeader else { return nil }
        return write(scratch: &scratch) { file, scratch in
            file.muxer.appendTrailingDigits(to: &scratch.bytes)
        }.error
    }

    /// The size goes last: it is what tells readers that everything before it is in place.
    private mutating func finish(duration: Double) -> FileError? {
        let size = MatroskaHeader.segmentSize(file.length - Int64(MatroskaHeader.segmentDataOffset))
        return file.overwrite(
            MatroskaHeader.duration(milliseconds: duration), at: Int64(MatroskaHeader.durationOffset))
            ?? file.overwrite(size, at: Int64(FragmentMuxer.segmentSizeOffset))
    }
}
