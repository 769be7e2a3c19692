import Foundation
import Logging
import Testing

@testable import StreamSink

@Suite("The media metric log")
struct MediaMetricTests {
    private func metric() -> MediaMetric {
        var call = makeCall()
        call.sourceCountry = "US"
        var metric = MediaMetric(call, at: UTCTime(milliseconds: 1_680_732_902_238))
        var flow = MediaMetric.Flow()
        flow.rtpPackets = 3000
        flow.rtpBytes = 516_000
        flow.rtcpPackets = 12
        flow.rtcpBytes = 1_200
        flow.packetsLost = 3
        flow.jitterMicroseconds = 250
        metric.fromCustomer = flow
        metric.customerLink = MediaMetric.Link(roundTripMicroseconds: 19_434, mos: 4.3)
        metric.remoteLink = MediaMetric.Link(mos: 4)
        return metric
    }

    @Test("A line has the names of the service's log; what is not known is left out")
    func line() {
        #expect(
            metric().json.text == """
                {"voice_connector_id":"\(connector)","event_timestamp":1680732902238,\
                "call_id":"ec97a8ff-0000-4000-8000-000000000001","from_sip_user":"+12065550100","from_country":"US",\
                "to_sip_user":"+13605550199","to_country":"","endpoint_id":"","aws_region":"us-east-1",\
                "cust2vc_rtp_packets":3000,"cust2vc_rtp_bytes":516000,"cust2vc_rtcp_packets":12,\
                "cust2vc_rtcp_bytes":1200,"cust2vc_packets_lost":3,"cust2vc_jitter":250,\
                "rtt_btwn_vc_and_cust":19434,"mos_btwn_vc_and_cust":4.3,"mos_btwn_vc_and_rem":4.0}
                """)
        var full = metric()
        full.toCustomer = MediaMetric.Flow()
        full.fromRemote = MediaMetric.Flow()
        full.toRemote = MediaMetric.Flow()
        full.remoteLink.roundTripMicroseconds = 1
        let names = full.json.members?.map(\.name) ?? []
        let flows = ["cust2vc", "vc2cust", "rem2vc", "vc2rem"].flatMap { flow in
            ["rtp_packets", "rtp_bytes", "rtcp_packets", "rtcp_bytes", "packets_lost", "jitter"].map { "\(flow)_\($0)" }
        }
        #expect(Array(names[9..<33]) == flows)
        #expect(names[33...].contains("rtt_btwn_vc_and_rem"))
    }

    @Test("Lines are appended whole, also after a time in which the disk took none")
    func log() async throws {
        let folder = try TemporaryFolder()
        let isFull = Flag(true)
        var operations = FileOperations.system
        operations.append = { isFull.isSet ? -28 : FileOperations.system.append($0, $1) }
        let directory = try DataDirectory("\(folder.path)/data", operations: operations)
        let writer = try RecordWriter(directory: directory, logger: Logger(label: "test"))
        for _ in 0..<3 { writer.post(metric()) }
        await writer.drain()
        #expect(!FileManager.default.fileExists(atPath: directory.mediaMetricLogPath + "x"))
        isFull.isSet = false
        try await Task.sleep(for: .milliseconds(1_200))
        await writer.shutDown()
        let text = try String(contentsOfFile: directory.mediaMetricLogPath, encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4 && lines.last == "")
        #expect(lines.dropLast().allSatisfy { $0 == metric().json.text })
        #expect(writer.dropped == 0)
    }
}

@Suite("What records say of a leg's media")
struct LegRecordTests {
    @Test("A journal holds every format and every figure", arguments: FormatCase.allCases)
    func journal(format: FormatCase) throws {
        var call = makeCall()
        call.legs[0].format = format.format
        var quality = LegQuality()
        quality.largestGapMilliseconds = 120
        quality.roundTripMicroseconds = 19_434
        quality.mos = 4.1
        quality.discardedByReason = ["duplicate": 2, "late": 5]
        quality.unauthenticated = 7
        quality.kernelDrops = 8
        quality.tapDrops = 9
        quality.digits = 4
        quality.isPastKeyLifetime = true
        quality.peerLossFraction = 0.25
        quality.peerJitterMicroseconds = 2500
        quality.peerMos = 3.9
        call.legs[0].quality = quality
        let read = try CallRecord(parsing: call.json.bytes)
        #expect(read.legs == call.legs)
        #expect(read == call)
    }

    @Test(
        "The streaming detail record names the format, and says when the codec is unknown",
        arguments: FormatCase.allCases)
    func detail(format: FormatCase) {
        var call = makeCall()
        call.legs[0].format = format.format
        call.legs[0].quality.discardedByReason = ["late": 5, "duplicate": 2]
        let record = StreamingDetailRecord(call, outcome: .completed, endedAt: UTCTime(milliseconds: 0))
        let leg = record.json["Legs"]?.arrayValue?.first
        #expect(leg?["Format"]?.stringValue == format.format.name)
        #expect(leg?["UnknownCodec"]?.boolValue == (format == .unknown ? true : nil))
        #expect(leg?["DiscardedByReason"]?.text == "{\"duplicate\":2,\"late\":5}")
    }

    @Test("A journal of before, without a format, is of the default one; one that makes no sense, too")
    func older() throws {
        let text = makeCall().json.text
        for format in ["", "\"format\":{\"kind\":\"pcm\",\"sampleRate\":3},", "\"format\":7,"] {
            let older = text.replacingOccurrences(
                of: "\"format\":{\"kind\":\"pcm\",\"sampleRate\":8000},", with: format)
            #expect(older != text)
            #expect(try CallRecord(parsing: Array(older.utf8)).legs[0].format == .pcm(sampleRate: 8000))
        }
    }

    @Test("Events of other formats say so; the default's are as ever", arguments: FormatCase.allCases)
    func events(format: FormatCase) {
        var call = makeCall()
        call.legs[0].format = format.format
        let detail = StreamingEvent.started(call, leg: call.legs[0], at: UTCTime(milliseconds: 0), id: "").json[
            "detail"]
        #expect(detail?["mediaType"]?.stringValue == format.format.mediaType)
        #expect((detail?["format"]?.stringValue == nil) == (format == .pcm8))
    }
}
