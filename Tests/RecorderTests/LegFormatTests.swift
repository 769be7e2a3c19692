import MediaCore
import SDP
import StreamSink
import Testing

@testable import Recorder

@Suite("What becomes of a leg's audio")
struct LegFormatTests {
    private static let g722 = PayloadFormat(payloadType: 9, encodingName: "G722")
    private static let opus = PayloadFormat(
        payloadType: 96, encodingName: "opus", clockRate: 48_000, channels: 2, formatParameters: "useinbandfec=1")
    private static let g729 = PayloadFormat(payloadType: 18, encodingName: "G729", formatParameters: "annexb=no")

    struct Row: Sendable, CustomTestStringConvertible {
        let choice: RecorderSettings.StreamChoice
        let codec: PayloadFormat?
        let stream: String
        let timeline: TimelineFormat
        var testDescription: String { "\(choice) of \(codec.map(\.description) ?? "no codec")" }
    }

    @Test(
        "By the connector's choice and the codec of the answer",
        arguments: [
            Row(choice: .pcm, codec: .pcmu, stream: "pcm/8000", timeline: .narrowband),
            Row(choice: .pcm, codec: opus, stream: "pcm/8000", timeline: .narrowband),
            Row(choice: .pcm, codec: nil, stream: "pcm/8000", timeline: .narrowband),
            Row(choice: .pcm16, codec: .pcma, stream: "pcm/8000", timeline: .narrowband),
            Row(choice: .pcm16, codec: g722, stream: "pcm/16000", timeline: .wideband),
            Row(choice: .pcm16, codec: opus, stream: "pcm/16000", timeline: .wideband),
            Row(choice: .opus, codec: .pcmu, stream: "opus/8000", timeline: .narrowband),
            Row(choice: .opus, codec: opus, stream: "opus/16000", timeline: .wideband),
            Row(choice: .payload, codec: .pcma, stream: "payload/PCMA/8000", timeline: .verbatim),
            Row(choice: .payload, codec: opus, stream: "payload/opus/48000", timeline: .verbatim),
            Row(choice: .payload, codec: nil, stream: "payload/PCMU/8000", timeline: .verbatim),
            Row(choice: .pcm, codec: g729, stream: "payload/G729/8000", timeline: .verbatim),
            Row(choice: .opus, codec: g729, stream: "payload/G729/8000", timeline: .verbatim),
            Row(
                choice: .pcm16, codec: PayloadFormat(payloadType: 97, encodingName: ""), stream: "payload/unknown/8000",
                timeline: .verbatim),
        ])
    func table(_ row: Row) {
        let format = LegFormat(row.choice, codec: row.codec)
        #expect(format.stream.name == row.stream)
        #expect(format.timeline == row.timeline)
        #expect(format.isUnknownCodec == (row.codec.map { !$0.isDecodable } ?? false))
        #expect((format.encoder != nil) == row.stream.hasPrefix("opus"))
        if !format.stream.isPayload { #expect(format.stream.sampleRate == format.timeline.sampleRate) }
    }

    @Test("A track of payloads has what a reader needs to decode them")
    func track() throws {
        guard case .payload(let track) = LegFormat(.pcm, codec: Self.g729).stream else {
            Issue.record("no payload track")
            return
        }
        #expect(track.payloadType == 18)
        #expect(track.formatParameters == "annexb=no")
        #expect(track.sampleRate == TimelineFormat.verbatim.sampleRate)
    }

    @Test("The encoder makes packets that are decoded to as many samples", arguments: [8_000, 16_000])
    func encoder(_ rate: Int) throws {
        let encoder = try #require(OpusFrameEncoder(sampleRate: rate))
        #expect(encoder.preSkip > 0)
        let samples = (0..<(rate / 50)).map { Int16($0 % 40 * 100) }
        var packet: [UInt8] = [7]
        encoder.encode(samples.span, into: &packet)
        #expect(packet.first == 7 && packet.count > 2)
        #expect(OpusDecoder.samples(in: packet.span.extracting(1..<packet.count).bytes, at: rate) == rate / 50)
        encoder.reset()
        var second: [UInt8] = []
        encoder.encode(samples.span, into: &second)
        #expect(!second.isEmpty)
        // A frame of an impossible length is a gap and nothing else.
        var none: [UInt8] = []
        encoder.encode(samples.span.extracting(first: 3), into: &none)
        #expect(none.isEmpty)
    }

    struct Change: Sendable, CustomTestStringConvertible {
        let choice: RecorderSettings.StreamChoice
        let from: PayloadFormat
        let to: PayloadFormat
        let isHeld: Bool
        var testDescription: String { "\(choice): \(from) to \(to)" }
    }

    @Test(
        "A stream goes on with another codec only where it can hold it",
        arguments: [
            Change(choice: .pcm, from: .pcmu, to: .pcma, isHeld: true),
            Change(choice: .pcm, from: .pcmu, to: opus, isHeld: true),
            Change(choice: .pcm16, from: g722, to: .pcmu, isHeld: true),
            Change(choice: .opus, from: .pcmu, to: g729, isHeld: false),
            Change(choice: .pcm, from: .pcmu, to: g729, isHeld: false),
            Change(choice: .pcm, from: g729, to: .pcmu, isHeld: false),
            Change(choice: .payload, from: .pcmu, to: .pcma, isHeld: false),
            Change(
                choice: .payload, from: opus,
                to: PayloadFormat(payloadType: 111, encodingName: "OPUS", clockRate: 48_000, channels: 2), isHeld: true),
            Change(
                choice: .pcm, from: PayloadFormat(payloadType: 34, encodingName: ""),
                to: PayloadFormat(payloadType: 35, encodingName: ""), isHeld: false),
            Change(
                choice: .pcm, from: PayloadFormat(payloadType: 34, encodingName: ""),
                to: PayloadFormat(payloadType: 34, encodingName: ""), isHeld: true),
        ])
    func change(_ row: Change) {
        let format = LegFormat(row.choice, codec: row.from)
        #expect(format.holds(row.to) == row.isHeld)
        #expect(format.holds(nil))
    }
}
