/// Takes the frames off an `aws-chunked` body as it arrives and checks the signatures of its chunks.
///
/// Of a signed body nothing is handed out before its chunk's signature was right; at most one chunk is kept for that
/// (``SigningLimits/chunkBytes``). Owned by one task. After an error every further call gives the same error.
///
///     64;chunk-signature=<64 digits>\r\n … \r\n 0;chunk-signature=<64 digits>\r\n [trailer] \r\n
public struct ChunkedBodyVerifier: ~Copyable, Sendable {
    private enum State {
        /// In the line before a chunk.
        case chunkLine
        case data(remaining: Int, signature: [UInt8])
        /// In the line end after a chunk; how many of its two bytes have come.
        case dataEnd(Int)
        /// In the lines after the last chunk.
        case trailer
        case finished
        case failed(SignatureError)
    }

    private var state = State.chunkLine
    private var chain: ChunkSignatures?
    private let hasTrailer: Bool
    private let decodedLength: Int64?
    private let limits: SigningLimits
    /// The unfinished line, or the chunk whose signature is not known to be right yet.
    private var pending: [UInt8] = []
    private var decodedBytes: Int64 = 0
    private var trailerBytes = 0
    private var trailerLines: [UInt8] = []
    private var trailerIsSigned = false
    /// The fields after the last chunk, such as a checksum; names in lower case. Of a signed body they are right when
    /// ``finish()`` has returned.
    public private(set) var trailers: [(name: String, value: String)] = []

    init(chain: ChunkSignatures?, hasTrailer: Bool, decodedLength: Int64?, limits: SigningLimits) {
        self.chain = chain
        self.hasTrailer = hasTrailer
        self.decodedLength = decodedLength
        self.limits = limits
    }

    /// Takes the next bytes from the connection, in pieces of any size, and appends what of the body may be used.
    public mutating func append(_ bytes: [UInt8], to output: inout [UInt8]) throws(SignatureError) {
        do throws(SignatureError) {
            var rest = bytes[...]
            while !rest.isEmpty { try step(&rest, to: &output) }
        } catch {
            fail(error)
            throw error
        }
    }

    /// The connection's body has ended.
    /// - Throws: ``SignatureError/damagedChunk(_:)`` when the chunks had not.
    public mutating func finish() throws(SignatureError) {
        switch state {
        case .finished: return
        case .failed(let error): throw error
        case .chunkLine, .data, .dataEnd, .trailer:
            let error = SignatureError.damagedChunk("it ends before its last chunk does")
            fail(error)
            throw error
        }
    }

    private mutating func fail(_ error: SignatureError) {
        state = .failed(error)
        pending = []
    }

    private mutating func step(_ rest: inout ArraySlice<UInt8>, to output: inout [UInt8]) throws(SignatureError) {
        switch state {
        case .chunkLine:
            guard let line = try takeLine(&rest, limit: 256) else { return }
            try begin(line)
        case .data(let remaining, let signature):
            let piece = rest.prefix(remaining)
            rest = rest.dropFirst(piece.count)
            if chain == nil { output.append(contentsOf: piece) } else { pending.append(contentsOf: piece) }
            if piece.count < remaining {
                state = .data(remaining: remaining - piece.count, signature: signature)
            } else {
                try check(signature)
                output.append(contentsOf: pending)
                pending.removeAll(keepingCapacity: true)
                state = .dataEnd(0)
            }
        case .dataEnd(let count):
            guard rest.popFirst() == (count == 0 ? 0x0D : 0x0A) else {
                throw .damagedChunk("a chunk is not followed by a line end; its size may be wrong")
            }
            state = count == 0 ? .dataEnd(1) : .chunkLine
        case .trailer:
            guard let line = try takeLine(&rest, limit: limits.trailerBytes) else { return }
            trailerBytes += line.count + 2
            guard trailerBytes <= limits.trailerBytes else {
                throw .tooLarge("the trailer is longer than \(limits.trailerBytes) bytes")
            }
            if line.isEmpty { try end() } else { try trailerLine(line) }
        case .finished: throw .damagedChunk("something follows its last chunk")
        case .failed(let error): throw error
        }
    }

