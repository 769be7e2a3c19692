import Glibc
import Synchronization

/// The writer's side of one session: the file, what is in it for certain, and what still has to go there.
///
/// Owned by one writer thread. A failed write is taken back to the last whole block; what was not written stays in the
/// backlog and is tried again after a second, in a new fragment at its right place.
struct SessionFile: ~Copyable, Sendable {
    /// What a flush did, for the log and the counters.
    enum Outcome { case idle, written, failed(FileError) }

    /// Five seconds, so that the scratch buffer stays small.
    private static let blocksPerWrite = 250

    let relativePath: String
    let startedAtMilliseconds: Int64
    private let path: String
    private let prepare: @Sendable () throws(FileError) -> Void
    private let operations: FileOperations
    /// The longest hole that is written as silence, in samples.
    private let silenceLimit: Int
    private var muxer: FragmentMuxer
    private var descriptor: Int32 = -1
    private var length: Int64 = 0
    private var hasHeader = false
    /// The end of everything ever written; beyond `length` it is what a failed write has left.
    private var writtenEnd: Int64 = 0
    private var retryAt: Int64 = .min
    private(set) var failure: FileError?

    /// Samples from `backlogBlock * 160` on, contiguous.
    private var backlog: [Int16] = []
    private var backlogBlock: Int64 = 0
    /// The hole after the backlog, in samples; all of it is counted as lost already.
    private var hole = 0
    /// Samples of the backlog that stand for lost ones, so that they are not counted again; all in its first block.
    private var silent = 0
    /// Samples still to be dropped after a jump so that the next block starts on the grid.
    private var misaligned = 0

    /// - Parameters:
    ///   - silenceLimit: the longest hole that is written as silence, in samples; 0 = every hole is a jump.
    ///   - prepare: makes the directory and its description before the file is created.
    init(
        path: String, relativePath: String, startedAtMilliseconds: Int64, muxer: consuming FragmentMuxer,
        operations: FileOperations, silenceLimit: Int, prepare: @escaping @Sendable () throws(FileError) -> Void
    ) {
        self.path = path
        self.relativePath = relativePath
        self.startedAtMilliseconds = startedAtMilliseconds
        self.muxer = muxer
        self.operations = operations
        self.silenceLimit = silenceLimit
        self.prepare = prepare
        backlog.reserveCapacity(1024)
    }

    var startFragmentNumber: FragmentNumber { muxer.startFragmentNumber }
    var lastCounter: UInt64 { muxer.position.lastNumber?.counter ?? startFragmentNumber.counter }

    /// Writes what is pending. `now` is monotonic, `wallClock` UTC, both in milliseconds.
    mutating func flush(
        from session: StreamSession, scratch: inout WriteScratch, now: Int64, wallClock: Int64, isFinal: Bool = false
    ) -> Outcome {
        if failure != nil, now < retryAt, !isFinal { return .idle }
        var outcome = Outcome.idle
        while true {
            take(from: session)
            let whole = backlog.count / FragmentMuxer.samplesPerBlock
            if whole == 0, hasHeader, hole == 0 { return outcome }
            var error = write(blocks: whole, tail: 0, scratch: &scratch, wallClock: wallClock)
            if error == nil, hole > 0 { error = settleHole(session, scratch: &scratch, wallClock: wallClock) }
            if let error {
                failure = error
                retryAt = now + 1000
                session.pending.withLock { $0.held = backlog.count }
                return .failed(error)
            }
            failure = nil
            outcome = .written
            session.pending.withLock { $0.held = backlog.count }
        }
    }

