import AccessKeys
import Foundation
import Logging
import RequestSigning
import ServiceLifecycle
import Testing

@testable import HTTPInterface
@testable import StreamSink

/// A service on a free port of the loopback address, with a store of its own, for one test.
struct RunningInterface: Sendable {
    let port: Int
    let library: StreamLibrary
    let store: FragmentStore
    let service: HTTPService
    let keys: AccessKeyStore
    /// Signs every request of ``post(_:_:headers:)``; `nil` leaves them unsigned.
    var signer: AWSRequestSigner?

    /// Starts a service, runs the body, and stops both.
    static func run(
        signed: Bool = false, limits: HTTPLimits = testLimits, makers: MediaMakers = MediaMakers(),
        publicURL: String? = nil, clock: InterfaceClock = .system, connections: Int? = nil,
        connectionsPerAddress: Int? = nil, logger: Logger? = nil,
        _ body: @Sendable (RunningInterface) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("earshot-http-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        let logger = logger ?? quiet
        var configuration = FragmentStore.Configuration(region: "us-east-1", accountID: "111122223333")
        configuration.flushInterval = .milliseconds(5)
        configuration.syncInterval = .zero
        let store = try FragmentStore(
            directory: DataDirectory(folder.path), configuration: configuration, logger: logger)
        let library = StreamLibrary(store: store)
        let keys = try AccessKeyStore(dataDirectory: folder.path)
        let service = HTTPService(
            settings: HTTPSettings(
                port: 0, publicURL: publicURL, requireSignatures: signed, region: "us-east-1",
                accountID: "111122223333", connections: connections, connectionsPerAddress: connectionsPerAddress,
                limits: limits),
            library: library, keys: keys, makers: makers, logger: logger, clock: clock)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            let group = ServiceGroup(configuration: .init(services: [service], logger: logger))
            tasks.addTask { try await group.run() }
            let port = try #require(await service.waitUntilListening())
            let interface = RunningInterface(
                port: port, library: library, store: store, service: service, keys: keys)
            var failure: (any Error)?
            do { try await body(interface) } catch { failure = error }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            if let failure { throw failure }
        }
        await store.shutDown()
    }

    /// Short times, so that tests need not wait.
    static var testLimits: HTTPLimits {
        var limits = HTTPLimits()
        limits.tailTime = .milliseconds(400)
        return limits
    }

    /// A signer with a new key of a role.
    func signer(_ role: AccessRole) throws -> AWSRequestSigner {
        let key = try keys.create(role: role, nowMilliseconds: 0)
        return AWSRequestSigner(
            accessKeyID: key.key.id, secret: key.secret.reveal(), region: "us-east-1", service: "kinesisvideo")
    }

    /// Takes a key away as `earshot keys revoke` does: by another process's look at the file.
    func revoke(_ signer: AWSRequestSigner) throws {
        _ = try AccessKeyStore(path: keys.path).revoke(signer.accessKeyID)
    }

    /// A call whose audio goes on until the body returns.
    func withCall(_ body: (StreamSession) async throws -> Void) async throws {
        let session = try store.openSession(
            connectorID: "abcdefghijklmnopqrstuv", transactionID: "t-1", callID: "c-1", mediaIndex: 0,
            startedAtMilliseconds: Int64(Date().timeIntervalSince1970 * 1000), retentionHours: 1)
        let speaker = Task {
            while !Task.isCancelled {
                Self.append(160, to: session)
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        var failure: (any Error)?
        do { try await body(session) } catch { failure = error }
        speaker.cancel()
        await speaker.value
        _ = await session.finish()
        if let failure { throw failure }
    }

    /// Not within a function that waits: the compiler crashes over a span there.
    private static func append(_ count: Int, to session: StreamSession) {
        session.append([Int16](repeating: 7, count: count).span)
    }

    /// A POST with a JSON body, and its whole answer.
    func post(
        _ path: String, _ body: String, headers: [(String, String)] = [], signer other: AWSRequestSigner? = nil,
        at seconds: Int64? = nil
    ) async throws -> Answer {
        let connection = try RawConnection(port: port)
        defer { connection.close() }
        var fields = [("Host", "127.0.0.1:\(port)"), ("Content-Type", "application/json")] + headers
        if let signer = other ?? signer {
            let head = SignedRequestHead(
                method: "POST", target: path, headers: fields.map { (name: $0.0, value: $0.1) })
            fields += signer.headers(
                for: head, body: .of(Array(body.utf8)), at: seconds ?? Int64(Date().timeIntervalSince1970)
            ).map { ($0.name, $0.value) }
        }
        fields += [("Content-Length", String(body.utf8.count)), ("Connection", "close")]
        try await connection.send("POST \(path) HTTP/1.1\r\n\(Self.text(fields))\r\n\(body)")
        return try await connection.answer()
    }

    /// A GET and its whole answer.
    func get(_ path: String) async throws -> Answer {
        let connection = try RawConnection(port: port)
        defer { connection.close() }
        try await connection.send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n")
        return try await connection.answer()
    }

    static func text(_ fields: [(String, String)]) -> String {
        fields.map { "\($0.0): \($0.1)\r\n" }.joined()
    }

    /// A stream that somebody made, with fragments of one second.
    @discardableResult
    func makeStream(
        _ name: String, fragments: Int, retention: Int = 24, start: Int64 = 1_700_000_000_000, call: String = "call-1"
    ) throws -> [FragmentNumber] {
        _ = try library.create(NewStream(name: name, mediaType: "audio/L16", retentionHours: retention))
        return try addFragments(name, fragments, start: start, call: call)
    }

    @discardableResult
    func addFragments(
        _ name: String, _ count: Int, start: Int64 = 1_700_000_000_000, call: String = "call-1"
    ) throws -> [FragmentNumber] {
        let ingest = try library.openIngest(.name(name))
        defer { ingest.close() }
        try ingest.append(header: SampleMedia.header())
        return try (0..<count).map { index in
            try ingest.append(
                tags: [("TransactionId", "T-\(call)"), ("CallId", call)],
                cluster: SampleMedia.cluster(timecode: Int64(index) * 1000, frames: 10, bytes: 100),
                producerMilliseconds: start + Int64(index) * 1000, durationMilliseconds: 1000)
        }
    }
}

/// One answer.
struct Answer: Sendable {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }

    var errorType: String? { headers["x-amzn-errortype"] }
}
