import Foundation
import Glibc

/// A TCP connection without any HTTP in it, so that tests can send what no client would. Used by one task at a time.
final class RawConnection: @unchecked Sendable {
    struct Failure: Error { var what: String }

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isAtEnd = false
    private var isClosed = false

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: 15, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(what: "connect: \(errno)") }
    }

    deinit { close() }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(descriptor)
    }

    /// Says that nothing more will be sent.
    func closeOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        try await blocking { [descriptor] in
            var rest = bytes[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { throw Failure(what: "send: \(errno)") }
                rest = rest.dropFirst(sent)
            }
        }
    }

    /// One chunk of chunked transfer coding.
    func sendChunk(_ bytes: [UInt8]) async throws {
        try await send(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8))
    }

    /// More bytes in the buffer; false at the end.
    @discardableResult
    func fill() async throws -> Bool {
        guard !isAtEnd else { return false }
        let bytes = try await blocking { [descriptor] in
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EAGAIN { throw Failure(what: "nothing came for 15 s") }
            return Array(bytes.prefix(max(0, count)))
        }
        isAtEnd = bytes.isEmpty
        buffer += bytes
        return !isAtEnd
    }

    /// The status line and the fields of an answer.
    func head() async throws -> Answer {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = buffer.firstRange(of: end) {
                let lines = String(decoding: buffer[..<range.lowerBound], as: UTF8.self).split(separator: "\r\n")
                buffer.removeSubrange(..<range.upperBound)
                var answer = Answer(status: 0, headers: [:], body: [])
                answer.status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    answer.headers[parts[0].lowercased()] = parts.dropFirst().first?.trimmingCharacters(
                        in: .whitespaces)
                }
                return answer
            }
            guard try await fill() else { throw Failure(what: "the connection ended before an answer") }
        }
    }

    /// The next chunk of a chunked body; `nil` at its end.
    func chunk() async throws -> [UInt8]? {
        while true {
            if let range = buffer.firstRange(of: Array("\r\n".utf8)) {
                let size = Int(String(decoding: buffer[..<range.lowerBound], as: UTF8.self), radix: 16) ?? 0
                if buffer.count >= range.upperBound + size + 2 {
                    let chunk = Array(buffer[range.upperBound..<range.upperBound + size])
                    buffer.removeSubrange(..<(range.upperBound + size + 2))
                    return size == 0 ? nil : chunk
                }
            }
            guard try await fill() else { throw Failure(what: "the body was cut") }
        }
    }

    /// A whole answer.
    func answer() async throws -> Answer {
        var answer = try await head()
        if answer.headers["transfer-encoding"] == "chunked" {
            while let chunk = try await chunk() { answer.body += chunk }
        } else if let length = answer.headers["content-length"].flatMap({ Int($0) }) {
            while buffer.count < length { guard try await fill() else { break } }
            answer.body = Array(buffer.prefix(length))
            buffer.removeFirst(min(length, buffer.count))
        } else {
            while try await fill() {}
            answer.body = buffer
        }
        return answer
    }

    /// What has come and was not asked for.
    var unread: [UInt8] { buffer }

    /// Whether the peer closes within the time of the socket.
    func closes() async -> Bool {
        while (try? await fill()) == true {}
        return isAtEnd
    }
}

/// Runs what blocks on a thread of its own. Tasks run on the few threads of Dispatch, which the service under test needs:
/// with all of them in `recv` nobody would be left to answer.
func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: work)) }
    }
}
