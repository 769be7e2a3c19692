/// A leg's audio at one rate on the call's line, silent where there is none; pulled piece by piece, so that memory
/// does not grow with the call. Belongs to one task.
final class LegAudio {
    /// A piece of the line.
    struct Piece {
        /// As many as were asked for.
        var samples: [Int16]
        /// How many of them lie before the leg's end.
        var valid: Int
        /// Whether nothing was recorded in it.
        var isSilent: Bool
    }

    /// Samples a second.
    let rate: Int
    private let origin: Int64
    private var sessions: ArraySlice<SessionAudio>
    private var resampler: Run?
    private var ready: [AudioBlock] = []
    private var cursor: Int64 = 0

    /// Samples of one session that follow each other, on their way through the resampler.
    private struct Run {
        var resampler: Resampler
        /// Where the next samples must begin in the session, at its own rate.
        var input: Int64
        /// Where the next output lies on the call's line.
        var output: Int64
        /// Where the output of what was put in ends.
        var end: Int64
    }

    /// - Parameter origin: wall clock of the call's sample 0, milliseconds since 1970.
    init(sessions: [SessionAudio], origin: Int64, rate: Int) {
        self.sessions = sessions.sorted { $0.startedAtMilliseconds < $1.startedAtMilliseconds }[...]
        self.origin = origin
        self.rate = rate
    }

    /// The next `count` samples of the line.
    func read(_ count: Int) throws(AudioLibraryError) -> Piece {
        var piece = Piece(samples: [Int16](repeating: 0, count: count), valid: 0, isSilent: true)
        let end = cursor + Int64(count)
        while true {
            if ready.isEmpty, try !fetch() { break }
            guard var block = ready.first else { continue }
            block.cut(before: cursor + Int64(piece.valid))
            guard block.position < end else {
                piece.valid = count
                break
            }
            let start = Int(block.position - cursor)
            let taken = min(block.samples.count, count - start)
            if taken > 0 {
                piece.samples.replaceSubrange(start..<start + taken, with: block.samples[..<taken])
                piece.isSilent = false
                piece.valid = start + taken
            }
            if taken == block.samples.count {
                ready.removeFirst()
            } else {
                block.cut(before: end)
                ready[0] = block
                break
            }
        }
        cursor = end
        return piece
    }

    /// Puts something into `ready`, or nothing where the samples are still in the resampler; false at the end.
    private func fetch() throws(AudioLibraryError) -> Bool {
        guard let session = sessions.first else { return false }
        guard let block = session.next() else {
            try endRun()
            sessions = sessions.dropFirst()
            return true
        }
        let offset = (session.startedAtMilliseconds - origin) * Int64(rate) / 1000
        guard session.rate != rate else {
            ready.append(AudioBlock(position: offset + block.position, samples: block.samples))
            return true
        }
        if let run = resampler, run.input != block.position { try endRun() }
        let native = Int64(session.rate)
        var run: Run
        if let resampler {
            run = resampler
        } else {
            run = Run(
                resampler: try Resampler(from: session.rate, to: rate), input: block.position,
                output: offset + block.position * Int64(rate) / native, end: 0)
        }
        let output = try run.resampler.run(block.samples)
        if !output.isEmpty { ready.append(AudioBlock(position: run.output, samples: output)) }
        run.input = block.position + Int64(block.samples.count)
        run.output += Int64(output.count)
        run.end = offset + run.input * Int64(rate) / native
        resampler = run
        return true
    }

    private func endRun() throws(AudioLibraryError) {
        guard let run = resampler else { return }
        resampler = nil
        var rest = try run.resampler.finish()
        // The filter rings on behind the end; what is too short is left silent.
        rest.removeLast(max(0, rest.count - Int(clamping: max(0, run.end - run.output))))
        if !rest.isEmpty { ready.append(AudioBlock(position: run.output, samples: rest)) }
    }
}
