import Foundation
import Glibc
import StreamSink

/// A WebSocket client as small as it can be. Used by one task at a time.
final class TestSocket: @unchecked Sendable {
    struct Failure: Error { var what: String }
    enum Message { case text([UInt8]), binary([UInt8]), close(Int), ping }

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isClosed = false

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
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

    func send(_ bytes: [UInt8]) async throws {
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure(what: "send: \(errno)")
        }
    }

    /// The answer's first line and fields.
    func head() async throws -> String {
        while true {
            if let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) {
                defer { buffer.removeSubrange(..<end.upperBound) }
                return String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
            }
            guard try await fill() else { throw Failure(what: "the answer ended in its head") }
        }
    }

    func bytes(_ count: Int) async throws -> [UInt8] {
        while buffer.count < count {
            guard try await fill() else { throw Failure(what: "the end came too soon") }
        }
        defer { buffer.removeSubrange(..<count) }
        return Array(buffer[..<count])
    }

    func rest() async throws -> [UInt8] {
        while try await fill() {}
        return buffer
    }

    /// The next frame; answers nothing.
    func next() async throws -> Message {
        let head = try await bytes(2)
        var length = Int(head[1] & 0x7F)
        if length == 126 { length = try await bytes(2).reduce(0) { $0 << 8 | Int($1) } }
        if length == 127 { length = try await bytes(8).reduce(0) { $0 << 8 | Int($1) } }
        let body = try await bytes(length)
        switch head[0] {
        case 0x81: return .text(body)
        case 0x82: return .binary(body)
        case 0x88: return .close(body.prefix(2).reduce(0) { $0 << 8 | Int($1) })
        case 0x89: return .ping
        default: throw Failure(what: "unexpected frame \(head)")
        }
    }

    /// The next frame as JSON.
    func nextText() async throws -> JSONValue? {
        let message = try await next()
        guard case .text(let bytes) = message else { return nil }
        return try JSONValue(parsing: bytes)
    }

    private func fill() async throws -> Bool {
        let descriptor = descriptor
        let more = try await blocking {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            guard count >= 0 else { throw Failure(what: "recv: \(errno)") }
            return Array(bytes.prefix(count))
        }
        buffer += more
        return !more.isEmpty
    }
}
