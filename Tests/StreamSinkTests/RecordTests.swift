import Testing

@testable import StreamSink

func makeCall() -> CallRecord {
    var call = CallRecord(
        region: "us-east-1", accountID: "111122223333", transactionID: "ec97a8ff-0000-4000-8000-000000000001",
        callID: "1112-2222-4333", connectorID: connector, direction: .inbound, fromNumber: "+12065550100",
        toNumber: "+13605550199", startedAtMilliseconds: 1_680_732_842_238)
    call.inviteHeaders = [
        ("from", "\"John\" <sip:+12065550100@10.24.34.0>;tag=abcdefg"), ("call-id", "1112-2222-4333"),
    ]
    call.siprecMetadata = "<?xml version=\"1.0\"?>\r\n<recording/>"
    call.metadataStatus = "complete"
    call.legs = [
        LegRecord(
            streamName: "ChimeVoiceConnector-\(connector)-u", streamARN: "arn:aws:kinesisvideo:x",
            relativePath: "streams/ChimeVoiceConnector-\(connector)-u/000000_t_0.mkv", isCaller: true,
            roleRule: "metadata send", mediaIndex: 0, mediaLabel: "1", startedAtMilliseconds: 1_680_732_842_238,
            startFragmentNumber: FragmentNumber(counter: 1, epochMilliseconds: 1_680_732_842_238, random: 1))
    ]
    return call
}

@Suite("Events and records")
struct RecordTests {

