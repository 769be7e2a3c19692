import Foundation
import Testing

@testable import Delivery

@Suite("Events to a webhook")
struct WebhookDeliveryTests {
    private func webhook(_ server: ScriptedServer, _ change: (inout DeliverySettings) -> Void = { _ in }) throws
        -> DeliverySettings
    {
        let url = try #require(EndpointURL(server.url + "/hook?token=abc"))
        return Bench.quick { settings in
            var hook = DeliverySettings.Webhook(url: url, secret: "s3cret")
            hook.timeout = .seconds(10)
            settings.webhooks = [hook]
            change(&settings)
        }
    }

    private func ids(_ server: ScriptedServer) -> [String] {
        server.requests.map { $0.headers["X-Earshot-Event-Id"].first ?? "" }
    }

    @Test("Arrive once, in order, signed over time and body")
    func signedAndInOrder() async throws {
        let server = try await ScriptedServer(.init())
        let bench = try Bench()
        try bench.append((0..<50).map { Bench.event("e\($0)", call: "call") })
        let statistics = try await bench.running(try webhook(server)) { _ in
            try await eventually("50 events") { server.requests.count == 50 }
        }
        #expect(ids(server) == (0..<50).map { "e\($0)" })
        #expect(statistics[0].acknowledged == 50)
        let request = try #require(server.requests.first)
        #expect(request.uri == "/hook?token=abc")
        #expect(request.text == Bench.event("e0", call: "call"))
        let signature = try #require(request.headers["X-Earshot-Signature"].first)
        let seconds = try #require(Int64(signature.dropFirst(2).prefix { $0 != "," }))
        #expect(signature == WebhookTarget.signature(request.body, secret: "s3cret", atSeconds: seconds))
        await server.stop()
    }

    @Test("500s, resets, timeouts, slow answers, garbage and redirects lose nothing and keep each call's order")
    func misbehaviour() async throws {
        let server = try await ScriptedServer(
            .init(reply: { request in
                switch request.number % 12 {
                case 1: .status(500)
                case 2: .hangUp
                case 3: .silence
                case 4: .slow(.milliseconds(100), .ok)
                case 5: .status(503, headers: [("Retry-After", "0")], body: "busy")
                case 6: .garbage
                case 7: .status(302, headers: [("Location", "http://127.0.0.1:1/")])
                case 8: .slow(.milliseconds(600), .ok)
                default: .ok
                }
            }))
        let bench = try Bench()
        let calls = 6
        try bench.append((0..<60).map { Bench.event("e\($0)", call: "call \($0 % calls)") })
        let settings = try webhook(server) { settings in
            settings.policy.attempts = 1000
            settings.webhooks[0].timeout = .milliseconds(400)
        }
        let statistics = try await bench.running(settings) { service in
            try await eventually("60 acknowledged", within: 60) { service.statistics[0].acknowledged == 60 }
        }
        #expect(statistics[0].deadLetters == 0)
        #expect(statistics[0].failures > 0)
        // The first time that each event was seen, call by call.
        var seen: [String] = []
        for id in ids(server) where !seen.contains(id) { seen.append(id) }
        #expect(seen.count == 60)
        for call in 0..<calls {
            let order = seen.compactMap { Int($0.dropFirst()) }.filter { $0 % calls == call }
            #expect(order == order.sorted())
        }
        await server.stop()
    }

    @Test("A poisoned call's message becomes a dead letter; its call and all others go on")
    func poison() async throws {
        let server = try await ScriptedServer(
            .init(reply: { $0.headers["X-Earshot-Event-Id"] == ["poison"] ? .status(500) : .ok }))
        let bench = try Bench()
        try bench.append([Bench.event("poison", call: "bad"), Bench.event("after", call: "bad")])
        let settings = try webhook(server) { $0.policy.attempts = 3 }
        let statistics = try await bench.running(settings) { service in
            for number in 0..<400 where service.statistics[0].deadLetters == 0 {
                try bench.append([Bench.event("good\(number)", call: "call \(number)")])
                try await Task.sleep(for: .milliseconds(10))
            }
            let server = server
            try await eventually("the event after it") {
                server.requests.contains { $0.headers["X-Earshot-Event-Id"] == ["after"] }
            }
        }
        #expect(statistics[0].deadLetters == 1)
        let letter = bench.read("delivery/dead/webhook.jsonl")
        #expect(letter.contains(#""id":"poison""#) && letter.contains("answered 500"))
        #expect(!letter.contains("s3cret") && !letter.contains("token=abc"))
        await server.stop()
    }

