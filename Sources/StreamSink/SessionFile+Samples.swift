import Synchronization

extension SessionFile {
    mutating func flushSamples(
        from session: StreamSession, scratch: inout WriteScratch, wallClock: Int64
    ) -> Outcome {
        var outcome = Outcome.idle
        while true {
            take(from: session)
            if isEncoded, encoder?.encoder() == nil { loseEverything(session) }
            let whole = samples.count / format.samplesPerBlock
            if whole == 0, hasHeader, samples.hole == 0 {
                samples.dropFront(samples: 0, blocks: 0, scratch: &scratch)
                return outcome
            }
            let hadHole = samples.hole > 0
            var error = write(blocks: whole, tail: 0, scratch: &scratch, wallClock: wallClock)
            if error == nil, hadHole { error = settleHole(session, scratch: &scratch, wallClock: wallClock) }
            // Otherwise it was set when the samples were taken.
            if error != nil || hadHole { session.pending.withLock { $0.held = samples.count } }
            if let error { return .failed(error) }
            outcome = .written
            if !hadHole { return outcome }
        }
    }

    /// The last, short block. An encoder gets full ones, and silence until the last sample has come out of it.
    mutating func writeTail(scratch: inout WriteScratch, wallClock: Int64) -> FileError? {
        let tail = samples.count
        guard isEncoded, let encoder = encoder?.encoder() else {
            return tail == 0 ? nil : write(blocks: 0, tail: tail, scratch: &scratch, wallClock: wallClock)
        }
        guard tail > 0 || muxer.position.samples > 0 else { return nil }
        let perBlock = format.samplesPerBlock
        let delay = max(0, min(encoder.preSkip, 4800)) * format.sampleRate / 48_000
        let blocks = (tail + delay + perBlock - 1) / perBlock
        samples.appendSilence(blocks * perBlock - tail)
        return write(blocks: blocks, tail: 0, real: tail, scratch: &scratch, wallClock: wallClock)
    }

    /// Samples that will not get into the file any more and are not counted as lost yet.
    func unwrittenSamples(of session: StreamSession) -> Int64 {
        if format.isPayload { return payloads.length + session.payloads.withLock { $0.records.length } }
        return Int64(session.pending.withLock { $0.count } + samples.count - samples.silent)
    }

    private mutating func take(from session: StreamSession) {
        guard samples.hole == 0 else { return }
        let perBlock = format.samplesPerBlock
        session.pending.withLock { state in
            samples.take(from: &state)
            let count = samples.count - min(samples.misaligned, samples.taken.count)
            // What a good write leaves. Setting it here saves a second turn of the lock; a bad write corrects it.
            state.held = samples.hole == 0 ? count % perBlock : count
        }
        guard samples.misaligned > 0 else { return }
        let dropped = samples.align()
        if dropped > 0 { session.addLost(Int64(dropped)) }
    }

    /// Writes the hole as silence, or leaves it when it is too long: readers that only join blocks get legs of equal
    /// length, but an outage of many minutes of thousands of legs, filled, would take the room that has just become
    /// free and fill the disk again at once. Then the jump of the timecodes alone tells the place.
    private mutating func settleHole(
        _ session: StreamSession, scratch: inout WriteScratch, wallClock: Int64
    ) -> FileError? {
        // A hole is first taken while the disk still fails; what was lost since then belongs to it.
        samples.hole += session.pending.withLock { state in
            state.held = samples.count
            return state.takeLeadingHole()
        }
        guard samples.hole <= silenceLimit else {
            leaveHole(session)
            return nil
        }
        // After a jump, the lost samples up to the grid are passed over like any others.
        let passed = min(samples.misaligned, samples.hole)
        samples.misaligned -= passed
        samples.hole -= passed
        let perBlock = format.samplesPerBlock
        while samples.hole > 0 {
            let piece = min(samples.hole, Self.blocksPerWrite * perBlock - samples.count)
            samples.appendSilence(piece)
            samples.hole -= piece
            let blocks = samples.count / perBlock
            if blocks == 0 {
                samples.silent += piece
            } else if let error = write(blocks: blocks, tail: 0, scratch: &scratch, wallClock: wallClock) {
                // Silence is not kept in memory: it would take the room of samples that can still be had.
                let unwritten = min(piece, samples.count)
                samples.removeLast(unwritten)
                samples.hole += unwritten
                return error
            } else {
                samples.silent = samples.count
            }
        }
        return nil
    }

