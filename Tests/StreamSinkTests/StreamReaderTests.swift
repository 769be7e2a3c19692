import Foundation
import Testing

@testable import StreamSink

@Suite("Following a stream")
struct StreamReaderTests {
    @Test("A reader gets fragments and samples while the call is up, and the end when it is over")
    func live() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let session = try store.openSession(
            connectorID: connector, transactionID: "t", callID: "c@h", mediaIndex: 1, startedAtMilliseconds: callStart)
        try await Task.sleep(for: .milliseconds(100))
        let path = store.directory.path
        let name = session.streamName
        async let read = Self.follow(stream: name, path: path)
        for index in 0..<26 {
            session.append(samples(index * 800..<(index + 1) * 800).span)
            try await Task.sleep(for: .milliseconds(10))
        }
        session.append(samples(20_800..<20_900).span)
        let summary = await session.finish()
        let found = try await read
        #expect(found.samples == samples(0..<20_900))
        #expect(found.fragments.map(\.timecodeMilliseconds) == [0, 1000, 2000])
        #expect(found.fragments.first?.number == session.startFragmentNumber)
        #expect(found.fragments.last?.number == summary.endFragmentNumber)
        #expect(found.fragments.allSatisfy { $0.value("TransactionId") == "t" && $0.value("CallId") == "c@h" })
        #expect(found.fragments.map(\.producerMilliseconds) == [callStart, callStart + 1000, callStart + 2000])
        #expect(found.duration == 2612.5)
        #expect(found.startedAt == callStart)
        await store.shutDown()
    }

    private struct Found: Sendable {
        var samples: [Int16] = []
        var fragments: [Fragment] = []
        var duration: Double?
        var startedAt: Int64?
    }

    private static func follow(stream: String, path: String) async throws -> Found {
        let reader = try StreamReader(stream: stream, dataDirectory: path)
        var found = Found()
        while let event = try await reader.next(poll: .milliseconds(5)) {
            switch event {
            case .opened(let start, let track):
                found.startedAt = start
                #expect(track.codecID == "A_PCM/INT/LIT")
                #expect(track.name == "Track_audio/L16")
                #expect(track.bitDepth == 16)
            case .fragment(let fragment): found.fragments.append(fragment)
            case .samples(let samples, let position):
                #expect(position == Int64(found.samples.count))
                found.samples += samples
            case .payload: Issue.record("a block that is no PCM")
            case .ended(let duration): found.duration = duration
            }
        }
        return found
    }

    @Test("A reader of a cut file gets its whole blocks, and the end when the file is repaired")
    func cutThenRepaired() async throws {
        let folder = try TemporaryFolder()
        let driven = DrivenSession()
        driven.append(4000)
        driven.flush()
        let path = "\(folder.path)/000000_t_0.mkv"
        try Data(driven.content.dropLast(100)).write(to: URL(fileURLWithPath: path))
        let reader = try StreamReader(path: path)
        var count = 0
        while let event = try reader.read() {
            if case .samples(let samples, _) = event { count += samples.count }
        }
        #expect(count == 24 * 160)
        #expect(!reader.hasEnded)
        _ = try SessionFileReport.repair(path)
        #expect(try await reader.next() == .ended(durationMilliseconds: 480))
        #expect(try await reader.next() == nil)
    }

    @Test("A hole is a step in the samples' places")
    func hole() throws {
        let folder = try TemporaryFolder()
        var output: [UInt8] = []
        var muxer = makeMuxer()
        muxer.appendHeader(to: &output)
        let block = [Int16](repeating: 3, count: 160)
        muxer.appendBlock(block.span, serverMilliseconds: 0, to: &output)
        muxer.skip(toBlock: 500)
        muxer.appendBlock(block.span, serverMilliseconds: 0, to: &output)
        let path = "\(folder.path)/f.mkv"
        try Data(output).write(to: URL(fileURLWithPath: path))
        let reader = try StreamReader(path: path)
        var places: [Int64] = []
        while let event = try reader.read() { if case .samples(_, let place) = event { places.append(place) } }
        #expect(places == [0, 80_000])
    }

    @Test("What cannot be read is told in words")
    func errors() throws {
        let folder = try TemporaryFolder()
        func message(_ body: () throws(StreamReaderError) -> Void) -> String {
            do { try body() } catch { return error.description }
            return "no error"
        }
        let data = folder.path
        #expect(
            message { () throws(StreamReaderError) in _ = try StreamReader(stream: "nix", dataDirectory: data) }
                == "there is no stream “nix”; “earshot streams” lists them")
        #expect(
            message { () throws(StreamReaderError) in _ = try StreamReader(stream: "../etc", dataDirectory: data) }
                .hasPrefix("there is no stream"))
        try FileManager.default.createDirectory(atPath: "\(data)/streams/s", withIntermediateDirectories: true)
        #expect(
            message { () throws(StreamReaderError) in _ = try StreamReader(stream: "s", dataDirectory: data) }
                == "the stream s has no session yet")
        #expect(
            message { () throws(StreamReaderError) in _ = try StreamReader(stream: "s", session: 3, dataDirectory: data)
            }
                == "the stream s has no session 3")
        try Data("no recording at all".utf8).write(to: URL(fileURLWithPath: "\(data)/streams/s/000000_t_0.mkv"))
        let reader = try StreamReader(stream: "s", dataDirectory: data)
        #expect(
            message { () throws(StreamReaderError) in _ = try reader.read() }.contains("is damaged: unknown element"))
        let driven = DrivenSession()
        driven.append(1600)
        _ = driven.close()
        try Data(driven.content.dropLast(10)).write(to: URL(fileURLWithPath: "\(data)/streams/s/000001_t_0.mkv"))
        let cut = try StreamReader(stream: "s", dataDirectory: data)
        #expect(
            message { () throws(StreamReaderError) in while try cut.read() != nil {} }.hasSuffix(
                "10 bytes are missing at its end"))
    }

    @Test("A reader that comes before the file is made waits for it, and gives up in the end")
    func early() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        #expect(DataDirectory.isInUse(store.directory.path))
        #expect(!DataDirectory.isInUse(folder.path))
        let session = try store.openSession(
            connectorID: connector, transactionID: "t", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        let reader = try await StreamReader.open(
            stream: session.streamName, dataDirectory: store.directory.path, patience: .seconds(10))
        guard case .opened = try await reader.next() else {
            Issue.record("the header comes first")
            return
        }
        await #expect(throws: StreamReaderError.noSuchStream("nix")) {
            try await StreamReader.open(
                stream: "nix", dataDirectory: store.directory.path, patience: .milliseconds(50))
        }
        await store.shutDown()
    }

    @Test("The catalogue lists streams, sessions, lengths and what is live")
    func catalogue() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let first = try store.openSession(
            connectorID: connector, transactionID: "t-1", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        first.append(samples(0..<8000).span)
        _ = await first.finish()
        let second = try store.openSession(
            connectorID: connector, transactionID: "t-2", callID: "c", mediaIndex: 0, startedAtMilliseconds: callStart)
        second.append(samples(0..<1600).span)
        try await Task.sleep(for: .milliseconds(200))
        let streams = StreamCatalog.list(dataDirectory: store.directory.path)
        #expect(streams.map(\.name) == [first.streamName])
        let stream = try #require(streams.first)
        #expect(stream.arn == first.streamARN)
        #expect(stream.connectorID == connector)
        #expect(stream.sessions.map(\.isLive) == [false, true])
        #expect(stream.sessions.map(\.durationMilliseconds) == [1000, 200])
        #expect(stream.sessions.map(\.name.transactionID) == ["t-1", "t-2"])
        await store.shutDown()
    }
}
