/// What is written over bytes that are in a session's file already.
struct SessionPatch: Sendable, Equatable {
    /// In the clear text.
    var offset: Int64
    var bytes: [UInt8]
}

/// What a closing part says: up to where the text counts, and what is to be laid over it.
struct SealedClosing: Sendable, Equatable {
    /// More damaged ranges are not passed over.
    static let passedLimit = 500

    var length: Int64
    /// What a repair found damaged in the clear text: read as zeros from then on, and no news any more.
    var passed: [Range<Int64>] = []
    var patches: [SessionPatch]

    /// The part, with the zeros before it where the frame has no room for it.
    /// - Parameters:
    ///   - textEnd: the end of the last data part's text.
    ///   - place: where it will lie in the file.
    /// - Returns: `nil` when there is too much to write over, or the library refuses.
    func sealed(under key: SessionKey, textEnd: Int64, place: Int64) -> [UInt8]? {
        var text: [UInt8] = []
        text.appendBigEndian(UInt64(bitPattern: length), count: 8)
        text.appendBigEndian(UInt64(passed.count), count: 4)
        for range in passed {
            text.appendBigEndian(UInt64(bitPattern: range.lowerBound), count: 8)
            text.appendBigEndian(UInt64(bitPattern: range.upperBound), count: 8)
        }
        for patch in patches {
            text.appendBigEndian(UInt64(bitPattern: patch.offset), count: 8)
            text.appendBigEndian(UInt64(patch.bytes.count), count: 4)
            text += patch.bytes
        }
        let salt = SealCipher.random(SealedLayout.saltLength)
        let count = salt.count + text.count
        guard count <= SealedLayout.longestClosing, let closingKey = key.closingKey(salt: salt) else { return nil }
        var bytes: [UInt8] = []
        let room = SealedLayout.room(at: place)
        if room < max(SealedLayout.smallestRoom, SealedLayout.partHead + count) {
            bytes.append(contentsOf: repeatElement(0, count: room))
        }
        var head: [UInt8] = []
        SealedLayout.appendHead(kind: .closing, length: count, number: 0, offset: textEnd, to: &head)
        guard
            let sealed = SealCipher.seal(
                text, key: closingKey, nonce: SessionKey.zeroNonce, associated: head + salt)
        else { return nil }
        return bytes + head + sealed.suffix(SealCipher.tagLength) + salt + sealed.dropLast(SealCipher.tagLength)
    }

    /// - Parameters:
    ///   - head: the part's head, with the tag.
    ///   - body: what follows it.
    /// - Returns: `nil` when it is not what was sealed.
    init?(head: [UInt8], body: [UInt8], key: SessionKey) {
        guard head.count == SealedLayout.partHead, body.count > SealedLayout.saltLength,
            body.count <= SealedLayout.longestClosing
        else { return nil }
        let salt = Array(body[..<SealedLayout.saltLength])
        guard let closingKey = key.closingKey(salt: salt),
            let text = SealCipher.open(
                Array(body[SealedLayout.saltLength...] + head[SealedLayout.authenticated...]), key: closingKey,
                nonce: SessionKey.zeroNonce, associated: head[..<SealedLayout.authenticated] + salt)
        else { return nil }
        func number(_ at: Int, _ count: Int) -> UInt64 { text[at..<at + count].reduce(0) { $0 << 8 | UInt64($1) } }
        guard text.count >= 12 else { return nil }
        length = Int64(bitPattern: number(0, 8))
        patches = []
        let ranges = Int(number(8, 4))
        var at = 12
        guard ranges <= Self.passedLimit, text.count - at >= 16 * ranges else { return nil }
        for _ in 0..<ranges {
            let (lower, upper) = (Int64(bitPattern: number(at, 8)), Int64(bitPattern: number(at + 8, 8)))
            guard lower >= 0, lower < upper, upper < 1 << 60 else { return nil }
            passed.append(lower..<upper)
            at += 16
        }
        while at < text.count {
            guard text.count - at >= 12 else { return nil }
            let offset = Int64(bitPattern: number(at, 8))
            let count = Int(number(at + 8, 4))
            at += 12
            guard offset >= 0, offset < 1 << 60, count <= text.count - at else { return nil }
            patches.append(SessionPatch(offset: offset, bytes: Array(text[at..<at + count])))
            at += count
        }
        guard length >= 0, length < 1 << 60 else { return nil }
    }

    init(length: Int64, passed: [Range<Int64>] = [], patches: [SessionPatch]) {
        self.length = length
        self.passed = passed
        self.patches = patches
    }

    /// Lays the patches over a piece of the text.
    /// - Parameter offset: where the piece begins.
    func lay(over piece: UnsafeMutableRawBufferPointer, at offset: Int64) {
        for patch in patches {
            for (index, byte) in patch.bytes.enumerated() {
                let at = patch.offset + Int64(index) - offset
                if at >= 0, at < Int64(piece.count) { piece[Int(at)] = byte }
            }
        }
    }
}
