import Foundation
import RequestSigning
import Testing

@testable import HTTPInterface
@testable import StreamSink

@Suite("Messages that no library would send", .serialized, .timeLimit(.minutes(1)))
struct HostileMessageTests {
    private static let post = "POST /listStreams HTTP/1.1\r\n"

    @Test(
        "What two readers could understand differently is refused, and the connection ends",
        arguments: [
            "Host: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
            "Host: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
            "Host: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
            "Host: x\r\nContent-Length: 2, 2\r\n\r\n{}", "Host: x\r\nContent-Length: +2\r\n\r\n{}",
            "Host: x\r\nContent-Length: -1\r\n\r\n{}", "Host: x\r\nContent-Length: 0x2\r\n\r\n{}",
            "Host: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
            "Host: x\r\nTransfer-Encoding: identity\r\n\r\n{}",
            "Host: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Host: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "Host: x\r\n folded\r\nContent-Length: 2\r\n\r\n{}", "Host: x\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}",
            "Content-Length: 2\r\n\r\n{}", "Host: x\r\nBad Name: 1\r\nContent-Length: 2\r\n\r\n{}",
            "Host: x\r\nX: a\u{0}b\r\nContent-Length: 2\r\n\r\n{}",
        ])
    func framing(_ rest: String) async throws {
        try await RunningInterface.run { interface in
            let connection = try RawConnection(port: interface.port)
            // The second one must never be answered.
            try await connection.send(Self.post + rest + "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(answer.errorType == "MalformedHttpRequestException", "\(answer)")
            #expect(await connection.closes())
            #expect(connection.unread.isEmpty)
            #expect(interface.service.counters.values.succeeded == 0)
            #expect(interface.service.counters.values.failed == 0)
        }
    }

    @Test(
        "A first line that is none is refused",
        arguments: [
            "GET /health HTTP/2.0\r\nHost: x\r\n\r\n", "GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
            "GET /health\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}",
            "get\t/health HTTP/1.1\r\nHost: x\r\n\r\n",
        ])
    func firstLine(_ text: String) async throws {
        try await RunningInterface.run { interface in
            let connection = try RawConnection(port: interface.port)
            try await connection.send(text)
            #expect(try await connection.answer().status == 400)
            #expect(await connection.closes())
            #expect(try await interface.get("/health").status == 200)
        }
    }

    @Test("HTTP/1.0 gets no chunks and no interim answer, and its connection ends with the answer")
    func old() async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 2)
            let body = #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#
            let connection = try RawConnection(port: interface.port)
            try await connection.send(
                "POST /getMedia HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let answer = try await connection.answer()
            #expect(answer.status == 200)
            #expect(answer.headers["transfer-encoding"] == nil)
            #expect(try SampleMedia.fragments(answer.body).count == 3)
            let plain = try RawConnection(port: interface.port)
            try await plain.send("GET /health HTTP/1.0\r\n\r\n")
            #expect(try await plain.answer().text == #"{"status":"ok"}"#)
            #expect(await plain.closes())
        }
    }

    @Test("Who asks for the connection's end gets it, in whatever case it is written", arguments: ["close", "Close"])
    func close(_ word: String) async throws {
        try await RunningInterface.run { interface in
            let connection = try RawConnection(port: interface.port)
            try await connection.send("GET /health HTTP/1.1\r\nHost: x\r\nConnection: \(word)\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.headers["connection"] == "close")
            let start = ContinuousClock.now
            #expect(await connection.closes())
            #expect(ContinuousClock.now - start < .seconds(1))
        }
    }

    @Test("HEAD gets the fields and never a body, so that the next answer is where it is expected")
    func head() async throws {
        try await RunningInterface.run { interface in
            let connection = try RawConnection(port: interface.port)
            try await connection.send(
                "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                    + "HEAD /listStreams HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await connection.head().status == 200)
            #expect(try await connection.head().status == 404)
            #expect(try await connection.head().status >= 400)
            let last = try await connection.answer()
            #expect(last.status == 200)
            #expect(last.text == #"{"status":"ok"}"#)
        }
    }

    @Test(
        "Other methods and operations that are none are refused as AWS does",
        arguments: [
            "GET /listStreams", "PUT /listStreams", "DELETE /listStreams", "PATCH /getMedia", "OPTIONS /getMedia",
            "TRACE /listStreams", "POST /ListStream", "POST /", "POST /liststreams", "POST /listStreams/extra",
            "POST /hls/v1/getHLSMasterPlaylist.m3u8", "POST /%6CistStreams/..%2f",
        ])
    func operations(_ line: String) async throws {
        try await RunningInterface.run(signed: true) { interface in
            let connection = try RawConnection(port: interface.port)
            try await connection.send("\(line) HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            let answer = try await connection.answer()
            #expect(answer.status == 404 || answer.status == 405, "\(answer.text)")
            #expect(answer.errorType == "UnknownOperationException")
            #expect(answer.json["message"]?.stringValue != nil)
        }
    }

    @Test(
        "JSON of any depth, size or spelling is answered, with the same error",
        arguments: [
            String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 40_000), "{\"a\":1e999999}",
            "{\"StreamName\":\"s\"}{}", "{'StreamName':'s'}", "{\"a\":\"\u{1}\"}",
            "\u{FEFF}{}", "nul", "{,}",
        ])
    func json(_ body: String) async throws {
        try await RunningInterface.run { interface in
            let answer = try await interface.post("/listStreams", body)
            #expect(answer.status == 400, "\(answer.text)")
            #expect(answer.errorType == "SerializationException")
        }
    }

    @Test(
        "Names lead to nothing but streams",
        arguments: ["../../etc/passwd", "..", ".", "a/../../b", "%2e%2e", "s\\u0000", "/", "logs"])
    func names(_ name: String) async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 1)
            for path in ["/describeStream", "/listFragments", "/listTagsForStream", "/getHLSStreamingSessionURL"] {
                let answer = try await interface.post(path, "{\"StreamName\":\"\(name)\"}")
                #expect(answer.status == 400 || answer.status == 404, "\(path): \(answer.text)")
            }
            let arn = try interface.library.stream(.name("s")).arn.replacingOccurrences(of: "/s/", with: "/\(name)/")
            #expect(try await interface.post("/describeStream", "{\"StreamARN\":\"\(arn)\"}").status == 404)
        }
    }
}

