import Foundation
import Logging
import Synchronization
import Testing

@testable import HTTPInterface
@testable import StreamSink

@Suite("GetMedia", .serialized)
struct GetMediaTests {
    private func numbers(_ answer: Answer) throws -> [String] {
        try SampleMedia.fragments(answer.body).compactMap { $0.tags["AWS_KINESISVIDEO_FRAGMENT_NUMBER"] }
    }

    @Test("Each fragment has header, tags before the cluster, the audio, and the tags of the read after it")
    func layout() async throws {
        try await RunningInterface.run { interface in
            let numbers = try interface.makeStream("s", fragments: 3)
            let answer = try await interface.post(
                "/getMedia", #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "video/webm")
            let fragments = try SampleMedia.fragments(answer.body)
            // And the one without audio that pushes the last one out of readers that wait for the next header.
            try #require(fragments.count == 4)
            for (fragment, number) in zip(fragments, numbers) {
                #expect(fragment.tags["AWS_KINESISVIDEO_FRAGMENT_NUMBER"] == number.description)
                #expect(fragment.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] == number.description)
                #expect(Int(fragment.tags["AWS_KINESISVIDEO_MILLIS_BEHIND_NOW"] ?? "") != nil)
                #expect(Double(fragment.tags["AWS_KINESISVIDEO_SERVER_TIMESTAMP"] ?? "") != nil)
                #expect(fragment.payload.count == 1000)
            }
            #expect(fragments[1].tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"] == "1700000001.000")
        }
    }

    @Test("The last fragment has no audio, the same call's tags, and a number between the last and any next")
    func closing() async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 2)
            let answer = try await interface.post(
                "/getMedia", #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#)
            let fragments = try SampleMedia.fragments(answer.body)
            let last = try #require(fragments.last)
            #expect(last.payload.isEmpty)
            #expect(last.hasCluster)
            #expect(last.tags["TransactionId"] == "T-call-1")
            #expect(last.tags["CallId"] == "call-1")
            // At the end of the last one's last block: its time, 900 ms, and its payload.
            #expect(last.tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"]?.hasPrefix("1700000001.9") == true)
            let numbers = try numbers(answer)
            #expect(numbers == numbers.sorted())
            #expect(Set(numbers).count == 3)
            // Whoever goes on from it misses nothing of the next call.
            let next = try interface.addFragments("s", 1, call: "call-2")
            let body = """
                {"StreamName":"s","StartSelector":{"StartSelectorType":"FRAGMENT_NUMBER","AfterFragmentNumber":"\(numbers[2])"}}
                """
            let more = try await interface.post("/getMedia", body)
            #expect(try self.numbers(more).first == next[0].description)
            #expect(try SampleMedia.fragments(more.body).allSatisfy { $0.tags["CallId"] == "call-2" })
        }
    }

    @Test("All start selectors begin where they should")
    func selectors() async throws {
        try await RunningInterface.run { interface in
            let numbers = try interface.makeStream("s", fragments: 4)
            let server = try #require(try interface.library.fragment(.name("s"), number: numbers[1])).serverMilliseconds
            let cases: [(String, Set<Int>)] = [
                (#""StartSelectorType":"EARLIEST""#, [0]),
                (#""StartSelectorType":"FRAGMENT_NUMBER","AfterFragmentNumber":"\#(numbers[1])""#, [2]),
                (#""StartSelectorType":"CONTINUATION_TOKEN","ContinuationToken":"\#(numbers[2])""#, [3]),
                (#""StartSelectorType":"PRODUCER_TIMESTAMP","StartTimestamp":1700000002.5"#, [2]),
                (#""StartSelectorType":"PRODUCER_TIMESTAMP","StartTimestamp":1700000001"#, [1]),
                // These came within the same milliseconds.
                (#""StartSelectorType":"SERVER_TIMESTAMP","StartTimestamp":\#(Double(server) / 1000)"#, [0, 1, 2, 3]),
            ]
            for (selector, expected) in cases {
                let answer = try await interface.post(
                    "/getMedia", #"{"StreamName":"s","StartSelector":{\#(selector)}}"#)
                let first = try self.numbers(answer).first
                #expect(expected.contains { numbers[$0].description == first }, "\(selector)")
            }
            let now = try await interface.post(
                "/getMedia", #"{"StreamName":"s","StartSelector":{"StartSelectorType":"NOW"}}"#)
            #expect(now.status == 200)
        }
    }

    @Test(
        "Requests that cannot be served have their error",
        arguments: [
            (#"{"StreamName":"no","StartSelector":{"StartSelectorType":"NOW"}}"#, 404, "ResourceNotFoundException"),
            (#"{"StartSelector":{"StartSelectorType":"NOW"}}"#, 400, "InvalidArgumentException"),
            (#"{"StreamName":"s"}"#, 400, "ValidationException"),
            (#"{"StreamName":"s","StartSelector":{"StartSelectorType":"LATER"}}"#, 400, "ValidationException"),
            (
                #"{"StreamName":"s","StartSelector":{"StartSelectorType":"FRAGMENT_NUMBER","AfterFragmentNumber":"17"}}"#,
                400, "InvalidArgumentException"
            ),
            (
                #"{"StreamName":"s","StartSelector":{"StartSelectorType":"SERVER_TIMESTAMP"}}"#, 400,
                "InvalidArgumentException"
            ),
            (#"{"StreamName":"s","#, 400, "SerializationException"),
            (#"[1]"#, 400, "SerializationException"),
        ])
    func errors(_ body: String, _ status: Int, _ type: String) async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 1)
            let answer = try await interface.post("/getMedia", body)
            #expect(answer.status == status)
            #expect(answer.headers["x-amzn-errortype"] == type)
            #expect(answer.headers["x-amz-errortype"] == type)
            #expect(answer.headers["x-amz-requestid"]?.count == 36)
            #expect(answer.json["Message"]?.stringValue?.isEmpty == false)
        }
    }

    @Test("Audio of a call goes out as it is written, long before its fragment is complete")
    func live() async throws {
        try await RunningInterface.run { interface in
            let session = try interface.store.openSession(
                connectorID: "abcdefghij", transactionID: "t-1", callID: "c-1", mediaIndex: 0,
                startedAtMilliseconds: InterfaceClock.system.milliseconds())
            session.append([Int16](repeating: 3, count: 320).span)
            let reader = try RawConnection(port: interface.port)
            let body = #"{"StreamName":"\#(session.streamName)","StartSelector":{"StartSelectorType":"NOW"}}"#
            try await reader.send(
                "POST /getMedia HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(try await reader.head().status == 200)
            var received = try await reader.chunk() ?? []
            // Ten hand-ins of 40 ms each: each must be there before the next is made.
            for index in 0..<10 {
                session.append([Int16](repeating: Int16(index + 100), count: 320).span)
                let mark: [UInt8] = [UInt8(index + 100), 0, UInt8(index + 100), 0]
                let start = ContinuousClock.now
                while received.firstRange(of: mark) == nil {
                    received += try #require(try await reader.chunk())
                }
                #expect(ContinuousClock.now - start < .seconds(1), "\(index)")
            }
            #expect(try SampleMedia.fragments(received).count == 1)
            _ = await session.finish()
            while let chunk = try await reader.chunk() { received += chunk }
            let fragments = try SampleMedia.fragments(received)
            #expect(fragments.count == 2)
            #expect(fragments.first?.payload.count == 11 * 640)
            #expect(fragments.allSatisfy { $0.tags["TransactionId"] == "t-1" })
        }
    }

    @Test("In the whole-fragment mode nothing of a fragment is sent before it is complete")
    func whole() async throws {
        try await RunningInterface.run { interface in
            let session = try interface.store.openSession(
                connectorID: "abcdefghij", transactionID: "t-1", callID: "c-1", mediaIndex: 0,
                startedAtMilliseconds: InterfaceClock.system.milliseconds())
            session.append([Int16](repeating: 3, count: 4000).span)
            let reader = try RawConnection(port: interface.port)
            let body = #"{"StreamName":"\#(session.streamName)","StartSelector":{"StartSelectorType":"EARLIEST"}}"#
            try await reader.send(
                "POST /getMedia?x-earshot-fragments=whole HTTP/1.1\r\nHost: x\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(try await reader.head().status == 200)
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(50))
                session.append([Int16](repeating: 3, count: 2000).span)
            }
            let first = try #require(try await reader.chunk())
            let fragments = try SampleMedia.fragments(first)
            #expect(fragments.allSatisfy { $0.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] != nil })
            _ = await session.finish()
            while try await reader.chunk() != nil {}
        }
    }

    @Test("Ten readers at once, one that takes nothing and one that goes away: the others get everything")
    func readers() async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 200)
            let body = #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#
            let request = "POST /getMedia HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            let stalled = try RawConnection(port: interface.port, receiveBuffer: 4096)
            try await stalled.send(request)
            let leaving = try RawConnection(port: interface.port)
            try await leaving.send(request)
            _ = try await leaving.head()
            leaving.close()
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        let answer = try await interface.post("/getMedia", body)
                        return try SampleMedia.fragments(answer.body).reduce(0) { $0 + $1.payload.count }
                    }
                }
                for try await count in group { #expect(count == 200_000) }
            }
            #expect(interface.service.counters.values.mediaReaders == 12)
            _ = stalled
        }
    }

    @Test("A reader that takes nothing for the stall time is cut off, and counted")
    func stall() async throws {
        var limits = RunningInterface.testLimits
        limits.stallTime = .milliseconds(300)
        try await RunningInterface.run(limits: limits) { interface in
            try interface.makeStream("s", fragments: 1)
            let ingest = try interface.library.openIngest(.name("s"))
            try ingest.append(header: SampleMedia.header())
            for index in 0..<60 {
                _ = try ingest.append(
                    cluster: SampleMedia.cluster(timecode: Int64(index), frames: 10, bytes: 20_000),
                    producerMilliseconds: 1_700_000_010_000 + Int64(index), durationMilliseconds: 1)
            }
            ingest.close()
            let body = #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#
            let reader = try RawConnection(port: interface.port, receiveBuffer: 4096)
            try await reader.send(
                "POST /getMedia HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            for _ in 0..<50 where interface.service.counters.values.stalledReaders == 0 {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(interface.service.counters.values.stalledReaders == 1)
            for _ in 0..<50 where interface.service.counters.values.openMediaReaders > 0 {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(interface.service.counters.values.openMediaReaders == 0)
        }
    }

    @Test("More readers of a stream than allowed: the latest is refused, and a place that is left can be taken")
    func limit() async throws {
        var limits = RunningInterface.testLimits
        limits.readersPerStream = 1
        try await RunningInterface.run(limits: limits) { interface in
            try interface.makeStream("s", fragments: 1)
            let body = #"{"StreamName":"s","StartSelector":{"StartSelectorType":"NOW"}}"#
            let first = try RawConnection(port: interface.port)
            try await first.send(
                "POST /getMedia HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(try await first.head().status == 200)
            let second = try await interface.post("/getMedia", body)
            #expect(second.status == 400)
            #expect(second.errorType == "ConnectionLimitExceededException")
            while try await first.chunk() != nil {}
            #expect(try await interface.post("/getMedia", body).status == 200)
        }
    }

    @Test("A stream without news answers at once and ends after the tail time")
    func tail() async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 0)
            let start = ContinuousClock.now
            let answer = try await interface.post(
                "/getMedia", #"{"StreamName":"s","StartSelector":{"StartSelectorType":"NOW"}}"#)
            let time = ContinuousClock.now - start
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
            #expect(time >= .milliseconds(400) && time < .seconds(3))
        }
    }

    @Test("When the service stops, open reads end at once and properly")
    func shutdown() async throws {
        let open = Mutex<RawConnection?>(nil)
        var limits = RunningInterface.testLimits
        limits.tailTime = .seconds(60)
        try await RunningInterface.run(limits: limits) { interface in
            try interface.makeStream("s", fragments: 2)
            let body = #"{"StreamName":"s","StartSelector":{"StartSelectorType":"EARLIEST"}}"#
            let reader = try RawConnection(port: interface.port)
            try await reader.send(
                "POST /getMedia HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(try await reader.head().status == 200)
            open.withLock { $0 = reader }
        }
        // The service has ended, which it does only when all answers are out.
        let reader = try #require(open.withLock { $0 })
        var received: [UInt8] = []
        while let chunk = try await reader.chunk() { received += chunk }
        #expect(try SampleMedia.fragments(received).count == 3)
    }
}

@Suite("Starting the HTTP interface")
struct HTTPServiceTests {
    @Test(
        "A certificate that cannot be used is an error that says which",
        arguments: [("/nowhere/a.pem", nil), (nil, "/nowhere/b.pem"), ("/nowhere/a.pem", "/nowhere/b.pem")]
            as [(String?, String?)])
    func identity(certificate: String?, key: String?) async throws {
        try await RunningInterface.run { interface in
            let service = HTTPService(
                settings: HTTPSettings(port: 0, certificate: certificate, privateKey: key), library: interface.library,
                keys: nil, logger: Logger(label: "test"))
            let error = await #expect(throws: HTTPServiceError.self) { try await service.run() }
            if certificate != nil, key != nil {
                #expect(error?.description.contains("/nowhere/a.pem") == true)
            } else {
                #expect(error == .halfIdentity)
            }
            #expect(await service.waitUntilListening() == nil)
        }
    }
}