    @Test("A target that is down for a while, and a service that stops meanwhile: all arrive after both are back")
    func restart() async throws {
        let bench = try Bench()
        let down = try await ScriptedServer(.init())
        let settings = try webhook(down)
        await down.stop()
        try bench.append((0..<20).map { Bench.event("e\($0)", call: "call \($0 % 3)") })
        let first = try await bench.running(settings) { service in
            try await eventually("a failure") { service.statistics[0].failures > 0 }
        }
        #expect(first[0].acknowledged == 0 && first[0].deadLetters == 0)
        try bench.append((20..<30).map { Bench.event("e\($0)", call: "call \($0 % 3)") })
        let up = try await ScriptedServer(port: down.port, .init())
        try await bench.running(settings) { service in
            do { try await eventually("30 events") { up.requests.count == 30 } } catch {
                Issue.record("\(service.statistics[0]), \(up.requests.count) requests")
            }
        }
        #expect(Set(ids(up)).count == 30)
        // Nothing again at the next start.
        try await bench.running(settings) { _ in try await Task.sleep(for: .milliseconds(200)) }
        #expect(up.requests.count == 30)
        await up.stop()
    }

    @Test("After a crash what was not written down comes twice, with the same IDs; what was, does not")
    func oldCursor() async throws {
        let bench = try Bench()
        let server = try await ScriptedServer(.init())
        let settings = try webhook(server)
        try bench.append((0..<10).map { Bench.event("e\($0)", call: "call") })
        try await bench.running(settings) { _ in try await eventually("10") { server.requests.count == 10 } }
        let old = Array(bench.read("delivery/webhook.cursor").utf8)
        try bench.append((10..<20).map { Bench.event("e\($0)", call: "call") })
        try await bench.running(settings) { _ in try await eventually("20") { server.requests.count == 20 } }
        try bench.write(old, to: "delivery/webhook.cursor")
        try await bench.running(settings) { _ in try await eventually("30") { server.requests.count == 30 } }
        #expect(ids(server)[20...] == (10..<20).map { "e\($0)" }[...])
        await server.stop()
    }

    @Test("Calls that are through behind one that is stuck are not sent again after a restart")
    func settledAboveTheEnd() async throws {
        let bench = try Bench()
        let stuck = try await ScriptedServer(
            .init(reply: { $0.headers["X-Earshot-Event-Id"] == ["e0"] ? .status(409) : .ok }))
        let settings = try webhook(stuck) { $0.policy.attempts = 10_000 }
        try bench.append((0..<30).map { Bench.event("e\($0)", call: "call \($0)") })
        try await bench.running(settings) { service in
            try await eventually("29 acknowledged") { service.statistics[0].acknowledged == 29 }
        }
        let port = stuck.port
        await stuck.stop()
        let server = try await ScriptedServer(port: port, .init())
        try await bench.running(settings) { _ in try await eventually("e0") { server.requests.count == 1 } }
        #expect(ids(server) == ["e0"])
        await server.stop()
    }

    @Test("A log that is rotated by renaming is followed to its end, also over a restart")
    func rotation() async throws {
        let bench = try Bench()
        let server = try await ScriptedServer(.init())
        let settings = try webhook(server)
        try bench.append([Bench.event("e0", call: "a")])
        try await bench.running(settings) { _ in
            try await eventually("e0") { server.requests.count == 1 }
            try bench.append([Bench.event("e1", call: "a")])
            try FileManager.default.moveItem(atPath: bench.log, toPath: bench.log + ".1")
            try bench.append([Bench.event("e2", call: "a")])
            try await eventually("e2") { server.requests.count == 3 }
        }
        try bench.append([Bench.event("e3", call: "a")])
        // Twice while the service is down.
        for number in [4, 5] {
            try FileManager.default.moveItem(atPath: bench.log, toPath: bench.log + ".\(number)")
            try await Task.sleep(for: .milliseconds(20))
            try bench.append([Bench.event("e\(number)", call: "a")])
        }
        let statistics = try await bench.running(settings) { _ in
            try await eventually("e5") { server.requests.count == 6 }
        }
        #expect(ids(server) == ["e0", "e1", "e2", "e3", "e4", "e5"])
        #expect(statistics[0].lostLogs == 0)
        await server.stop()
    }

