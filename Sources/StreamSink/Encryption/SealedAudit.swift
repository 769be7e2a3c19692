/// One place of an encrypted file that is not what was written.
struct SealDamage: Sendable, Equatable {
    /// Where the text of it begins, when that is known.
    var offset: Int64?
    /// Where it lies in the file, and how long it is.
    var place: Int64
    var bytes: Int64
    var detail: String
}

extension SealedReader {
    /// Reads the whole file and tells every place that was changed, exchanged, repeated or left out. Holds at most
    /// `limit` of them.
    ///
    /// What a write that was cut off has left at the end of a file without an end is no damage.
    func audit(limit: Int = 1000) throws(FileError) -> [SealDamage] {
        let end = try currentEnd()
        let frameLength = Int64(SealedLayout.frame)
        let frames = (end.size + frameLength - 1) / frameLength
        var found: [SealDamage] = []
        var text: Int64 = 0
        var number: UInt32 = 0
        var isClosed = false
        var scratch = [UInt8](repeating: 0, count: SealedLayout.frame)
        func add(_ detail: String, place: Int64, bytes: Int64, offset: Int64? = nil) {
            guard found.count < limit, bytes > 0 else { return }
            if let offset, let passed = end.closing?.passed, passed.contains(where: { $0.contains(offset) }) { return }
            found.append(SealDamage(offset: offset, place: place, bytes: bytes, detail: detail))
        }
        for frame in 0..<frames {
            // What is written meanwhile is not looked at.
            let base = frame * frameLength
            let count = min(try load(frame), Int(end.size - base))
            var closings: [SealedPart] = []
            let rest = withContent { content -> Int in
                let bytes = UnsafeRawBufferPointer(rebasing: content[..<count])
                var walk = SealedFrameWalk(bytes, index: frame)
                while let part = walk.next() {
                    let place = base + Int64(part.start)
                    let length = Int64(SealedLayout.partHead + part.length)
                    if part.offset != text {
                        add(
                            "what belongs at byte \(text) of the recording was left out, exchanged or repeated",
                            place: place, bytes: length, offset: text)
                    } else if isClosed, part.kind == .data {
                        add("a part behind the file's end", place: place, bytes: length, offset: part.offset)
                    }
                    if part.kind == .closing {
                        closings.append(part)
                        isClosed = true
                        continue
                    }
                    let isWhole = scratch.withUnsafeMutableBytes { open(part, bytes, into: $0) }
                    if !isWhole {
                        add(
                            "part \(part.number) is not what was written", place: place, bytes: length,
                            offset: part.offset)
                    } else if part.number <= number {
                        add("part \(part.number) is there again", place: place, bytes: length, offset: part.offset)
                    }
                    number = max(number, isWhole ? part.number : 0)
                    text = part.end
                }
                let isLast = frame == frames - 1
                switch walk.stop {
                case .end where bytes[walk.place...].allSatisfy({ $0 == 0 }) && (!isLast || !isClosed): return 0
                case .cut where isLast && (!isClosed || walk.place >= count): return 0
                default: return count - walk.place
                }
            }
            if rest > 0 {
                add(
                    "what follows here is no part of the recording", place: base + Int64(count - rest),
                    bytes: Int64(rest),
                    offset: text)
            }
            for part in closings where closing(part) == nil {
                add(
                    "the file's end is not what was written", place: base + Int64(part.start),
                    bytes: Int64(SealedLayout.partHead + part.length))
            }
        }
        return found
    }
}
