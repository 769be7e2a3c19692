import Crypto
import Glibc
import NIOCore
import StreamSink

/// A file as a request's body: read in pieces as the connection takes them, never all in memory.
struct UploadBody: Sendable {
    static let chunk = 64 << 10

    let file: UploadFile
    let length: Int64
    /// SHA-256 of the content.
    let digest: [UInt8]

    /// Opens a file and reads it once for its digest. Blocks for the time of the reading.
    init(path: String) throws(FileError) {
        let file = try UploadFile(path: path)
        var hash = SHA256()
        var offset: Int64 = 0
        while true {
            let bytes = try DiskFile.read(file.descriptor, path, at: offset, count: Self.chunk)
            if bytes.isEmpty { break }
            hash.update(data: bytes)
            offset += Int64(bytes.count)
        }
        self.file = file
        length = offset
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
            var offset: Int64 = 0

            mutating func next() async throws -> ByteBuffer? {
                guard offset < body.length else { return nil }
                let count = Int(Swift.min(Int64(UploadBody.chunk), body.length - offset))
                let bytes = try DiskFile.read(body.file.descriptor, body.file.path, at: offset, count: count)
                guard bytes.count == count else { throw UploadError.shrunk(body.file.path) }
                offset += Int64(count)
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
