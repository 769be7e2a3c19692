import Glibc

extension SessionPatch {
    /// Makes a file that was left open a closed one: cuts it at a place of its text, then writes patches into it in their
    /// order. Of an encrypted file what lies wholly behind the place is cut, and a closing part says the rest.
    ///
    /// Not for files that are being written. Dying in the middle leaves an open file, for which it can be done again.
    static func finish(
        _ path: String, length: Int64, _ patches: [SessionPatch], operations: FileOperations
    ) throws(FileError) {
        let sealed = try SessionBytes(path: path).sealedEnd(keeping: length)
        let opened = operations.open(path, O_WRONLY, 0)
        guard opened >= 0 else { throw FileError("open", path, opened) }
        let file = Int32(opened)
        defer { _ = operations.close(file) }
        let cut = operations.truncate(file, sealed?.place ?? length)
        guard cut >= 0 else { throw FileError("cut", path, cut) }
        guard let sealed else {
            for patch in patches {
                let (_, code) = operations.writeAll(patch.bytes, to: file, at: patch.offset)
                guard code == 0 else { throw FileError("write", path, -Int(code)) }
            }
            return
        }
        let closing = SealedClosing(length: length, passed: sealed.damaged, patches: patches)
            .sealed(under: sealed.key, textEnd: sealed.textEnd, place: sealed.place)
        guard let closing else {
            throw FileError("write", path, -Int(EFBIG), detail: "too much of it is damaged to write it all over")
        }
        let (_, code) = operations.writeAll(closing, to: file, at: sealed.place)
        guard code == 0 else { throw FileError("write", path, -Int(code)) }
    }
}

/// Where an encrypted file is to end.
struct SealedEnd {
    var key: SessionKey
    /// In the file.
    var place: Int64
    /// In the clear text; may lie behind what is kept, since parts are kept whole.
    var textEnd: Int64
    /// What of the text before cannot be read.
    var damaged: [Range<Int64>] = []
}

extension SealedReader {
    /// The end of the part that holds the byte before `length`.
    func end(keeping length: Int64) throws(FileError) -> SealedEnd {
        let end = try currentEnd()
        let frameLength = Int64(SealedLayout.frame)
        // From behind: what is cut is short as a rule.
        var frame = (end.size - 1) / frameLength
        while frame >= 0, end.size > 0 {
            let count = try load(frame)
            let found = withContent { content -> SealedEnd? in
                var walk = SealedFrameWalk(UnsafeRawBufferPointer(rebasing: content[..<count]), index: frame)
                while let part = walk.next(), part.kind == .data {
                    guard part.offset < length, part.end >= length else { continue }
                    return SealedEnd(key: key, place: frame * frameLength + Int64(part.bodyEnd), textEnd: part.end)
                }
                return nil
            }
            if var found {
                found.damaged = try damagedRanges(upTo: length)
                return found
            }
            frame -= 1
        }
        throw .damagedSeal(path, "its byte \(length) cannot be found")
    }
}
