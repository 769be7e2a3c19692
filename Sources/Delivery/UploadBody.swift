import Crypto
import Glibc
import NIOCore
import StreamSink

/// A file, or a part of one, as a request's body: read in pieces as the connection takes them, never all in memory.
struct UploadBody: Sendable {
    static let chunk = 64 << 10

    let file: UploadFile
    /// Where in the file it begins.
    let offset: Int64
    let length: Int64
    /// SHA-256 of the content.
    let digest: [UInt8]

    /// A part of an open file; as much of it as is there. Reads it once for its digest, and blocks for the time of the reading.
    init(file: UploadFile, range: Range<Int64>) throws(FileError) {
        var hash = SHA256()
        var end = range.lowerBound
        while end < range.upperBound {
            let count = Int(min(Int64(Self.chunk), range.upperBound - end))
            let bytes = try DiskFile.read(file.descriptor, file.path, at: end, count: count)
            if bytes.isEmpty { break }
            hash.update(data: bytes)
            end += Int64(bytes.count)
        }
        self.file = file
        offset = range.lowerBound
        length = end - range.lowerBound
        digest = Array(hash.finalize())
    }

    /// The content.
    var chunks: Chunks { Chunks(body: self) }

    /// The content in pieces; a file that has become shorter is an error.
    struct Chunks: AsyncSequence, Sendable {
        typealias Element = ByteBuffer
        let body: UploadBody

        func makeAsyncIterator() -> Iterator { Iterator(body: body) }

        struct Iterator: AsyncIteratorProtocol {
            let body: UploadBody
            var done: Int64 = 0

            mutating func next() async throws -> ByteBuffer? {
                guard done < body.length else { return nil }
                let count = Int(Swift.min(Int64(UploadBody.chunk), body.length - done))
                let bytes = try DiskFile.read(
                    body.file.descriptor, body.file.path, at: body.offset + done, count: count)
                guard bytes.count == count else { throw UploadError.shrunk(body.file.path) }
                done += Int64(count)
                return ByteBuffer(bytes: bytes)
            }
        }
    }
}

/// An open file; closed when nobody has it any more.
final class UploadFile: Sendable {
    let path: String
    let descriptor: Int32

    init(path: String) throws(FileError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path, -Int(errno)) }
    }

    deinit { close(descriptor) }
}

/// Why a file could not be sent to its end.
enum UploadError: Error, CustomStringConvertible {
    case shrunk(String)

    var description: String {
        switch self {
        case .shrunk(let path): "\(path) became shorter while it was sent"
        }
    }
}
