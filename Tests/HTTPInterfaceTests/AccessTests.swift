import AccessKeys
import Foundation
import RequestSigning
import Testing

@testable import HTTPInterface
@testable import StreamSink

@Suite("Who may do what, and what a client may cost", .serialized)
struct AccessTests {
    @Test("Signed requests are let in; unsigned, wrong, old and foreign ones are not")
    func signatures() async throws {
        try await RunningInterface.run(signed: true) { interface in
            try interface.makeStream("s", fragments: 1)
            let admin = try interface.signer(.admin)
            #expect(try await interface.post("/listStreams", "{}", signer: admin).status == 200)
            let unsigned = try await interface.post("/listStreams", "{}")
            #expect(unsigned.status == 403)
            #expect(unsigned.errorType == "MissingAuthenticationTokenException")
            #expect(unsigned.json["message"]?.stringValue == "Missing Authentication Token")
            let wrong = AWSRequestSigner(
                accessKeyID: admin.accessKeyID, secret: String(repeating: "x", count: 40), region: "us-east-1",
                service: "kinesisvideo")
            let refused = try await interface.post("/listStreams", "{}", signer: wrong)
            #expect(refused.status == 403)
            #expect(refused.errorType == "InvalidSignatureException")
            let old = Int64(Date().timeIntervalSince1970) - 400
            let expired = try await interface.post("/listStreams", "{}", signer: admin, at: old)
            #expect(expired.status == 403)
            #expect(expired.errorType == "InvalidSignatureException")
            let unknown = AWSRequestSigner(
                accessKeyID: "AKIAAAAAAAAAAAAAAAAA", secret: "x", region: "us-east-1", service: "kinesisvideo")
            #expect(try await interface.post("/listStreams", "{}", signer: unknown).status == 403)
            try interface.keys.revoke(admin.accessKeyID)
            #expect(try await interface.post("/listStreams", "{}", signer: admin).status == 403)
            #expect(interface.service.counters.values.forbidden == 5)
        }
    }

    @Test("Whoever shows no key is refused before a byte of the body is waited for")
    func noKey() async throws {
        try await RunningInterface.run(signed: true) { interface in
            for path in ["/listStreams", "/getMedia", "/getClip?x=1"] {
                let connection = try RawConnection(port: interface.port)
                try await connection.send("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
                let answer = try await connection.answer()
                #expect(answer.errorType == "MissingAuthenticationTokenException")
            }
            #expect(interface.service.counters.values.slowRequests == 0)
        }
    }

    @Test("A body that was changed on the way is refused")
    func body() async throws {
        try await RunningInterface.run(signed: true) { interface in
            let signer = try interface.signer(.admin)
            var fields = [("Host", "127.0.0.1:\(interface.port)")]
            let head = SignedRequestHead(
                method: "POST", target: "/listStreams", headers: fields.map { (name: $0.0, value: $0.1) })
            fields += signer.headers(for: head, body: .of(Array("{}".utf8)), at: Int64(Date().timeIntervalSince1970))
                .map { ($0.name, $0.value) }
            let connection = try RawConnection(port: interface.port)
            try await connection.send(
                "POST /listStreams HTTP/1.1\r\n\(RunningInterface.text(fields))Content-Length: 3\r\n\r\n{ }")
            #expect(try await connection.answer().status == 403)
        }
    }

    @Test("Roles allow what they should", arguments: AccessRole.allCases)
    func roles(role: AccessRole) async throws {
        try await RunningInterface.run(signed: true) { interface in
            try interface.makeStream("s", fragments: 1)
            let signer = try interface.signer(role)
            func status(_ path: String, _ body: String) async throws -> Int {
                try await interface.post(path, body, signer: signer).status
            }
            #expect(try await status("/listStreams", "{}") == 200)
            #expect(try await status("/createStream", #"{"StreamName":"n"}"#) == (role == .admin ? 200 : 403))
            let media = #"{"StreamName":"s","StartSelector":{"StartSelectorType":"NOW"}}"#
            #expect(try await status("/getMedia", media) == (role == .auditor ? 403 : 200))
            let denied = try await interface.post("/deleteStream", #"{"StreamARN":"x"}"#, signer: signer)
            if role != .admin { #expect(denied.errorType == "AccessDeniedException") }
        }
    }

    @Test("A body beyond its limit is refused, announced or not")
    func bodies() async throws {
        try await RunningInterface.run { interface in
            let announced = try RawConnection(port: interface.port)
            try await announced.send("POST /listStreams HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
            let answer = try await announced.answer()
            #expect(answer.status == 413)
            #expect(answer.errorType == "RequestEntityTooLargeException")
            #expect(await announced.closes())

            let chunked = try RawConnection(port: interface.port)
            try await chunked.send("POST /listStreams HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<20 { try? await chunked.sendChunk([UInt8](repeating: 0x20, count: 32_768)) }
            #expect(try await chunked.answer().status == 413)
            #expect(interface.service.counters.values.oversizedBodies == 2)
        }
    }

    @Test("A header that is too large, or none at all, ends the connection")
    func headers() async throws {
        try await RunningInterface.run { interface in
            let large = try RawConnection(port: interface.port)
            try await large.send(
                "GET /health HTTP/1.1\r\nHost: x\r\nX-Large: " + String(repeating: "x", count: 100_000) + "\r\n\r\n")
            #expect(try await large.answer().status == 400)
            let noise = try RawConnection(port: interface.port)
            try await noise.send([UInt8](repeating: 0xFF, count: 1000))
            #expect(await noise.closes())
            #expect(try await interface.get("/health").status == 200)
        }
    }

    @Test("A request that does not come in time is not waited for")
    func slow() async throws {
        var limits = RunningInterface.testLimits
        limits.headerTime = .milliseconds(300)
        limits.bodyTime = .milliseconds(300)
        try await RunningInterface.run(limits: limits) { interface in
            let silent = try RawConnection(port: interface.port)
            let dripping = try RawConnection(port: interface.port)
            try await dripping.send("POST /listStreams HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            #expect(await silent.closes())
            #expect(try await dripping.answer().errorType == "RequestTimeoutException")
            #expect(await dripping.closes())
            #expect(interface.service.counters.values.slowRequests == 2)
            for _ in 0..<50 where interface.service.counters.values.openConnections > 0 {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(interface.service.counters.values.openConnections == 0)
        }
    }

    @Test("A client that asks whether its body is wanted is told so")
    func `continue`() async throws {
        try await RunningInterface.run { interface in
            let connection = try RawConnection(port: interface.port)
            try await connection.send(
                "POST /listStreams HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(try await connection.head().status == 100)
            try await connection.send("{}")
            #expect(try await connection.answer().status == 200)
        }
    }

    @Test("Requests on one connection are answered one after the other")
    func pipelining() async throws {
        try await RunningInterface.run { interface in
            let connection = try RawConnection(port: interface.port)
            let request = "POST /listStreams HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
            try await connection.send(request + request + request)
            for _ in 0..<3 { #expect(try await connection.answer().status == 200) }
        }
    }
}
