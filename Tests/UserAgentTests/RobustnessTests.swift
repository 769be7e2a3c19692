import Foundation
import SIP
import Testing

@testable import UserAgent

@Suite("Robustness")
struct RobustnessTests {
    /// `../shared/testdata` beside the package, when this machine has it.
    static let testData: URL? = {
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.deletingLastPathComponent().appendingPathComponent("shared/testdata/sip-torture")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }()

    @Test(
        "Torture messages over UDP and TCP, whole and cut off, leave a server that works",
        arguments: [SIPTransport.udp, .tcp])
    func torture(transport: SIPTransport) async throws {
        guard let folder = Self.testData else {
            print("skipped: no ../shared/testdata")
            return
        }
        let files =
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?
            .compactMap { $0 as? URL }.filter { ["dat", "sip"].contains($0.pathExtension) } ?? []
        #expect(files.count > 50)
        try await TestAgent.run { server in
            for file in files {
                let bytes = [UInt8](try Data(contentsOf: file))
                let peer = try await TestPeer.open(to: server.endpoint(transport))
                // The server may close on any of them.
                try? await peer.send(bytes)
                try? await peer.send(Array(bytes.prefix(bytes.count / 2)))
                await peer.close()
            }
            let peer = try await TestPeer.open(to: server.endpoint(transport))
            let call = TestCall(peer)
            try await peer.send(call.request("OPTIONS"))
            #expect(try await peer.finalResponse(to: call).status == 200)
            await peer.close()
        }
    }

    @Test("After the last timer nothing is left of any call", arguments: SIPTransport.allCases)
    func nothingLeft(transport: SIPTransport) async throws {
        // Over UDP the 401 would stay for the 32 s that Timer D lasts at least (RFC 3261 §17.1.1.2).
        let admission = AdmissionTests.rules(credentials: transport == .udp ? [:] : ["sbc": "secret"])
        try await ClientCallTests.withClient(admission: admission, timers: TestAgent.quick) { client, server in
            var invitation = ClientCallTests.invitation(try server.endpoint(transport))
            invitation.credentials = .init(username: "sbc", password: "secret")
            for round in 0..<10 {
                let call = try await client.agent.invite(invitation)
                if round % 2 == 0 { _ = try await call.reinvite() }
                try await call.bye()
            }
            for agent in [client.agent, server.agent] {
                let end = ContinuousClock.now + .seconds(40)
                while await !agent.isQuiet, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
                #expect(await agent.isQuiet)
                let counters = await agent.counters
                #expect(counters.transactions == 0)
                #expect(counters.dialogs == 0)
            }
        }
    }
}

extension SIPAgent {
    /// Whether no transaction, call or owner of a deadline is left.
    var isQuiet: Bool {
        serverTransactions.isEmpty && clientTransactions.isEmpty && calls.isEmpty && dialogs.isEmpty
            && timedOwners.isEmpty && mergedRequests.isEmpty
    }
}
