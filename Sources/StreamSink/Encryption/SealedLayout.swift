import Glibc

/// The form of an encrypted session file: a head, then sealed parts, in frames of 64 KiB.
///
/// - Head, 64 bytes: magic (8), the data key's id (16), the file's id (16), zeros (8), a tag over all of that (16) under
///   a key made from the data key and the file's id. So a wrong key shows before anything is read with it.
/// - A part: kind (1) and length (3), number (4), offset in the clear text (8), tag (16), then as many sealed bytes. No
///   part crosses the border of a frame; what is left of a frame is zeros. So each frame begins with a part, and a
///   place in the clear text is found by halving, without reading what lies before.
///
/// All numbers are big-endian. A data part's nonce is its number, which its writer uses once, whether the write comes
/// through or not. A closing part holds what is written over at the end and the length up to which the text counts; it
/// has a key of its own, from 16 random bytes in front of it, so that a repair need not know which numbers were used.
enum SealedLayout {
    static let magic = Array("EARSEAL\u{1}".utf8)
    static let identifierLength = 16
    static let headLength = 64
    static let headTag = 48
    static let frame = 64 << 10
    static let partHead = 32
    /// What of a part's head is authenticated as it stands; the tag follows.
    static let authenticated = 16
    /// A rest of a frame with less room than that is left empty.
    static let smallestRoom = 48
    static let saltLength = 16
    /// Longer closing parts are none.
    static let longestClosing = 60_000

    enum Kind: UInt8 {
        case data = 1
        case closing = 2
    }

    /// What is left of the frame behind a place in the file.
    static func room(at place: Int64) -> Int { frame - Int(place % Int64(frame)) }

    /// Where the first part of a frame lies.
    static func firstPart(ofFrame index: Int64) -> Int64 {
        index == 0 ? Int64(headLength) : index * Int64(frame)
    }

    static func appendHead(kind: Kind, length: Int, number: UInt32, offset: Int64, to bytes: inout [UInt8]) {
        bytes.append(kind.rawValue)
        bytes.appendBigEndian(UInt64(length), count: 3)
        bytes.appendBigEndian(UInt64(number), count: 4)
        bytes.appendBigEndian(UInt64(bitPattern: offset), count: 8)
    }

    /// Whether a file is an encrypted session.
    static func isSealed(_ path: String) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var start = [UInt8](repeating: 0, count: magic.count)
        return pread(file, &start, start.count, 0) == start.count && start == magic
    }
}

/// One part's head, and where it lies in its frame.
struct SealedPart: Equatable {
    var kind: SealedLayout.Kind
    /// Bytes after the head.
    var length: Int
    var number: UInt32
    /// Of its first byte in the clear text; of a closing part, where the text ends.
    var offset: Int64
    /// Where the head lies in the frame.
    var start: Int

    /// Where its text ends; a closing part has none.
    var end: Int64 { kind == .data ? offset + Int64(length) : offset }
    var bodyStart: Int { start + SealedLayout.partHead }
    var bodyEnd: Int { bodyStart + length }
}

/// Goes through the parts of a frame. They are only found here; whether they are what was written, their tags say.
struct SealedFrameWalk {
    enum Stop: Equatable {
        /// The rest of the frame is empty.
        case end
        /// The file ends within a part, or behind the last.
        case cut
        /// What follows is no part, or not the next one.
        case broken
    }

    private let bytes: UnsafeRawBufferPointer
    /// Where the next head lies.
    private(set) var place: Int
    /// Why there is no next part.
    private(set) var stop: Stop?
    private var last: SealedPart?

    /// - Parameters:
    ///   - bytes: the frame, as far as it is in the file.
    ///   - index: its place in the file.
    init(_ bytes: UnsafeRawBufferPointer, index: Int64) {
        self.bytes = bytes
        place = index == 0 ? SealedLayout.headLength : 0
    }

    mutating func next() -> SealedPart? {
        guard stop == nil else { return nil }
        if SealedLayout.frame - place < SealedLayout.smallestRoom { return end(.end) }
        if place + SealedLayout.partHead > bytes.count { return end(.cut) }
        let word = number(place, 4)
        if word == 0 { return end(.end) }
        guard let kind = SealedLayout.Kind(rawValue: UInt8(word >> 24)) else { return end(.broken) }
        let part = SealedPart(
            kind: kind, length: Int(word & 0xFF_FFFF), number: UInt32(number(place + 4, 4)),
            offset: Int64(bitPattern: number(place + 8, 8)), start: place)
        guard part.length > 0, part.bodyEnd <= SealedLayout.frame, part.offset >= 0, part.offset < 1 << 60 else {
            return end(.broken)
        }
        if let last {
            guard part.offset == last.end, kind == .closing || last.kind == .data && part.number > last.number else {
                return end(.broken)
            }
        }
        guard part.bodyEnd <= bytes.count else { return end(.cut) }
        last = part
        place = part.bodyEnd
        return part
    }

    private mutating func end(_ reason: Stop) -> SealedPart? {
        stop = reason
        return nil
    }

    private func number(_ at: Int, _ count: Int) -> UInt64 {
        bytes[at..<at + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
