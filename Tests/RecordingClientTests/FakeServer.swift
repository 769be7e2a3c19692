import Addressing
import Foundation
import Logging
import NIOPosix
import SIP
import Synchronization
import UserAgent

@testable import RecordingClient

/// A recording server in a few lines, and the two streams it receives.
final class FakeServer: Sendable {
    /// What it does with an INVITE.
    enum Behaviour: Sendable {
        case accept
        case refuse(status: Int, headers: [(HeaderName, String)])
        /// Answers with this body.
        case answer(String)
        /// Accepts and sends BYE after a while.
        case hangUp(after: Duration)
        /// Never answers.
        case ignore
    }

    let agent: SIPAgent
    let endpoints: [SIPEndpoint]
    let receivers: [LoopbackReceiver]
    let invites: InviteLog

    final class InviteLog: Sendable {
        private let requests = Mutex<[SIPRequest]>([])
        private let endings = Mutex<[DialogEnd]>([])
        private let updates = Mutex<[SIPRequest]>([])
        func add(_ request: SIPRequest) { requests.withLock { $0.append(request) } }
        func add(_ end: DialogEnd) { endings.withLock { $0.append(end) } }
        func addUpdate(_ request: SIPRequest) { updates.withLock { $0.append(request) } }
        var all: [SIPRequest] { requests.withLock { $0 } }
        var ends: [DialogEnd] { endings.withLock { $0 } }
        var allUpdates: [SIPRequest] { updates.withLock { $0 } }
    }

    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(_ behaviour: Behaviour, credentials: [String: String] = [:]) async throws {
        let rule = AdmissionRule(
            connectorID: "vc1", hostName: "vc.example.test",
            allowed: [try? CIDRBlock(parsing: "127.0.0.1/32")].compactMap { $0 }, credentials: credentials,
            cpsLimit: 10_000)
        let directory = NSTemporaryDirectory() + "earshot-client-tls-\(UInt64.random(in: .min ... .max))"
        agent = SIPAgent(
            configuration: UserAgentConfiguration(
                listeners: [
                    .init(.udp, host: "127.0.0.1", port: 0), .init(.tcp, host: "127.0.0.1", port: 0),
                    .init(.tls, host: "127.0.0.1", port: 0),
                ], certificate: .selfSigned(directory: directory, names: ["127.0.0.1"])),
            admission: ConnectorAdmission(rules: [rule]), eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Self.quiet)
        let receivers = [try LoopbackReceiver(), try LoopbackReceiver()]
        let log = InviteLog()
        self.receivers = receivers
        invites = log
        endpoints = try await agent.start { invite in
            var request = invite.request
            request.body = invite.takeBody()
            log.add(request)
            let ports = receivers.map { Int($0.sockets.port) }
            switch behaviour {
            case .accept: await Self.accept(invite, body: Self.answer(ports))
            case .answer(let body): await Self.accept(invite, body: body)
            case .refuse(let status, let headers): await invite.reject(status: status, headers: headers)
            case .hangUp(let delay):
                Task {
                    try? await Task.sleep(for: delay)
                    await invite.bye()
                }
                await Self.accept(invite, body: Self.answer(ports))
            case .ignore:
                await invite.provisional(180)
                try? await Task.sleep(for: .seconds(20))
                return
            }
            for await event in invite.events {
                switch event {
                case .request(let request):
                    log.addUpdate(request.request)
                    await request.respond(status: 200)
                case .acknowledged: break
                case .ended(let end): log.add(end)
                }
            }
        }
    }

    static func accept(_ invite: IncomingInvite, body: String) async {
        await invite.accept(
            contactParameters: [Parameter("+sip.srs")], contentType: "application/sdp", body: Array(body.utf8))
    }

    static func answer(_ ports: [Int], direction: String = "recvonly", formats: String = "0 8") -> String {
        let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        return head + ports.map { "m=audio \($0) RTP/AVP \(formats)\r\na=\(direction)\r\n" }.joined()
    }

    func uri(_ transport: SIPTransport = .udp) throws -> SIPURI {
        guard let endpoint = endpoints.first(where: { $0.transport == transport }) else {
            throw UserAgentError.noSocket(transport.rawValue)
        }
        return SIPURI(
            user: "record", host: "127.0.0.1", port: endpoint.port,
            parameters: transport == .udp ? [] : [Parameter("transport", transport.rawValue)])
    }

    /// Runs `body` with a server and stops it, whatever happens.
    static func run<Result>(
        _ behaviour: Behaviour = .accept, credentials: [String: String] = [:],
        _ body: (FakeServer) async throws -> Result
    ) async throws -> Result {
        let server = try await FakeServer(behaviour, credentials: credentials)
        do {
            let result = try await body(server)
            await server.agent.stop()
            return result
        } catch {
            await server.agent.stop()
            throw error
        }
    }
}

/// Half a second of two different voices.
func voices(_ samples: Int = 4000) throws -> [WaveAudio] {
    try [1, 2].map { voice in
        let data = (0..<samples).flatMap { index -> [UInt8] in
            let sample = Int16(truncatingIfNeeded: index &* 31 &* voice &+ 5)
            return [UInt8(truncatingIfNeeded: sample), UInt8(truncatingIfNeeded: sample >> 8)]
        }
        return try WaveAudio(
            parsing: WaveBytes.file(WaveBytes.format(), WaveBytes.chunk("data", data)), path: "voice \(voice)")
    }
}