    /// The partial block before a hole and the samples after it up to the next block are given up: blocks stay on the
    /// 20 ms grid of the session, so times stay exact.
    private mutating func leaveHole(_ session: StreamSession) {
        let perBlock = format.samplesPerBlock
        session.addLost(Int64(samples.count - samples.silent))
        samples.silent = 0
        // The next block may lie after the next sample already, from an earlier hole.
        let missing = max(0, samples.count + samples.hole - samples.misaligned)
        samples.misaligned = max(0, samples.misaligned - samples.count - samples.hole)
        samples.hole = 0
        let blocks = (missing + perBlock - 1) / perBlock
        samples.skip(blocks: blocks)
        guard missing > 0 else { return }
        samples.misaligned = blocks * perBlock - missing
        muxer.skip(toBlock: samples.firstBlock)
        encoder?.reset()
    }

    /// Lays out and writes whole blocks from the front of the backlog, then `tail` samples as a short block.
    /// - Parameter real: how many of the samples were handed in, where silence follows them.
    private mutating func write(
        blocks: Int, tail: Int, real: Int? = nil, scratch: inout WriteScratch, wallClock: Int64
    ) -> FileError? {
        let perBlock = format.samplesPerBlock
        var done = 0
        repeat {
            // After a failure a single block feels the way: encoding five seconds in vain each second would be dear.
            let most = failure == nil ? Self.blocksPerWrite : 1
            let range = done..<min(blocks, done + most)
            let end = range.upperBound
            let short = end == blocks ? tail : 0
            let (error, _) = write(scratch: &scratch) { file, scratch in
                let backlog = file.samples
                for block in range {
                    let start = block * perBlock
                    file.layOut(
                        start..<start + perBlock, of: backlog, real: real, scratch: &scratch, wallClock: wallClock)
                }
                guard short > 0 else { return }
                let start = end * perBlock
                file.layOut(start..<start + short, of: backlog, real: real, scratch: &scratch, wallClock: wallClock)
            }
            if let error {
                let written = Int(muxer.position.nextBlock - samples.firstBlock)
                samples.dropFront(samples: min(samples.count, written * perBlock), blocks: written, scratch: &scratch)
                return error
            }
            recovered()
            done = end
        } while done < blocks
        samples.dropFront(samples: blocks * perBlock + tail, blocks: blocks, scratch: &scratch)
        return nil
    }

    /// One block into the scratch.
    private mutating func layOut(
        _ range: Range<Int>, of backlog: borrowing SampleBacklog, real: Int?, scratch: inout WriteScratch,
        wallClock: Int64
    ) {
        if isEncoded {
            scratch.packet.removeAll(keepingCapacity: true)
            if let encoder = encoder?.encoder() {
                backlog.withSamples(range, joined: &scratch.joined) { encoder.encode($0, into: &scratch.packet) }
            }
            let count = real.map { max(0, min($0, range.upperBound) - min($0, range.lowerBound)) } ?? range.count
            muxer.appendBlock(
                encoded: scratch.packet, samples: count, serverMilliseconds: wallClock, to: &scratch.bytes)
        } else {
            backlog.withSamples(range, joined: &scratch.joined) {
                muxer.appendBlock($0, serverMilliseconds: wallClock, to: &scratch.bytes)
            }
        }
        scratch.mark(muxer.position, hasHeader: true)
    }

    private var isEncoded: Bool {
        if case .opus = format { true } else { false }
    }

    /// There is no encoder: what cannot be kept is counted.
    private mutating func loseEverything(_ session: StreamSession) {
        session.addLost(Int64(samples.count - samples.silent))
        samples = SampleBacklog()
        session.pending.withLock { $0.held = 0 }
    }
}