    /// Writes the rest, patches the length in and closes. The file is closed whatever happens.
    mutating func close(
        from session: StreamSession, scratch: inout WriteScratch, now: Int64, wallClock: Int64
    ) -> SessionSummary {
        if case .failed = flush(from: session, scratch: &scratch, now: now, wallClock: wallClock, isFinal: true) {
        } else if !backlog.isEmpty {
            failure = write(blocks: 0, tail: backlog.count, scratch: &scratch, wallClock: wallClock)
        }
        let unwritten = session.pending.withLock { $0.count } + backlog.count - silent
        if unwritten > 0 { session.addLost(Int64(unwritten)) }
        let end = muxer.position.samples == 0 ? 0 : endSample
        if descriptor >= 0 {
            removeLeftovers()
            if hasHeader, let error = patch(duration: Double(end) / 8) { failure = failure ?? error }
            let closed = operations.close(descriptor)
            if closed < 0 { failure = failure ?? FileError("close", path, closed) }
            descriptor = -1
        }
        return SessionSummary(
            endFragmentNumber: muxer.position.lastNumber, bytes: length, fragments: muxer.position.fragments,
            samples: muxer.position.samples, lostSamples: session.lostSamples, durationMilliseconds: end / 8,
            failure: failure?.description)
    }

    /// What the backlog keeps allocated.
    var capacityBytes: Int { backlog.capacity * 2 }

    private var endSample: Int64 {
        let short = muxer.position.samples % Int64(FragmentMuxer.samplesPerBlock)
        let blocks = muxer.position.nextBlock * Int64(FragmentMuxer.samplesPerBlock)
        return short == 0 ? blocks : blocks - Int64(FragmentMuxer.samplesPerBlock) + short
    }

    private mutating func take(from session: StreamSession) {
        guard hole == 0 else { return }
        let before = backlog.count
        hole = session.pending.withLock { state in
            let hole = state.move(to: &backlog)
            state.held = backlog.count
            return hole
        }
        guard misaligned > 0, backlog.count > before else { return }
        let dropped = min(misaligned, backlog.count - before)
        backlog.removeSubrange(before..<before + dropped)
        misaligned -= dropped
        session.addLost(Int64(dropped))
    }

    /// Writes the hole as silence, or leaves it when it is too long: readers that only join blocks get legs of equal
    /// length, but an outage of many minutes of thousands of legs, filled, would take the room that has just become
    /// free and fill the disk again at once. Then the jump of the timecodes alone tells the place.
    private mutating func settleHole(
        _ session: StreamSession, scratch: inout WriteScratch, wallClock: Int64
    ) -> FileError? {
        // A hole is first taken while the disk still fails; what was lost since then belongs to it.
        hole += session.pending.withLock { state in
            state.held = backlog.count
            return state.takeLeadingHole()
        }
        guard hole <= silenceLimit else {
            leaveHole(session)
            return nil
        }
        // After a jump, the lost samples up to the grid are passed over like any others.
        let passed = min(misaligned, hole)
        misaligned -= passed
        hole -= passed
        while hole > 0 {
            let piece = min(hole, Self.blocksPerWrite * FragmentMuxer.samplesPerBlock - backlog.count)
            backlog.append(contentsOf: repeatElement(0, count: piece))
            hole -= piece
            let blocks = backlog.count / FragmentMuxer.samplesPerBlock
            if blocks == 0 {
                silent += piece
            } else if let error = write(blocks: blocks, tail: 0, scratch: &scratch, wallClock: wallClock) {
                // Silence is not kept in memory: it would take the room of samples that can still be had.
                let unwritten = min(piece, backlog.count)
                backlog.removeLast(unwritten)
                hole += unwritten
                return error
            } else {
                silent = backlog.count
            }
        }
        return nil
    }

    /// The partial block before a hole and the samples after it up to the next block are given up: blocks stay on the
    /// 20 ms grid of the session, so times stay exact.
    private mutating func leaveHole(_ session: StreamSession) {
        let perBlock = FragmentMuxer.samplesPerBlock
        session.addLost(Int64(backlog.count - silent))
        silent = 0
        // The next block may lie after the next sample already, from an earlier hole.
        let missing = max(0, backlog.count + hole - misaligned)
        misaligned = max(0, misaligned - backlog.count - hole)
        backlog.removeAll(keepingCapacity: true)
        hole = 0
        guard missing > 0 else { return }
        let blocks = (missing + perBlock - 1) / perBlock
        misaligned = blocks * perBlock - missing
        backlogBlock += Int64(blocks)
        muxer.skip(toBlock: backlogBlock)
    }

