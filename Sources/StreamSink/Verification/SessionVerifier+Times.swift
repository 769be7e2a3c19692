extension SessionVerifier {
    /// A pause of another codec's packets is told from so many milliseconds on: senders pause in silence.
    static let toleratedPause: Double = 1000

    /// Whether every block has its place on a grid, so that any hole is a loss.
    private var isOnGrid: Bool { header?.track.isPCM ?? false }

    /// Looks for holes before and in a fragment, and for times that go back.
    func checkTimes(_ found: FragmentAnatomy, _ number: FragmentNumber) {
        let length = max(0, found.endMilliseconds - Double(found.timecode))
        outcome.milliseconds += length
        guard isOwn else { return checkProducer(found, number, length: length) }
        if found.timecode < lastTimecode || (isOnGrid && Double(found.timecode) < (lineEnd ?? 0) - 0.5) {
            add(.timeOrder, detail: "the fragment's time lies before the end of what comes before it") {
                $0.fragment = number
                $0.atMilliseconds = Double(found.timecode)
            }
        }
        if let lineEnd { tellGap(from: lineEnd, to: Double(found.timecode), before: number) }
        if let hole = found.hole { tellGap(from: hole.at, to: hole.at + hole.milliseconds, before: number) }
        lastTimecode = max(lastTimecode, found.timecode)
        lineEnd = max(lineEnd ?? 0, found.endMilliseconds)
    }

    private func checkProducer(_ found: FragmentAnatomy, _ number: FragmentNumber, length: Double) {
        guard let start = found.producerMilliseconds else { return }
        if let end = producerEnd, Double(start) - Double(end) > Self.toleratedPause {
            add(.gap, level: .note, detail: "the producer's clock goes on later") {
                $0.fragment = number
                $0.milliseconds = Double(start) - Double(end)
            }
        }
        producerEnd = max(producerEnd ?? .min, start &+ Int64(length))
    }

    private func tellGap(from start: Double, to end: Double, before number: FragmentNumber?) {
        let length = end - start
        guard length > (isOnGrid ? 0.5 : Self.toleratedPause), !losses.explains(gapFrom: start, to: end) else { return }
        add(.gap, level: isOnGrid ? .loss : .note, detail: "no audio in this stretch") {
            $0.fragment = number
            $0.atMilliseconds = start
            $0.milliseconds = length
        }
    }

    /// The fragment's own times cannot be believed; the index's can.
    func skipTimes(_ entry: IndexEntry) {
        producerEnd = nil
        guard isOwn, let start = header?.startedAtMilliseconds else { return lineEnd = nil }
        let timecode = entry.producerMilliseconds &- start
        lastTimecode = max(lastTimecode, timecode)
        lineEnd = max(lineEnd ?? 0, Double(timecode) + Double(entry.durationMilliseconds))
        outcome.milliseconds += Double(entry.durationMilliseconds)
    }

    /// The end of the file against what its header says.
    func checkEnd(isDamaged: Bool) throws(FileError) {
        guard !outcome.isBrokenOff, !isDamaged else { return }
        guard let header else {
            guard !isLive else { return }
            return add(.notClosed, detail: "the file has no whole header and waits for recovery") {
                $0.bytes = limit
            }
        }
        guard let finished = header.finishedLength else {
            guard !isLive else { return }
            let torn = max(0, limit - max(wholeEnd, header.length))
            return add(
                .notClosed,
                detail: "the file has no end and waits for recovery: the service closes it when it starts"
                    + (torn > 0 ? "; \(torn) bytes lie behind what is whole" : "")
            ) {
                $0.offset = torn > 0 ? limit - torn : nil
                $0.bytes = torn
            }
        }
        if finished > limit {
            add(.cutFile, detail: "the header says \(finished) bytes, the file has \(limit)") {
                $0.offset = limit
                $0.bytes = finished - limit
            }
        } else if finished < limit {
            add(.trailingBytes, detail: "the header says \(finished) bytes, the file has \(limit)") {
                $0.offset = max(0, finished)
                $0.bytes = limit - finished
            }
        } else {
            try checkDuration()
        }
    }

    private func checkDuration() throws(FileError) {
        guard isOwn, let end = lineEnd else { return }
        let at = Int64(MatroskaHeader.durationOffset)
        let bytes = try source.bytes(at..<at + 11)
        guard bytes.count == 11, bytes[..<3].elementsEqual([0x44, 0x89, 0x88]) else { return }
        let said = Double(bitPattern: bytes[3...].reduce(0) { $0 << 8 | UInt64($1) })
        // A whole number of samples is exact in milliseconds at 8, 16 and 32 kHz.
        let isExact = isOnGrid && (header?.track.rate ?? 0) % 8000 == 0
        let difference = said - end
        if isExact ? difference == 0 : abs(difference) <= Self.toleratedPause { return }
        if isOnGrid, difference >= 20, difference.isFinite, difference < 1e12, said * 8 == (said * 8).rounded() {
            return tellGap(from: end, to: said, before: nil)
        }
        add(.wrongDuration, detail: "the header says \(said) ms, the audio ends at \(end) ms") {
            $0.atMilliseconds = end
        }
    }
}
