import Glibc

/// Reads the clear text of one encrypted session file, also while it grows. Used under the lock of its ``SessionBytes``.
///
/// Nothing of the text is kept between reads, so that what a writer takes back is never given.
final class SealedReader: @unchecked Sendable {
    /// What a read does where the bytes are not those that were written.
    enum Strictness {
        /// Fails.
        case whole
        /// Ends before them.
        case upToDamage
        /// Gives zeros in their place.
        case zeros
    }

    /// Where the file ends at the moment.
    struct End {
        var size: Int64 = -1
        var changed = timespec()
        /// The clear text's length.
        var length: Int64 = 0
        /// Where the text of the last whole data part ends.
        var textEnd: Int64 = 0
        /// Where the last whole part ends in the file.
        var place: Int64 = 0
        var closing: SealedClosing?
    }

    enum Taken {
        /// So many bytes were read.
        case bytes(Int)
        /// The frame does not have the place.
        case absent
        /// The part with the place is damaged.
        case damaged(SealedPart, place: Int64)
    }

    let path: String
    let key: SessionKey
    private let descriptor: Int32
    private let cipher: SealCipher
    private var content = [UInt8](repeating: 0, count: SealedLayout.frame)
    private var scratch: [UInt8] = []
    private var end = End()
    /// The frame that was read last, and the text in it.
    private var hint: (frame: Int64, text: Range<Int64>) = (0, 0..<0)

    /// - Parameter descriptor: open as long as this lives; not closed by it.
    init?(path: String, descriptor: Int32, key: SessionKey) {
        guard let cipher = key.cipher(sealing: false) else { return nil }
        self.path = path
        self.descriptor = descriptor
        self.key = key
        self.cipher = cipher
    }

