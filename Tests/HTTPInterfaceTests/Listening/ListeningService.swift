import AccessKeys
import Foundation
import Logging
import RequestSigning
import ServiceLifecycle
import StreamSink
import Synchronization
import Testing

@testable import HTTPInterface

/// A service with the listening routes, for one test.
struct ListeningService: Sendable {
    let port: Int
    let store: FragmentStore
    let key: NewAccessKey
    let calls: StandInCalls
    let keys: AccessKeyStore
    let counters: HTTPCounters

    static func run(
        limits: HTTPLimits = HTTPLimits(), _ body: @Sendable (ListeningService) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("earshot-listen-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let store = try FragmentStore(
            directory: DataDirectory(folder.path),
            configuration: .init(region: "us-east-1", accountID: "111122223333"), logger: logger)
        let library = StreamLibrary(store: store)
        let keys = try AccessKeyStore(dataDirectory: folder.path)
        let key = try keys.create(role: .consumer, note: "", nowMilliseconds: 0)
        let settings = HTTPSettings(port: 0, limits: limits)
        let calls = StandInCalls()
        let service = HTTPService(
            settings: settings, library: library, keys: keys, logger: logger,
            routes: { gate in
                [
                    ListeningRoutes(
                        library: library, gate: gate, keys: keys, settings: settings, audio: StandInAudio(),
                        calls: calls)
                ]
            })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            let group = ServiceGroup(configuration: .init(services: [service], logger: logger))
            tasks.addTask { try await group.run() }
            let port = try #require(await service.waitUntilListening())
            var failure: (any Error)?
            do {
                try await body(
                    ListeningService(
                        port: port, store: store, key: key, calls: calls, keys: keys, counters: service.counters))
            } catch { failure = error }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            if let failure { throw failure }
        }
        await store.shutDown()
    }

    func session() throws -> StreamSession {
        let session = try store.openSession(
            connectorID: "abcdefghijklmnopqrstuv", transactionID: ListeningServiceTests.transaction, callID: "c@h",
            mediaIndex: 0, startedAtMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        calls.streams.withLock { $0.append((session.streamName, session.sessionNumber)) }
        return session
    }

    /// Not within a test itself: the compiler crashes over a span in a function that waits.
    static func append(_ samples: [Int16], to session: StreamSession) { session.append(samples.span) }

    func token(_ transaction: String) -> String {
        ListeningLink.token(
            transactionID: transaction, accessKeyID: key.key.id, secret: Array(key.secret.reveal().utf8),
            expiresAtSeconds: Int64(Date().timeIntervalSince1970) + 60)
    }

    struct Answer: Sendable {
        var status: Int
        var head: String
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private func request(_ path: String, upgrade: Bool, isSigned: Bool, token: String?) -> String {
        var fields = [("Host", "127.0.0.1:\(port)")]
        if upgrade {
            fields += [
                ("Upgrade", "websocket"), ("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ]
        } else {
            fields.append(("Connection", "close"))
        }
        if let token { fields.append(("Authorization", "Bearer \(token)")) }
        if isSigned {
            let signer = AWSRequestSigner(
                accessKeyID: key.key.id, secret: key.secret.reveal(), region: "us-east-1",
                service: "kinesisvideo")
            let head = SignedRequestHead(method: "GET", target: path, headers: [(name: "host", value: fields[0].1)])
            fields += signer.headers(for: head, body: .of([]), at: Int64(Date().timeIntervalSince1970))
                .map { ($0.name, $0.value) }
        }
        return "GET \(path) HTTP/1.1\r\n" + fields.map { "\($0.0): \($0.1)\r\n" }.joined() + "\r\n"
    }

    func get(
        _ path: String, upgrade: Bool = false, isSigned: Bool = false, token: String? = nil
    ) async throws -> Answer {
        let socket = try TestSocket(port: port)
        try await socket.send(Array(request(path, upgrade: upgrade, isSigned: isSigned, token: token).utf8))
        let head = try await socket.head()
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        if let length = Self.field("content-length", head).flatMap({ Int($0) }) {
            return Answer(status: status, head: head, body: try await socket.bytes(length))
        }
        return Answer(status: status, head: head, body: try await socket.rest())
    }

    /// Takes the key away as another process would.
    func revoke() throws { _ = try AccessKeyStore(path: keys.path).revoke(key.key.id) }

    /// A request whose answer goes on: its status has been read.
    func begin(_ path: String) async throws -> (TestSocket, Int) {
        let socket = try TestSocket(port: port)
        let token = token(ListeningServiceTests.transaction)
        try await socket.send(Array(request(path, upgrade: false, isSigned: false, token: token).utf8))
        let head = try await socket.head()
        return (socket, head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
    }

    func open(_ stream: String, _ query: String, receiveBuffer: Int32? = nil) async throws -> TestSocket {
        let socket = try TestSocket(port: port, receiveBuffer: receiveBuffer)
        try await socket.send(
            Array(request("/streams/\(stream)/audio\(query)", upgrade: true, isSigned: true, token: nil).utf8))
        let head = try await socket.head()
        #expect(head.hasPrefix("HTTP/1.1 101 "))
        // RFC 6455 §1.3: the example's key and answer.
        #expect(Self.field("sec-websocket-accept", head) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        return socket
    }

    private static func field(_ name: String, _ head: String) -> String? {
        head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ": ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }
}

final class StandInCalls: ListenedCallFinding {
    let streams = Mutex<[(String, Int)]>([])
    let isOver = Mutex(true)

    func call(transactionID: String) throws -> ListenedCall? {
        let sessions = streams.withLock { $0 }
        guard transactionID == ListeningServiceTests.transaction, !sessions.isEmpty else { return nil }
        return ListenedCall(
            transactionID: transactionID, isOver: isOver.withLock { $0 },
            legs: [
                ListenedLeg(
                    name: "caller", number: "+1", isCaller: true,
                    sessions: sessions.map { ListenedSession(streamName: $0.0, number: $0.1) })
            ])
    }
}

/// Says what it was asked for instead of encoding it.
struct StandInAudio: ListeningAudioMaking {
    struct Writer: WebMWriting {
        let name: String
        var initializationSegment: [UInt8] { Array("[\(name)]".utf8) }
        func append(_ samples: [Int16]) throws -> [UInt8] { Array("(\(samples.count))".utf8) }
        func flush() throws -> [UInt8] { [] }
    }

    func writer(sampleRate: Int, channels: Int, startMilliseconds: Int64) throws -> any WebMWriting {
        Writer(name: "\(sampleRate) \(channels) \(startMilliseconds)")
    }

    func decoder(for track: MatroskaScanner.TrackDescription) -> (any BlockDecoding)? { nil }
}
