import Testing

@testable import StreamSink

@Suite("Digits")
struct DigitTests {
    private func digits(_ scanned: ScannedBlocks) -> [String?] {
        scanned.fragments.map { $0.value("EarshotDigits") }
    }

    @Test(
        "A digit is in the tags of the next fragment, after the contract's tags, once", arguments: FormatCase.allCases)
    func nextFragment(format: FormatCase) throws {
        let driven = format.makeSession()
        for index in 0..<160 {
            if index == 20 {
                driven.session.note(digit: "5", at: Int64(format.format.sampleRate / 2), milliseconds: 80)
            }
            if index == 30 { driven.session.note(digit: "#", at: Int64(format.format.sampleRate), milliseconds: 240) }
            driven.append(format, block: index)
            if index % 10 == 9 { driven.flush() }
        }
        _ = driven.close()
        let scanned = try ScannedBlocks(driven.content)
        #expect(digits(scanned) == [nil, "5@500+80 #@1000+240", nil, nil])
        let contract = [
            "AWS_KINESISVIDEO_FRAGMENT_NUMBER", "AWS_KINESISVIDEO_SERVER_TIMESTAMP",
            "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", "TransactionId", "VoiceConnectorId", "CallId",
        ]
        #expect(scanned.fragments.map { $0.tags.map(\.name) }[1] == contract + ["EarshotDigits"])
        #expect(scanned.fragments.map { $0.tags.map(\.name) }[2] == contract)
        #expect(scanned.blocks.prefix(160).allSatisfy { $0.bytes == format.block(Int($0.milliseconds) / 20) })
    }

    @Test("Digits in a write that is taken back are written again, once")
    func takenBack() throws {
        for budget in stride(from: 17_000, to: 19_500, by: 37) {
            let driven = DrivenSession()
            driven.append(7_200)
            driven.flush()
            driven.session.note(digit: "1", at: 7_000, milliseconds: 100)
            let length = driven.content.count
            driven.disk.state.withLock { $0.budget = max(0, budget - length) }
            driven.append(2_400)
            driven.flush()
            driven.disk.state.withLock { $0.budget = .max }
            driven.now += 1_000
            driven.append(16_000)
            driven.flush()
            _ = driven.close()
            let scanned = try ScannedBlocks(driven.content)
            try #require(digits(scanned).compactMap(\.self) == ["1@875+100"], "\(budget)")
        }
    }

    @Test("Digits of the last second are in the file too", arguments: [0, 100, 160])
    func lastSecond(rest: Int) throws {
        let driven = DrivenSession()
        driven.append(1_600)
        driven.flush()
        driven.append(rest)
        driven.session.note(digit: "9", at: 800, milliseconds: 60)
        let summary = driven.close()
        let scanned = try ScannedBlocks(driven.content)
        let all = digits(scanned).compactMap(\.self) + scanned.trailingTags.map(\.value)
        #expect(all == ["9@100+60"])
        #expect(summary.bytes == Int64(driven.content.count))
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/f.mkv"
        try write(driven.content, to: path)
        let report = try SessionFileReport(scanning: path)
        #expect(report.isFinished && report.wholeLength == report.fileLength)
        #expect(try SessionFileReport.repair(path).repair == .notNeeded)
        let reader = try StreamReader(path: path)
        var last: StreamEvent?
        while let event = try reader.read() { last = event }
        #expect(last == .ended(durationMilliseconds: Double(1_600 + rest) / 8))
    }

    @Test("Many digits are spread over tags of at most 256 bytes; a flood is bounded")
    func many() throws {
        let driven = DrivenSession()
        driven.append(8_000)
        driven.flush()
        for index in 0..<1_000 { driven.session.note(digit: "\(index % 10)", at: Int64(index * 100), milliseconds: 50) }
        for _ in 0..<30 {
            driven.append(8_000)
            driven.flush()
        }
        _ = driven.close()
        let scanned = try ScannedBlocks(driven.content)
        let values = digits(scanned).compactMap(\.self)
        #expect(values.allSatisfy { $0.utf8.count <= 256 })
        let found = values.flatMap { $0.split(separator: " ").map(String.init) }
        #expect(found == (0..<DigitNotes.limit).map { "\($0 % 10)@\($0 * 100 / 8)+50" })
    }

    @Test("Without a call of it nothing changes")
    func never() throws {
        let driven = DrivenSession()
        driven.append(20_000)
        _ = driven.close()
        let scanned = try ScannedBlocks(driven.content)
        #expect(scanned.fragments.allSatisfy { $0.tags.count == 6 } && scanned.trailingTags.isEmpty)
    }

    @Test("The event is Earshot's own and has the digit's place and length")
    func event() {
        let call = makeCall()
        let event = StreamingEvent.digit(
            call, leg: call.legs[0], digit: "7", offsetMilliseconds: 12_340, durationMilliseconds: 80,
            at: UTCTime(milliseconds: 1_680_732_842_999), id: "i-1")
        #expect(
            event.json.text == """
                {"version":"0","id":"i-1","detail-type":"Earshot Telephone Event","source":"earshot",\
                "account":"111122223333","time":"2023-04-05T22:14:02Z","region":"us-east-1","resources":[],\
                "detail":{"callId":"1112-2222-4333","digit":"7","durationMilliseconds":80,"offsetMilliseconds":12340,\
                "isCaller":true,"sdp":{"mediaIndex":0,"mediaLabel":"1"},"streamArn":"arn:aws:kinesisvideo:x",\
                "transactionId":"ec97a8ff-0000-4000-8000-000000000001","voiceConnectorId":"\(connector)","version":"0"}}
                """)
    }
}
