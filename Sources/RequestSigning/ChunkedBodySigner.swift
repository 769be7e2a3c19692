/// Puts the frames of `aws-chunked` around a body, with signatures or without. Owned by one task.
public struct ChunkedBodySigner: Sendable {
    private var chain: ChunkSignatures?
    private let hasTrailer: Bool

    init(chain: ChunkSignatures?, hasTrailer: Bool) {
        self.chain = chain
        self.hasTrailer = hasTrailer
    }

    /// A chunk ready to be sent. S3 wants at least 8 KiB in every one but the last; no bytes give no chunk.
    public mutating func chunk(_ data: [UInt8]) -> [UInt8] {
        data.isEmpty ? [] : framed(data) + data + [0x0D, 0x0A]
    }

    /// What follows the last chunk.
    /// - Parameter trailers: lower-case names; only for bodies announced with a trailer, otherwise left off.
    public mutating func finish(trailers: [(name: String, value: String)] = []) -> [UInt8] {
        var output = framed([])
        if hasTrailer {
            var lines: [UInt8] = []
            for (name, value) in trailers {
                lines.append(contentsOf: "\(name):\(value)\n".utf8)
                output.append(contentsOf: "\(name):\(value)\r\n".utf8)
            }
            if let signature = chain?.next(trailer: lines) {
                output.append(contentsOf: "x-amz-trailer-signature:".utf8)
                output.append(contentsOf: signature + [0x0D, 0x0A])
            }
        }
        return output + [0x0D, 0x0A]
    }

    private mutating func framed(_ data: [UInt8]) -> [UInt8] {
        var line = Array(String(data.count, radix: 16).utf8)
        if let signature = chain?.next(chunk: data) { line += Array(";chunk-signature=".utf8) + signature }
        return line + [0x0D, 0x0A]
    }
}