@Suite("Signatures that were made for something else", .serialized, .timeLimit(.minutes(1)))
struct ForeignSignatureTests {
    private func send(
        _ interface: RunningInterface, _ target: String, body: String = "{}", fields: [(String, String)] = []
    ) async throws -> Answer {
        let connection = try RawConnection(port: interface.port)
        let all =
            [("Host", "127.0.0.1:\(interface.port)")] + fields
            + [("Content-Length", "\(body.utf8.count)"), ("Connection", "close")]
        try await connection.send("POST \(target) HTTP/1.1\r\n\(RunningInterface.text(all))\r\n\(body)")
        return try await connection.answer()
    }

    private func presign(
        _ interface: RunningInterface, _ signer: AWSRequestSigner, _ target: String, expires: Int64 = 60, age: Int64 = 0
    ) -> String {
        let head = SignedRequestHead(
            method: "POST", target: target, headers: [(name: "Host", value: "127.0.0.1:\(interface.port)")])
        let path = target.prefix { $0 != "?" }
        return "\(path)?"
            + signer.presign(
                head, expiresInSeconds: expires, at: Int64(Date().timeIntervalSince1970) - age)
    }

    @Test("A presigned URL is good for its path, its body, its method and its time, and for nothing else")
    func presigned() async throws {
        try await RunningInterface.run(signed: true) { interface in
            let signer = try interface.signer(.admin)
            let url = presign(interface, signer, "/listStreams")
            // Signed for a body of no bytes.
            #expect(try await send(interface, url, body: "").status == 200)
            // AWS takes it again until it expires; so does this.
            #expect(try await send(interface, url, body: "").status == 200)
            #expect(try await send(interface, url, body: "{}").status == 403)
            let other = url.replacingOccurrences(of: "/listStreams", with: "/createStream")
            #expect(try await send(interface, other, body: "").status == 403)
            #expect(try await interface.get(url).status == 404)
            #expect(try await send(interface, url + "&more", body: "").status == 403)
            let longer = url.replacingOccurrences(of: "Expires=60", with: "Expires=600")
            #expect(longer != url)
            #expect(try await send(interface, longer, body: "").status == 403)
            let old = presign(interface, signer, "/listStreams", expires: 60, age: 61)
            let expired = try await send(interface, old, body: "")
            #expect(expired.status == 403)
            #expect(expired.errorType == "RequestExpired")
            let early = presign(interface, signer, "/listStreams", age: -400)
            #expect(try await send(interface, early, body: "").status == 403)
        }
    }

    @Test(
        "Queries without values, with escapes and in any order are signed as AWS signs them",
        arguments: ["/listStreams?a", "/listStreams?a=", "/listStreams?b=2&a=1&a=0", "/listStreams?x=%20%2F&y=%c3%a4"])
    func queries(_ target: String) async throws {
        try await RunningInterface.run(signed: true) { interface in
            let signer = try interface.signer(.admin)
            #expect(try await interface.post(target, "{}", signer: signer).status == 200)
            #expect(try await send(interface, presign(interface, signer, target), body: "").status == 200)
        }
    }

    @Test(
        "Escapes in a path are part of what is signed, and lead to no other operation",
        arguments: ["/x/../listStreams", "/%2e%2e/listStreams", "/listStreams%00", "/list%53treams/x"])
    func paths(_ target: String) async throws {
        try await RunningInterface.run(signed: true) { interface in
            let signer = try interface.signer(.consumer)
            let answer = try await interface.post(target, "{}", signer: signer)
            #expect(answer.status == 404, "\(answer.text)")
        }
    }

    @Test("Fields that steer a request are refused when they are there twice, or were not signed")
    func fields() async throws {
        try await RunningInterface.run(signed: true) { interface in
            try interface.makeStream("s", fragments: 0)
            try interface.makeStream("t", fragments: 0)
            let signer = try interface.signer(.admin)
            let text = SignedPut.request("s", interface, signer, [])
            for (name, value) in [("x-amzn-stream-name", "t"), ("x-amzn-stream-arn", "arn"), ("x-amz-date", "x")] {
                let connection = try RawConnection(port: interface.port)
                let added = text.replacingOccurrences(of: "\r\n\r\n", with: "\r\n\(name): \(value)\r\n\r\n")
                try await connection.send(added)
                #expect(try await connection.answer().status == 403)
            }
            let moved = try RawConnection(port: interface.port)
            try await moved.send(
                text.replacingOccurrences(of: "x-amzn-stream-name: s", with: "x-amzn-stream-name: t"))
            #expect(try await moved.answer().errorType == "InvalidSignatureException")
            for field in ["Authorization", "Host"] {
                let lines = text.components(separatedBy: "\r\n")
                let line = try #require(lines.first { $0.lowercased().hasPrefix(field.lowercased() + ":") })
                let twice = try RawConnection(port: interface.port)
                try await twice.send(text.replacingOccurrences(of: line, with: line + "\r\n" + line))
                let answer = try await twice.answer()
                #expect(answer.status == 403 || answer.status == 400, "\(field): \(answer.text)")
            }
        }
    }
}
