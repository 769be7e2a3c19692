import Foundation
import Testing

@testable import StreamSink

@Suite("Files of every format")
struct StreamFormatTests {
    private func write(_ content: [UInt8], in folder: TemporaryFolder) throws -> String {
        let path = "\(folder.path)/f.mkv"
        try Data(content).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test(
        "Every block lies at its place, in fragments of a second, and the file is closed",
        arguments: FormatCase.allCases)
    func whole(format: FormatCase) throws {
        let driven = format.makeSession()
        for index in 0..<125 {
            driven.append(format, block: index)
            driven.now += 20
            if index % 10 == 9 { driven.flush() }
        }
        let summary = driven.close()
        let scanned = try ScannedBlocks(driven.content)
        // An encoder's last samples come out with 20 ms of silence behind them.
        let isEncoded = [.opus8, .opus16].contains(format)
        #expect(scanned.blocks.count == (isEncoded ? 126 : 125))
        for (index, block) in scanned.blocks.prefix(125).enumerated() {
            try #require(block.milliseconds == Int64(index * 20))
            try #require(block.bytes == format.block(index), "\(index)")
        }
        #expect(scanned.fragments.map(\.timecodeMilliseconds) == [0, 1000, 2000])
        #expect(scanned.fragments.map(\.number?.counter) == [1, 2, 3])
        #expect(scanned.fragments.allSatisfy { $0.tags.count == 6 && $0.value("TransactionId") == "T1" })
        #expect(summary.durationMilliseconds == 2500)
        #expect(summary.samples == Int64(125 * format.format.samplesPerBlock))
        #expect(summary.lostSamples == 0 && summary.fragments == 3 && summary.failure == nil)
        #expect(summary.bytes == Int64(driven.content.count))
    }

    @Test("A reader follows it, and knows what it reads", arguments: FormatCase.allCases)
    func reading(format: FormatCase) throws {
        let folder = try TemporaryFolder()
        let driven = format.makeSession()
        for index in 0..<60 { driven.append(format, block: index) }
        _ = driven.close()
        let path = try write(driven.content, in: folder)
        let reader = try StreamReader(path: path)
        var times: [Int64] = []
        var fragments = 0
        var end: Double?
        while let event = try reader.read() {
            switch event {
            case .opened(_, let track): #expect(Int(track.samplingFrequency) == format.probedRate)
            case .fragment: fragments += 1
            case .samples(let samples, let position):
                #expect(samples.count == format.format.samplesPerBlock)
                times.append(position * 1000 / Int64(format.format.sampleRate))
            case .payload(let bytes, let milliseconds):
                if times.count < 60 { #expect(bytes == format.block(times.count)) }
                times.append(milliseconds)
            case .ended(let duration): end = duration
            }
        }
        #expect(times.prefix(60) == (0..<60).map { Int64($0 * 20) }[...])
        #expect(fragments == 2)
        #expect(end == 1200)
        let report = try SessionFileReport(scanning: path)
        #expect(report.isFinished && report.fragments == 2)
        let last = format == .unknown ? 1180.0 : 1200
        // The silence behind an encoder's last samples is part of the packets.
        #expect(report.durationMilliseconds == last + ([.opus8, .opus16].contains(format) ? 20 : 0))
        if format != .unknown {
            #expect(Double(report.samples) == report.durationMilliseconds * Double(format.probedRate) / 1000)
        }
    }

    @Test("Cut anywhere it keeps every whole block, and is closed by the repair", arguments: FormatCase.allCases)
    func repair(format: FormatCase) throws {
        let folder = try TemporaryFolder()
        let driven = format.makeSession()
        for index in 0..<110 {
            driven.append(format, block: index)
            if index % 7 == 0 { driven.flush() }
        }
        driven.flush()
        let content = driven.content
        let whole = try ScannedBlocks(content).blocks
        for length in stride(from: content.count, to: 900, by: -max(97, content.count / 60)) {
            let path = try write(Array(content[..<length]), in: folder)
            let kept = try ScannedBlocks(Array(content[..<length])).blocks.count
            let (report, repair) = try SessionFileReport.repair(path)
            try #require(repair == .repaired(removedBytes: Int64(length) - report.fileLength))
            let repaired = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            let blocks = try ScannedBlocks(repaired).blocks
            try #require(blocks.count == kept && Int64(repaired.count) == report.fileLength)
            try #require(zip(blocks, whole).allSatisfy { $0.milliseconds == $1.milliseconds && $0.bytes == $1.bytes })
            try #require(try SessionFileReport.repair(path).repair == .notNeeded)
        }
    }

    @Test("A disk that is full at any byte and has room a second later loses nothing", arguments: FormatCase.allCases)
    func full(format: FormatCase) throws {
        for budget in stride(from: 0, to: 9_000, by: 131) {
            let driven = format.makeSession()
            driven.disk.state.withLock { $0.budget = budget }
            for index in 0..<60 {
                driven.append(format, block: index)
                if index % 6 == 5 {
                    driven.now += 120
                    if case .failed = driven.flush() {
                        #expect(driven.content.count <= budget)
                        _ = try ScannedBlocks(driven.content)
                        driven.disk.state.withLock { $0.budget = .max }
                    }
                }
            }
            driven.now += 1_000
            driven.flush()
            let summary = driven.close()
            let scanned = try ScannedBlocks(driven.content)
            try #require(summary.lostSamples == 0 && summary.failure == nil, "\(budget)")
            for (index, block) in scanned.blocks.prefix(60).enumerated() {
                try #require(block.milliseconds == Int64(index * 20) && block.bytes == format.block(index))
            }
            let numbers = scanned.fragments.compactMap { $0.number?.description }
            try #require(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
        }
    }

    @Test(
        "When the disk is full for too long, what was lost is counted and the rest lies in its place",
        arguments: FormatCase.allCases)
    func lost(format: FormatCase) throws {
        let perBlock = format.format.samplesPerBlock
        // A second's worth of samples; of payloads as many bytes, which compressed ones would not fill in four seconds.
        let isSmall = [.opusPayload, .unknown].contains(format)
        let driven = format.makeSession(pendingLimit: (isSmall ? 15 : 50) * perBlock, silenceLimit: 0)
        var handedIn = 0
        for index in 0..<400 {
            let isFull = (100..<300).contains(index)
            driven.disk.state.withLock { $0.budget = isFull ? 0 : .max }
            driven.append(format, block: index)
            handedIn += perBlock
            driven.now += 20
            if index % 10 == 9 { driven.flush() }
        }
        let summary = driven.close()
        let blocks = try ScannedBlocks(driven.content).blocks
        #expect(summary.lostSamples > 0)
        #expect(summary.samples + summary.lostSamples == Int64(handedIn))
        #expect(summary.durationMilliseconds == 8000)
        for block in blocks where block.milliseconds < 8000 {
            try #require(block.bytes == format.block(Int(block.milliseconds) / 20))
        }
        let times = blocks.map(\.milliseconds)
        #expect(times == times.sorted() && Set(times).count == times.count)
    }

    @Test("A gap in the payloads is a gap in the timecodes; a payload of any size is kept")
    func gaps() throws {
        let driven = FormatCase.unknown.makeSession()
        let places: [(place: Int64, size: Int)] = [(0, 20), (160, 5), (24_003, 20_000), (24_163, 1), (800_000, 0)]
        for (place, size) in places {
            let bytes = [UInt8](repeating: UInt8(size & 0xFF), count: size)
            driven.session.append(payload: bytes.span.bytes, at: place, length: 160)
        }
        // Times of blocks do not go back, whatever is handed in.
        driven.session.append(payload: [UInt8(9)].span.bytes, at: 100, length: 160)
        let summary = driven.close()
        let scanned = try ScannedBlocks(driven.content)
        #expect(scanned.blocks.map(\.milliseconds) == [0, 20, 3000, 3020, 100_000, 100_000])
        #expect(scanned.blocks.map(\.bytes.count) == [20, 5, 20_000, 1, 0, 1])
        #expect(scanned.fragments.map(\.timecodeMilliseconds) == [0, 3000, 100_000])
        #expect(summary.durationMilliseconds == 100_020)
    }

    @Test("An unknown codec's private data names it")
    func unknownCodec() throws {
        let driven = FormatCase.unknown.makeSession()
        _ = driven.close()
        let track = try #require(try ScannedBlocks(driven.content).track)
        #expect(track.codecID == "A_EARSHOT/RTP" && track.name == "Track_audio/AMR-WB")
        #expect(
            String(decoding: track.codecPrivate, as: UTF8.self)
                == "encoding=AMR-WB\nclock-rate=16000\npayload-type=98\nfmtp=octet-align=1\n")
        let hostile = PayloadTrack(
            encodingName: "../é\nx\u{0}", clockRate: 8000, payloadType: 98,
            formatParameters: "a\nencoding=PCMU\r" + String(repeating: "x", count: 9_000))
        #expect(hostile.encodingName == "..x")
        #expect(hostile.formatParameters?.contains("\n") == false && hostile.formatParameters?.utf8.count ?? 0 <= 1024)
    }

    @Test("An encoder that cannot be had, or gives nothing, leaves a file that says so")
    func noEncoder() throws {
        let driven = DrivenSession(format: .opus(sampleRate: 8000), encoder: { nil })
        driven.append(4_003)
        driven.flush()
        driven.append(500)
        let summary = driven.close()
        #expect(summary.samples == 0 && summary.lostSamples == 4_503)
        #expect(try ScannedBlocks(driven.content).blocks.isEmpty)
    }

    @Test("Formats that cannot be written are refused")
    func refused() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        let unusable: [StreamFormat] = [
            .pcm(sampleRate: 11_025), .opus(sampleRate: 8000),
            .payload(PayloadTrack(encodingName: "x", clockRate: 0, payloadType: 1)),
        ]
        for format in unusable {
            #expect(throws: FragmentStoreError.unusableFormat(format.name)) {
                try store.openSession(
                    connectorID: connector, transactionID: "t", callID: "c", mediaIndex: 0,
                    startedAtMilliseconds: callStart, format: format)
            }
        }
        await store.shutDown()
    }

    @Test("A store writes every format live, names it in stream.json, and the next start finds its streams")
    func store() async throws {
        let folder = try TemporaryFolder()
        let store = try makeStore("\(folder.path)/data")
        for format in FormatCase.allCases {
            let session = try store.openSession(
                connectorID: connector, transactionID: "t", callID: "c", mediaIndex: 0,
                startedAtMilliseconds: callStart, format: format.format, encoder: { MarkingEncoder() })
            let perBlock = format.format.samplesPerBlock
            for index in 0..<20 {
                if format.format.isPayload {
                    session.append(
                        payload: format.block(index).span.bytes, at: Int64(index * perBlock), length: Int64(perBlock))
                } else {
                    session.append(samples(index * perBlock..<(index + 1) * perBlock).span)
                }
            }
            let summary = await session.finish()
            #expect(summary.samples == Int64(20 * perBlock) && summary.failure == nil)
            let json = try JSONValue(
                parsing: [UInt8](
                    Data(
                        contentsOf: URL(
                            fileURLWithPath: "\(store.directory.path)/streams/\(session.streamName)/stream.json"))))
            #expect(json["Format"]?.stringValue == format.format.name)
        }
        await store.shutDown()
        let streams = StreamCatalog.list(dataDirectory: store.directory.path)
        #expect(streams.flatMap(\.sessions).map(\.durationMilliseconds) == [Double](repeating: 400, count: 9))
        #expect(streams.flatMap(\.sessions).allSatisfy { !$0.isLive })
    }
}