    @Test("STARTED is the event of the contract, member by member")
    func started() {
        let call = makeCall()
        let event = StreamingEvent.started(
            call, leg: call.legs[0], at: UTCTime(milliseconds: 1_680_732_842_999), id: "i-1")
        #expect(
            event.json.text == """
                {"version":"0","id":"i-1","detail-type":"Chime VoiceConnector Streaming Status","source":"aws.chime",\
                "account":"111122223333","time":"2023-04-05T22:14:02Z","region":"us-east-1","resources":[],\
                "detail":{"callId":"1112-2222-4333","direction":"Inbound","fromNumber":"+12065550100",\
                "inviteHeaders":{"from":"\\"John\\" <sip:+12065550100@10.24.34.0>;tag=abcdefg","call-id":"1112-2222-4333"},\
                "isCaller":true,"mediaType":"audio/L16","sdp":{"mediaIndex":0,"mediaLabel":"1"},\
                "siprecMetadata":"<?xml version=\\"1.0\\"?>\\r\\n<recording/>",\
                "startFragmentNumber":"\(call.legs[0].startFragmentNumber)","startTime":"2023-04-05T22:14:02.238Z",\
                "streamArn":"arn:aws:kinesisvideo:x","toNumber":"+13605550199",\
                "transactionId":"ec97a8ff-0000-4000-8000-000000000001","voiceConnectorId":"\(connector)",\
                "streamingStatus":"STARTED","version":"0","roleRule":"metadata send","metadataStatus":"complete"}}
                """)
        #expect(event.line.last == 0x0A && event.line.filter { $0 == 0x0A }.count == 1)
    }

    @Test("A call without metadata has no SIPREC members")
    func startedPlain() {
        var call = makeCall()
        call.inviteHeaders = []
        call.siprecMetadata = nil
        call.legs[0].mediaLabel = nil
        call.legs[0].isCaller = nil
        let detail = StreamingEvent.started(call, leg: call.legs[0], at: UTCTime(milliseconds: 0), id: "").json[
            "detail"]
        #expect(detail?["inviteHeaders"] == nil && detail?["siprecMetadata"] == nil && detail?["isCaller"] == nil)
        #expect(detail?["sdp"]?.text == "{\"mediaIndex\":0}")
    }

    @Test("ENDED has both ends, the last fragment, and the reason when there is one")
    func ended() {
        var call = makeCall()
        call.siprecMetadata = nil
        call.inviteHeaders = []
        call.legs[0].endFragmentNumber = FragmentNumber(counter: 10, epochMilliseconds: 1_680_732_851_238, random: 1)
        let event = StreamingEvent.ended(
            call, leg: call.legs[0], endTime: UTCTime(milliseconds: 1_680_732_852_000), endReason: "Interrupted",
            at: UTCTime(milliseconds: 1_680_732_852_100), id: "i")
        #expect(
            event.json["detail"]?.text == """
                {"callId":"1112-2222-4333","direction":"Inbound","fromNumber":"+12065550100","isCaller":true,\
                "mediaType":"audio/L16","sdp":{"mediaIndex":0,"mediaLabel":"1"},\
                "startFragmentNumber":"\(call.legs[0].startFragmentNumber)",\
                "currentFragmentNumber":"\(call.legs[0].endFragmentNumber?.description ?? "")",\
                "startTime":"2023-04-05T22:14:02.238Z","endTime":"2023-04-05T22:14:12.000Z",\
                "streamArn":"arn:aws:kinesisvideo:x","toNumber":"+13605550199",\
                "transactionId":"ec97a8ff-0000-4000-8000-000000000001","voiceConnectorId":"\(connector)",\
                "streamingStatus":"ENDED","version":"0","roleRule":"metadata send","metadataStatus":"complete",\
                "endReason":"Interrupted"}
                """)
    }

    @Test("UPDATED and FAILED have the members of the contract in its order")
    func updatedAndFailed() {
        var call = makeCall()
        call.metadataStatus = nil
        let now = UTCTime(milliseconds: 1_680_732_842_238)
        let updated = StreamingEvent.updated(
            call, headers: [("cseq", "102 INVITE")], siprecMetadata: "<x/>", at: now, id: "i")
        #expect(
            updated.json["detail"]?.text == """
                {"callId":"1112-2222-4333","updateHeaders":{"cseq":"102 INVITE"},"siprecMetadata":"<x/>",\
                "streamingStatus":"UPDATED","transactionId":"ec97a8ff-0000-4000-8000-000000000001","version":"0",\
                "voiceConnectorId":"\(connector)"}
                """)
        let failed = StreamingEvent.failed(call, failTime: now, at: now, id: "i")
        #expect(
            failed.json["detail"]?.text == """
                {"streamingStatus":"FAILED","voiceConnectorId":"\(connector)",\
                "transactionId":"ec97a8ff-0000-4000-8000-000000000001","callId":"1112-2222-4333","direction":"Inbound",\
                "failTime":"2023-04-05T22:14:02.238Z","failureReason":"Internal failure","version":"0"}
                """)
    }

    @Test("The call detail record has the contract's members, order and number forms")
    func callDetail() {
        var call = makeCall()
        call.direction = .outbound
        call.sipAuthUser = "sbc"
        call.sourceCountry = "US"
        call.destinationCountry = "US"
        let record = CallDetailRecord(
            call, outcome: .completed, endedAt: UTCTime(milliseconds: call.startedAtMilliseconds + 54_001))
        #expect(
            record.key
                == "Amazon-Chime-Voice-Connector-CDRs/json/\(connector)/2023/04/05/22.14.02.238_\(call.transactionID)")
        #expect(
            record.json.text == """
                {"AwsAccountId":"111122223333","TransactionId":"ec97a8ff-0000-4000-8000-000000000001",\
                "CallId":"1112-2222-4333","VoiceConnectorId":"\(connector)","Status":"Completed",\
                "StatusMessage":"Normal Call Clearing","SipAuthUser":"sbc","BillableDurationSeconds":60,\
                "BillableDurationMinutes":1.0,"SchemaVersion":"2.0","SourcePhoneNumber":"+12065550100",\
                "SourcePhoneNumberName":"","SourceCountry":"US","DestinationPhoneNumber":"+13605550199",\
                "DestinationPhoneNumberName":"","DestinationCountry":"US","UsageType":"USE1-US-US-outbound-minutes",\
                "ServiceCode":"AmazonChimeVoiceConnector","Direction":"Outbound","StartTimeEpochSeconds":1680732842,\
                "EndTimeEpochSeconds":1680732896,"Region":"us-east-1","Streaming":true}
                """)
    }

    @Test("The streaming detail record has the contract's members first and then the legs")
    func streamingDetail() {
        var call = makeCall()
        call.legs[0].quality.packets = 500
        call.legs[0].quality.skewPartsPerMillion = -12
        let record = StreamingDetailRecord(
            call, outcome: .interrupted, endedAt: UTCTime(milliseconds: call.startedAtMilliseconds + 4000))
        #expect(
            record.key
                == "Amazon-Chime-Voice-Connector-SDRs/json/\(connector)/2023/04/05/22.14.02.238_\(call.transactionID)")
        #expect(
            record.json.text == """
                {"SchemaVersion":"1.0","AwsAccountId":"111122223333",\
                "TransactionId":"ec97a8ff-0000-4000-8000-000000000001","CallId":"1112-2222-4333",\
                "VoiceConnectorId":"\(connector)","StartTimeEpochSeconds":1680732842,"EndTimeEpochSeconds":1680732846,\
                "Status":"Failed","StatusMessage":"Interrupted: the service stopped during the call",\
                "ServiceCode":"AmazonChime","UsageType":"USE1-VC-kinesis-audio-streaming","BillableDurationSeconds":6,\
                "Region":"us-east-1","Legs":[{"StreamName":"ChimeVoiceConnector-\(connector)-u",\
                "StreamArn":"arn:aws:kinesisvideo:x","IsCaller":true,"MediaIndex":0,"MediaLabel":"1",\
                "StartFragmentNumber":"\(call.legs[0].startFragmentNumber)","EndFragmentNumber":null,"Packets":500,\
                "Bytes":0,"Lost":0,"Duplicates":0,"Late":0,"Reordered":0,"JitterMicroseconds":0,\
                "ConcealedMilliseconds":0,"FilledMilliseconds":0,"SkewPartsPerMillion":-12.0,\
                "WriterLostMilliseconds":0,"EmptyReason":null,"LargestGapMilliseconds":0,"RoundTripMicroseconds":null,\
                "Mos":null,"DiscardedByReason":{},"Unauthenticated":0,"KernelDrops":0,"TapDrops":0,"Digits":0,\
                "KeyLifetimeExceeded":false,"PeerLossFraction":null,"PeerJitterMicroseconds":null,"PeerMos":null,\
                "Format":"pcm/8000"}]}
                """)
    }

    @Test(
        "Dates are right in every century",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
        ] as [(Int64, String)])
    func dates(milliseconds: Int64, text: String) {
        #expect(UTCTime(milliseconds: milliseconds).isoMilliseconds == text)
    }

    @Test("JSON keeps order and number forms, both ways")
    func json() throws {
        let text = #"{"b":1.0,"a":[1,-2,true,null,"x\"\\\n\u0001é😀"],"c":{"d":0.1}}"#
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(value.text == text)
        #expect(try JSONValue(parsing: Array(" [ \"\\ud83d\\ude00\\/\" ] ".utf8)) == .array([.string("😀/")]))
        #expect(JSONValue.decimal(.nan).text == "null")
    }

    @Test(
        "What is not JSON is refused with its place",
        arguments: [
            "", "{", "[1,]", "{\"a\"}", "tru", "1 2", "\"a", "\"\\x\"", "{a:1}", "-", "\"\\ud83d\\u0041\"", "\u{1}",
            String(repeating: "[", count: 100),
        ])
    func notJSON(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test("A journal holds the whole call")
    func journal() throws {
        var call = makeCall()
        call.sipAuthUser = "u"
        call.legs[0].quality.jitterMicroseconds = 9
        call.legs[0].quality.emptyReason = "no packets"
        call.legs[0].endFragmentNumber = call.legs[0].startFragmentNumber
        #expect(try CallRecord(parsing: call.json.bytes) == call)
    }

    @Test("A journal with a path outside the streams is refused", arguments: ["/etc/passwd", "streams/../../x", "x"])
    func journalPath(path: String) {
        var call = makeCall()
        call.legs[0].relativePath = path
        #expect(throws: CallJournalError.missing("legs.path")) { try CallRecord(parsing: call.json.bytes) }
    }
}