    /// Muxes and writes whole blocks from the front of the backlog, then `tail` samples as a short block.
    private mutating func write(
        blocks: Int, tail: Int, scratch: inout WriteScratch, wallClock: Int64
    ) -> FileError? {
        if let error = openFile() { return error }
        let perBlock = FragmentMuxer.samplesPerBlock
        var done = 0
        repeat {
            let end = min(blocks, done + Self.blocksPerWrite)
            mux(blocks: done..<end, tail: end == blocks ? tail : 0, scratch: &scratch, wallClock: wallClock)
            let (written, code) = operations.writeAll(scratch.bytes, to: descriptor, at: length)
            writtenEnd = max(writtenEnd, length + Int64(written))
            if code != 0 {
                let kept = scratch.lastMark(before: written, startedWithHeader: hasHeader)
                hasHeader = kept.hasHeader
                length += Int64(kept.offset)
                let keptBlocks = Int(kept.position.nextBlock - backlogBlock)
                muxer.rewind(to: kept.position)
                removeLeftovers()
                dropFront(samples: keptBlocks * perBlock, blocks: keptBlocks)
                return FileError("write", path, -Int(code))
            }
            hasHeader = true
            length += Int64(written)
            done = end
        } while done < blocks
        dropFront(samples: blocks * perBlock + tail, blocks: blocks)
        return nil
    }

    private mutating func mux(blocks: Range<Int>, tail: Int, scratch: inout WriteScratch, wallClock: Int64) {
        let perBlock = FragmentMuxer.samplesPerBlock
        let backlog = backlog
        scratch.reset(at: muxer.position)
        if !hasHeader { muxer.appendHeader(to: &scratch.bytes) }
        scratch.mark(muxer.position, hasHeader: true)
        for block in blocks {
            let samples = backlog.span.extracting(block * perBlock..<(block + 1) * perBlock)
            muxer.appendBlock(samples, serverMilliseconds: wallClock, to: &scratch.bytes)
            scratch.mark(muxer.position, hasHeader: true)
        }
        guard tail > 0 else { return }
        let start = blocks.upperBound * perBlock
        muxer.appendBlock(
            backlog.span.extracting(start..<start + tail), serverMilliseconds: wallClock, to: &scratch.bytes)
        scratch.mark(muxer.position, hasHeader: true)
    }

    private mutating func dropFront(samples: Int, blocks: Int) {
        let kept = max(0, backlog.count - samples)
        for index in 0..<kept { backlog[index] = backlog[index + samples] }
        backlog.removeSubrange(kept...)
        backlogBlock += Int64(blocks)
        if samples > 0 { silent = 0 }
        if backlog.capacity > 16384 {
            var smaller: [Int16] = []
            smaller.reserveCapacity(max(1024, backlog.count))
            smaller.append(contentsOf: backlog)
            backlog = smaller
        }
    }

    private mutating func openFile() -> FileError? {
        guard descriptor < 0 else {
            removeLeftovers()
            return nil
        }
        do throws(FileError) { try prepare() } catch { return error }
        let opened = operations.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard opened >= 0 else { return FileError("create", path, opened) }
        descriptor = Int32(opened)
        return nil
    }

    /// Cuts what a failed write left behind the last whole block; when even that fails, the next write covers it.
    private mutating func removeLeftovers() {
        guard writtenEnd > length else { return }
        if operations.truncate(descriptor, length) >= 0 { writtenEnd = length }
    }

    private mutating func patch(duration: Double) -> FileError? {
        let size = MatroskaHeader.segmentSize(length - Int64(MatroskaHeader.segmentDataOffset))
        let first = operations.writeAll(
            MatroskaHeader.duration(milliseconds: duration), to: descriptor, at: Int64(MatroskaHeader.durationOffset))
        guard first.code == 0 else { return FileError("finish", path, -Int(first.code)) }
        // The size goes last: it is what tells readers that everything before it is in place.
        let second = operations.writeAll(size, to: descriptor, at: Int64(FragmentMuxer.segmentSizeOffset))
        return second.code == 0 ? nil : FileError("finish", path, -Int(second.code))
    }
}