    @Test("A log that is cut is told and read anew, while running and over a restart", arguments: [true, false])
    func truncation(whileRunning: Bool) async throws {
        let bench = try Bench()
        let server = try await ScriptedServer(.init())
        let settings = try webhook(server)
        try bench.append((0..<5).map { Bench.event("e\($0)", call: "a") })
        let cut = { try bench.write(Array((Bench.event("new", call: "a") + "\n").utf8), to: "logs/events.jsonl") }
        let first = try await bench.running(settings) { _ in
            try await eventually("5") { server.requests.count == 5 }
            guard whileRunning else { return }
            let handle = try #require(FileHandle(forWritingAtPath: bench.log))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data((Bench.event("new", call: "a") + "\n").utf8))
            try await eventually("new") { server.requests.count == 6 }
        }
        if !whileRunning {
            try cut()
            let second = try await bench.running(settings) { _ in
                try await eventually("new") { server.requests.count == 6 }
            }
            #expect(second[0].lostLogs == 1)
        } else {
            #expect(first[0].lostLogs == 1)
        }
        #expect(ids(server).last == "new")
        await server.stop()
    }

    @Test("Lines that are no events are counted and passed, and a line that is not whole is waited for")
    func damagedLines() async throws {
        let bench = try Bench()
        let server = try await ScriptedServer(.init())
        try bench.append(["{torn", "", "[]", Bench.event("e0", call: "a")])
        let statistics = try await bench.running(try webhook(server)) { _ in
            try await eventually("e0") { server.requests.count == 1 }
            let line = Bench.event("e1", call: "a")
            let handle = try #require(FileHandle(forWritingAtPath: bench.log))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(line.prefix(40).utf8))
            try await Task.sleep(for: .milliseconds(100))
            try handle.write(contentsOf: Data((line.dropFirst(40) + "\n").utf8))
            try await eventually("e1") { server.requests.count == 2 }
        }
        #expect(statistics[0].damagedLines == 2)
        await server.stop()
    }

    @Test("A first start for new events only leaves the old ones out; the wanted connectors' alone are sent")
    func firstStartAndFilter() async throws {
        let bench = try Bench()
        let server = try await ScriptedServer(.init())
        let settings = try webhook(server) { settings in
            settings.firstStart = .newOnly
            settings.webhooks[0].isWanted = { $0.connectorID == "vc" }
        }
        try bench.append([Bench.event("old", call: "a")])
        try await bench.running(settings) { _ in
            try bench.append([Bench.event("other", call: "a", connector: "x"), Bench.event("new", call: "a")])
            try await eventually("new") { server.requests.count == 1 }
        }
        #expect(ids(server) == ["new"])
        await server.stop()
    }

    @Test("The end waits for what is in flight and no longer than the grace")
    func grace() async throws {
        let bench = try Bench()
        let server = try await ScriptedServer(
            .init(reply: { $0.headers["X-Earshot-Event-Id"] == ["slow"] ? .slow(.milliseconds(300), .ok) : .silence }))
        let settings = try webhook(server) { settings in
            settings.grace = .seconds(1)
            settings.webhooks[0].timeout = .seconds(60)
        }
        try bench.append([Bench.event("slow", call: "a"), Bench.event("hung", call: "b")])
        let start = ContinuousClock.now
        let statistics = try await bench.running(settings) { _ in
            try await eventually("both in flight") { server.requests.count == 2 }
        }
        #expect(statistics[0].acknowledged == 1)
        #expect(statistics[0].waiting == 1)
        #expect(start.duration(to: .now) < .seconds(15))
        await server.stop()
    }
}
