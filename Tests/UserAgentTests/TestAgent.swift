import Addressing
import Foundation
import Logging
import NIOPosix
import SIP
import Synchronization
import Testing

@testable import UserAgent

/// What the consumer of a call saw, for a test to look at.
final class EventLog: Sendable {
    private let entries = Mutex<[String]>([])

    func append(_ entry: String) { entries.withLock { $0.append(entry) } }
    var all: [String] { entries.withLock { $0 } }

    /// Waits until `entry` is there.
    func contains(_ entry: String, within limit: Duration = .seconds(10)) async -> Bool {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            if all.contains(entry) { return true }
            try? await Task.sleep(for: .milliseconds(3))
        }
        return false
    }
}

/// A user agent on loopback that accepts every call, and its log.
struct TestAgent {
    let agent: SIPAgent
    let endpoints: [SIPEndpoint]
    let log: EventLog

    func endpoint(_ transport: SIPTransport, isV6: Bool = false) throws -> SIPEndpoint {
        try #require(endpoints.first { $0.transport == transport && $0.address.isIPv4 != isV6 })
    }

    /// Made once: tests run at the same time.
    static let certificateDirectory: String = {
        let path = NSTemporaryDirectory() + "earshot-test-tls-\(getuid())"
        _ = try? CertificateFiles(selfSignedIn: path, names: ["localhost", "127.0.0.1", "::1"])
        return path
    }()

    static let rule = AdmissionRule(
        connectorID: "vc1", hostName: "vc.example.test",
        allowed: ["127.0.0.1/32", "::1/128"].compactMap { try? CIDRBlock(parsing: $0) }, cpsLimit: 1000)

    /// Short timers: T1 20 ms, so 64·T1 is 1.28 s.
    static let quick = TransactionTimers(
        t1: .milliseconds(20), t2: .milliseconds(80), t4: .milliseconds(100), trying: .milliseconds(100))

    static func configuration(
        _ listeners: [UserAgentConfiguration.Listener]? = nil, timers: TransactionTimers = TransactionTimers()
    ) -> UserAgentConfiguration {
        UserAgentConfiguration(
            listeners: listeners
                ?? [
                    .init(.udp, host: "127.0.0.1", port: 0), .init(.tcp, host: "127.0.0.1", port: 0),
                    .init(.tls, host: "127.0.0.1", port: 0), .init(.udp, host: "::1", port: 0),
                    .init(.tcp, host: "::1", port: 0), .init(.tls, host: "::1", port: 0),
                ],
            certificate: .selfSigned(directory: certificateDirectory, names: ["localhost", "127.0.0.1", "::1"]),
            timers: timers, dialogVerification: .none)
    }

    /// Runs `body` with a user agent and stops it afterwards, whatever happens.
    static func run(
        configuration: UserAgentConfiguration = configuration(), admission: (any Admission)? = nil,
        onInvite: (@Sendable (IncomingInvite, EventLog) async -> Void)? = nil,
        _ body: (TestAgent) async throws -> Void
    ) async throws {
        let log = EventLog()
        let agent = SIPAgent(
            configuration: configuration, admission: admission ?? ConnectorAdmission(rules: [rule]),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let handler = onInvite ?? Self.acceptAndLog
        let endpoints = try await agent.start { await handler($0, log) }
        do {
            try await body(TestAgent(agent: agent, endpoints: endpoints, log: log))
        } catch {
            await agent.stop()
            throw error
        }
        await agent.stop()
    }

    /// The usual consumer: answers with a body, logs what happens, answers every request of the call with 200.
    static func acceptAndLog(_ invite: IncomingInvite, _ log: EventLog) async {
        log.append("invite \(invite.connectorID) \(invite.username ?? "-")")
        await invite.accept(
            contactParameters: [Parameter("+sip.srs")], contentType: "application/sdp", body: Array("answer".utf8))
        await logEvents(invite.events, log)
    }

    static func logEvents(_ events: AsyncStream<DialogEvent>, _ log: EventLog) async {
        for await event in events {
            switch event {
            case .request(let request):
                log.append("request \(request.request.method)")
                await request.respond(status: 200, contentType: "application/sdp", body: Array("again".utf8))
            case .acknowledged(let request):
                log.append("ack" + (request.body.isEmpty ? "" : " " + String(decoding: request.body, as: UTF8.self)))
            case .ended(let end):
                log.append("ended \(end)")
            }
        }
        log.append("finished")
    }
}
