/// The sealing side of one session's file. Owned by its writer; nothing is allocated per write.
final class PartSealer: @unchecked Sendable {
    /// Longer texts are refused; writers cut far below it.
    static let longest = 256 << 20

    /// The file's head, to be written first.
    let head: [UInt8]
    private let key: SessionKey
    private let cipher: SealCipher
    /// The next part's number: used up by sealing, whatever becomes of the write.
    private(set) var nextNumber: UInt32 = 1
    /// What was written over so far; each closing part has all of it.
    private var patches: [SessionPatch] = []

    init?(key: SessionKey) {
        guard let cipher = key.cipher(sealing: true), let head = key.head else { return nil }
        self.key = key
        self.cipher = cipher
        self.head = head
    }

    /// Lays a text out as parts.
    /// - Parameters:
    ///   - offset: of its first byte in the clear text.
    ///   - place: where the parts will lie in the file.
    ///   - output: replaced.
    /// - Returns: false when there are no numbers left (after years) or the text is too long.
    func seal(_ text: [UInt8], offset: Int64, place: Int64, into output: inout [UInt8]) -> Bool {
        output.removeAll(keepingCapacity: true)
        guard text.count <= Self.longest else { return false }
        if place == 0 { output.append(contentsOf: head) }
        var done = 0
        while done < text.count {
            let room = SealedLayout.room(at: place + Int64(output.count))
            guard room >= SealedLayout.smallestRoom else {
                output.append(contentsOf: repeatElement(0, count: room))
                continue
            }
            guard nextNumber < .max else { return false }
            let length = min(text.count - done, room - SealedLayout.partHead)
            let number = nextNumber
            nextNumber += 1
            let start = output.count
            SealedLayout.appendHead(
                kind: .data, length: length, number: number, offset: offset + Int64(done), to: &output)
            output.append(contentsOf: repeatElement(0, count: SealCipher.tagLength + length))
            guard seal(text, done..<done + length, number: number, at: start, in: &output) else { return false }
            done += length
        }
        return true
    }

    private func seal(
        _ text: [UInt8], _ range: Range<Int>, number: UInt32, at start: Int, in output: inout [UInt8]
    ) -> Bool {
        output.withUnsafeMutableBytes { output in
            text.withUnsafeBytes { text in
                SessionKey.withNonce(number) { nonce in
                    let tag = start + SealedLayout.authenticated
                    let body = start + SealedLayout.partHead
                    return cipher.seal(
                        UnsafeRawBufferPointer(rebasing: text[range]), nonce: nonce,
                        associated: UnsafeRawBufferPointer(rebasing: output[start..<tag]),
                        into: UnsafeMutableRawBufferPointer(rebasing: output[body..<body + range.count]),
                        tag: UnsafeMutableRawBufferPointer(rebasing: output[tag..<body]))
                }
            }
        }
    }

    /// The bytes that write a patch over what is there: a closing part, with what stood in earlier ones.
    func close(with patch: SessionPatch, length: Int64, place: Int64) -> [UInt8]? {
        patches.append(patch)
        return SealedClosing(length: length, patches: patches).sealed(under: key, textEnd: length, place: place)
    }
}

/// The keys of one session's file. Never described.
struct SessionKey: Sendable, CustomStringConvertible {
    let dataKeyID: [UInt8]
    let fileID: [UInt8]
    private let dataKey: [UInt8]

    init(dataKeyID: [UInt8], dataKey: [UInt8], fileID: [UInt8] = SealCipher.random(SealedLayout.identifierLength)) {
        self.dataKeyID = dataKeyID
        self.dataKey = dataKey
        self.fileID = fileID
    }

    var description: String { "the key of a session" }

    /// For the file's data parts.
    func cipher(sealing: Bool) -> SealCipher? {
        SealCipher.derive(dataKey, salt: fileID, purpose: "earshot session").flatMap {
            SealCipher(key: $0, sealing: sealing)
        }
    }

    /// For one closing part.
    func closingKey(salt: [UInt8]) -> [UInt8]? {
        SealCipher.derive(dataKey, salt: fileID + salt, purpose: "earshot closing")
    }

    /// The file's head. Its nonce is always the same, as is what it is used for.
    var head: [UInt8]? {
        var bytes = SealedLayout.magic + dataKeyID + fileID
        bytes.append(contentsOf: repeatElement(0, count: SealedLayout.headTag - bytes.count))
        guard let key = SealCipher.derive(dataKey, salt: fileID, purpose: "earshot head"),
            let tag = SealCipher.seal([], key: key, nonce: Self.zeroNonce, associated: bytes)
        else { return nil }
        return bytes + tag
    }

    static let zeroNonce = [UInt8](repeating: 0, count: SealCipher.nonceLength)

    /// The nonce of a data part.
    static func withNonce<Answer>(_ number: UInt32, _ body: (UnsafeRawBufferPointer) -> Answer) -> Answer {
        // Twelve bytes on the stack: zeros, then the number.
        let nonce = (UInt64(0), number.bigEndian)
        return withUnsafeBytes(of: nonce) { body(UnsafeRawBufferPointer(rebasing: $0[..<SealCipher.nonceLength])) }
    }
}