    /// How long the clear text is. When that cannot be seen, as long as the file: reading then says why.
    var length: Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return 0 }
        do throws(FileError) { return try currentEnd().length } catch { return Int64(status.st_size) }
    }

    /// The end of the file; found anew when it has changed.
    func currentEnd() throws(FileError) -> End {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError("look at", path, -Int(errno)) }
        let (size, changed) = (Int64(status.st_size), status.st_mtim)
        if size == end.size, changed.tv_sec == end.changed.tv_sec, changed.tv_nsec == end.changed.tv_nsec {
            return end
        }
        var found = End(size: size, changed: changed)
        var frame = (size - 1) / Int64(SealedLayout.frame)
        while frame >= 0, size > 0 {
            if let last = try lastPart(ofFrame: frame) {
                found.textEnd = last.end
                found.place = frame * Int64(SealedLayout.frame) + Int64(last.bodyEnd)
                if last.kind == .closing { found.closing = closing(last) }
                break
            }
            frame -= 1
        }
        found.length = found.closing?.length ?? found.textEnd
        end = found
        return found
    }

    private func lastPart(ofFrame frame: Int64) throws(FileError) -> SealedPart? {
        let count = try load(frame)
        return content.withUnsafeBytes { bytes in
            var walk = SealedFrameWalk(UnsafeRawBufferPointer(rebasing: bytes[..<count]), index: frame)
            var last: SealedPart?
            while let part = walk.next() { last = part }
            return last
        }
    }

    /// Of the frame in memory.
    func closing(_ part: SealedPart) -> SealedClosing? {
        SealedClosing(
            head: Array(content[part.start..<part.bodyStart]), body: Array(content[part.bodyStart..<part.bodyEnd]),
            key: key)
    }

    /// Reads from a place in the clear text on.
    /// - Returns: how many bytes; fewer than there is room only at the end, or before damage.
    func read(
        at offset: Int64, into target: UnsafeMutableRawBufferPointer, _ strictness: Strictness
    ) throws(FileError) -> Int {
        let end = try currentEnd()
        let count = Int(min(Int64(target.count), end.length - offset))
        guard offset >= 0, count > 0 else { return 0 }
        var done = 0
        reading: while done < count {
            let at = offset + Int64(done)
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[done..<count])
            let taken = try take(at, into: rest, size: end.size)
            if case .bytes(let read) = taken {
                done += read
                continue
            }
            if let passed = end.closing?.passed.first(where: { $0.contains(at) }) {
                done += zero(rest, count: passed.upperBound - at)
                continue
            }
            switch strictness {
            case .whole: throw damage(at, taken)
            case .upToDamage: break reading
            case .zeros:
                let next = try resume(after: at, taken, size: end.size) ?? end.length
                done += zero(rest, count: next - at)
            }
        }
        end.closing?.lay(over: UnsafeMutableRawBufferPointer(rebasing: target[..<done]), at: offset)
        return done
    }

    private func zero(_ target: UnsafeMutableRawBufferPointer, count: Int64) -> Int {
        let zeros = Int(min(Int64(target.count), max(1, count)))
        UnsafeMutableRawBufferPointer(rebasing: target[..<zeros]).initializeMemory(as: UInt8.self, repeating: 0)
        return zeros
    }

    /// What of the text up to a place cannot be read.
    func damagedRanges(upTo length: Int64) throws(FileError) -> [Range<Int64>] {
        var ranges: [Range<Int64>] = []
        var piece = [UInt8](repeating: 0, count: SealedLayout.frame)
        let size = try currentEnd().size
        var at: Int64 = 0
        while at < length, ranges.count < SealedClosing.passedLimit {
            let taken = try piece.withUnsafeMutableBytes { piece -> Result<Taken, FileError> in
                do throws(FileError) { return .success(try take(at, into: piece, size: size)) } catch {
                    return .failure(error)
                }
            }.get()
            if case .bytes(let count) = taken {
                at += Int64(count)
                continue
            }
            let next = try max(at + 1, resume(after: at, taken, size: size) ?? length)
            ranges.append(at..<min(next, length))
            at = next
        }
        return ranges
    }

    private func take(
        _ at: Int64, into target: UnsafeMutableRawBufferPointer, size: Int64
    ) throws(FileError) -> Taken {
        var taken = Taken.absent
        if hint.text.contains(at) || hint.text.upperBound == at {
            taken = try take(at, fromFrame: hint.frame, into: target)
            if case .absent = taken { taken = try take(at, fromFrame: hint.frame + 1, into: target) }
        }
        // Frames' heads are believed first; where they lead to nothing, only those whose tag is right.
        for isSure in [false, true] {
            if case .absent = taken, let frame = try frame(of: at, size: size, isSure: isSure) {
                taken = try take(at, fromFrame: frame, into: target)
            }
        }
        return taken
    }

    /// Opens what of a frame lies at and behind a place.
    private func take(
        _ at: Int64, fromFrame frame: Int64, into target: UnsafeMutableRawBufferPointer
    ) throws(FileError) -> Taken {
        let count = try load(frame)
        if scratch.isEmpty { scratch = [UInt8](repeating: 0, count: SealedLayout.frame) }
        var text: Range<Int64>?
        let taken = content.withUnsafeBytes { bytes in
            scratch.withUnsafeMutableBytes { scratch in
                var walk = SealedFrameWalk(UnsafeRawBufferPointer(rebasing: bytes[..<count]), index: frame)
                var done = 0
                while let part = walk.next(), part.kind == .data {
                    text = (text?.lowerBound ?? part.offset)..<part.end
                    let next = at + Int64(done)
                    guard done < target.count, part.end > next else { continue }
                    guard part.offset <= next else { return done > 0 ? Taken.bytes(done) : .absent }
                    let skipped = Int(next - part.offset)
                    let wanted = min(part.length - skipped, target.count - done)
                    let isWhole = wanted == part.length
                    let output =
                        isWhole
                        ? UnsafeMutableRawBufferPointer(rebasing: target[done..<done + wanted])
                        : UnsafeMutableRawBufferPointer(rebasing: scratch[..<part.length])
                    guard open(part, bytes, into: output) else {
                        return done > 0
                            ? .bytes(done)
                            : .damaged(part, place: frame * Int64(SealedLayout.frame) + Int64(part.start))
                    }
                    if !isWhole {
                        UnsafeMutableRawBufferPointer(rebasing: target[done..<done + wanted])
                            .copyMemory(from: UnsafeRawBufferPointer(rebasing: scratch[skipped..<skipped + wanted]))
                    }
                    done += wanted
                }
                return done > 0 ? .bytes(done) : .absent
            }
        }
        if let text { hint = (frame, text) }
        return taken
    }

    func open(
        _ part: SealedPart, _ frame: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let tag = part.start + SealedLayout.authenticated
        return SessionKey.withNonce(part.number) { nonce in
            cipher.open(
                UnsafeRawBufferPointer(rebasing: frame[part.bodyStart..<part.bodyEnd]), nonce: nonce,
                associated: UnsafeRawBufferPointer(rebasing: frame[part.start..<tag]),
                tag: UnsafeRawBufferPointer(rebasing: frame[tag..<part.bodyStart]), into: output)
        }
    }

    /// The last frame that begins at or before a place, by halving.
    private func frame(of at: Int64, size: Int64, isSure: Bool) throws(FileError) -> Int64? {
        let frames = (size + Int64(SealedLayout.frame) - 1) / Int64(SealedLayout.frame)
        if isSure {
            for frame in (0..<frames).reversed() {
                if let start = try start(ofFrame: frame), start <= at { return frame }
            }
            return nil
        }
        var low: Int64 = 0
        var high = frames
        while low < high {
            let middle = (low + high) / 2
            if let start = try namedStart(ofFrame: middle), start <= at { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }

    /// Where the frame's text begins, as its first head says.
    private func namedStart(ofFrame frame: Int64) throws(FileError) -> Int64? {
        var head = [UInt8](repeating: 0, count: SealedLayout.authenticated)
        let count = try read(into: &head, at: SealedLayout.firstPart(ofFrame: frame))
        guard count == head.count, SealedLayout.Kind(rawValue: head[0]) != nil else { return nil }
        return Int64(bitPattern: head[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    /// The same when the tag of the frame's first part is right.
    private func start(ofFrame frame: Int64) throws(FileError) -> Int64? {
        let count = try load(frame)
        if scratch.isEmpty { scratch = [UInt8](repeating: 0, count: SealedLayout.frame) }
        return content.withUnsafeBytes { bytes in
            scratch.withUnsafeMutableBytes { scratch in
                var walk = SealedFrameWalk(UnsafeRawBufferPointer(rebasing: bytes[..<count]), index: frame)
                guard let part = walk.next(), part.kind == .data, open(part, bytes, into: scratch) else { return nil }
                return part.offset
            }
        }
    }

    /// Where the text goes on behind damage.
    private func resume(after at: Int64, _ taken: Taken, size: Int64) throws(FileError) -> Int64? {
        if case .damaged(let part, _) = taken, part.end > at { return part.end }
        let frames = (size + Int64(SealedLayout.frame) - 1) / Int64(SealedLayout.frame)
        var frame = max(0, hint.text.upperBound <= at ? hint.frame : 0)
        while frame < frames {
            if let start = try start(ofFrame: frame), start > at { return start }
            frame += 1
        }
        return nil
    }

    private func damage(_ at: Int64, _ taken: Taken) -> FileError {
        switch taken {
        case .damaged(let part, let place):
            FileError.damagedSeal(
                path,
                "its bytes \(part.offset) to \(part.end) (part \(part.number), at \(place) in the file) "
                    + "are not those that were written")
        case .absent, .bytes:
            FileError.damagedSeal(path, "its byte \(at) is not there, since what lies before it was changed")
        }
    }

    /// Reads a frame into memory.
    /// - Returns: how many bytes of it there are.
    @discardableResult
    func load(_ frame: Int64) throws(FileError) -> Int {
        try read(into: &content, at: frame * Int64(SealedLayout.frame))
    }

    /// The frame in memory.
    func withContent<Answer>(_ body: (UnsafeRawBufferPointer) -> Answer) -> Answer { content.withUnsafeBytes(body) }

    private func read(into bytes: inout [UInt8], at place: Int64) throws(FileError) -> Int {
        let answer = bytes.withUnsafeMutableBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = pread(
                    descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, Int(place) + done)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return -Int(errno) }
                if count == 0 { break }
                done += count
            }
            return done
        }
        guard answer >= 0 else { throw FileError("read", path, answer) }
        return answer
    }
}

extension FileError {
    /// The code of damage that only the key shows.
    static let damagedSealCode = Int32(EBADMSG)
    /// The code of a missing or wrong key.
    static let missingKeyCode = Int32(ENOKEY)

    static func damagedSeal(_ path: String, _ detail: String) -> FileError {
        FileError("read", path, -Int(damagedSealCode), detail: detail)
    }

    static func missingKey(_ path: String, _ detail: String) -> FileError {
        FileError("open", path, -Int(missingKeyCode), detail: detail)
    }
}