    /// The next whole line without its end; nil when more bytes are needed.
    private mutating func takeLine(_ rest: inout ArraySlice<UInt8>, limit: Int) throws(SignatureError) -> [UInt8]? {
        let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
        guard pending.count + (end - rest.startIndex) <= limit else {
            throw .damagedChunk("a line between chunks is longer than \(limit) bytes")
        }
        pending.append(contentsOf: rest[..<end])
        guard end < rest.endIndex else {
            rest = []
            return nil
        }
        rest = rest[(end + 1)...]
        guard pending.popLast() == 0x0D else { throw .damagedChunk("a line ends with LF instead of CR LF") }
        let line = pending
        pending.removeAll(keepingCapacity: true)
        return line
    }

    private mutating func begin(_ line: [UInt8]) throws(SignatureError) {
        let parts = line.split(separator: UInt8(ascii: ";"), maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts.first ?? []
        var size = 0
        // Eight digits are 4 GiB, more than any limit.
        guard (1...8).contains(digits.count) else { throw .damagedChunk("a chunk's size is not readable") }
        for digit in digits {
            guard let value = Hexadecimal.value(digit) else { throw .damagedChunk("a chunk's size is not readable") }
            size = size << 4 | Int(value)
        }
        var signature: [UInt8] = []
        if chain != nil {
            let name = Array("chunk-signature=".utf8)
            guard parts.count == 2, parts[1].starts(with: name), parts[1].count == name.count + 64 else {
                throw .damagedChunk("a chunk has no signature")
            }
            signature = Array(parts[1].dropFirst(name.count))
            guard size <= limits.chunkBytes else {
                throw .tooLarge("a chunk is longer than \(limits.chunkBytes) bytes; send smaller ones")
            }
        }
        decodedBytes += Int64(size)
        if let decodedLength, decodedBytes > decodedLength {
            throw .damagedChunk("it is longer than x-amz-decoded-content-length, \(decodedLength) bytes")
        }
        if size > 0 {
            state = .data(remaining: size, signature: signature)
            return
        }
        if let decodedLength, decodedBytes < decodedLength {
            throw .damagedChunk("it is shorter than x-amz-decoded-content-length, \(decodedLength) bytes")
        }
        try check(signature)
        state = .trailer
    }

    private mutating func check(_ signature: [UInt8]) throws(SignatureError) {
        guard let expected = chain?.next(chunk: pending) else { return }
        guard ConstantTime.areEqual(expected, signature) else { throw .damagedChunk("a chunk's signature is wrong") }
    }

    private mutating func trailerLine(_ line: [UInt8]) throws(SignatureError) {
        guard hasTrailer else { throw .damagedChunk("it has a trailer that was not announced") }
        guard !trailerIsSigned else { throw .damagedChunk("its trailer goes on after its signature") }
        guard let mark = line.firstIndex(of: UInt8(ascii: ":")), mark > 0,
            line[..<mark].allSatisfy(\.isTokenCharacter)
        else { throw .damagedChunk("a line of its trailer is not 'name:value'") }
        let name = String(decoding: line[..<mark], as: UTF8.self).lowercasedASCII
        var value = line[(mark + 1)...].drop(while: \.isSpace)
        while let last = value.last, last.isSpace { value.removeLast() }
        if chain != nil, name == "x-amz-trailer-signature" {
            guard let expected = chain?.next(trailer: trailerLines),
                ConstantTime.areEqual(expected, Array(value))
            else { throw .damagedChunk("its trailer's signature is wrong") }
            trailerIsSigned = true
            return
        }
        guard trailers.count < 16 else { throw .tooLarge("the trailer has more than 16 fields") }
        trailerLines.append(contentsOf: name.utf8)
        trailerLines.append(UInt8(ascii: ":"))
        trailerLines.append(contentsOf: value)
        trailerLines.append(0x0A)
        trailers.append((name, String(decoding: value, as: UTF8.self)))
    }

    private mutating func end() throws(SignatureError) {
        if chain != nil, hasTrailer, !trailerIsSigned { throw .damagedChunk("its trailer is not signed") }
        state = .finished
    }
}
