import Foundation
import Synchronization
import Testing

@testable import HTTPInterface
@testable import StreamSink

/// Stands in for the encoders: says what it was asked for.
final class NotingMaker: ClipMaking, HLSMaking {
    let requests = Mutex<[ClipRequest]>([])

    func clip(_ request: ClipRequest) async throws -> [UInt8] {
        requests.withLock { $0.append(request) }
        return Array("clip \(request.format.rawValue) \(request.legs.map(\.count))".utf8)
    }

    func initialization(for fragment: FragmentBytes) async throws -> [UInt8] { Array("init".utf8) }

    func segment(_ request: HLSSegmentRequest) async throws -> [UInt8] {
        Array("\(request.sequence) \(request.offsetMilliseconds) \(request.previous != nil)".utf8)
    }
}

@Suite("Archived media", .serialized)
struct ArchiveTests {
    @Test("Fragments are listed in pages, by either time, both ends included")
    func list() async throws {
        try await RunningInterface.run { interface in
            let numbers = try interface.makeStream("s", fragments: 5).map(\.description)
            var found: [String] = []
            var token = ""
            repeat {
                let page = try await interface.post("/listFragments", "{\"StreamName\":\"s\",\"MaxResults\":2\(token)}")
                let fragments = try #require(page.json["Fragments"]?.arrayValue)
                found += fragments.compactMap { $0["FragmentNumber"]?.stringValue }
                token = page.json["NextToken"]?.stringValue.map { ",\"NextToken\":\"\($0)\"" } ?? ""
            } while !token.isEmpty
            #expect(found == numbers)
            let some = try await interface.post(
                "/listFragments",
                #"{"StreamName":"s","FragmentSelector":{"FragmentSelectorType":"PRODUCER_TIMESTAMP","TimestampRange":{"StartTimestamp":1700000001,"EndTimestamp":1700000003.0}}}"#
            )
            let fragments = try #require(some.json["Fragments"]?.arrayValue)
            #expect(fragments.compactMap { $0["FragmentNumber"]?.stringValue } == Array(numbers[1...3]))
            #expect(fragments.first?["ProducerTimestamp"]?.decimalValue == 1_700_000_001)
            #expect(fragments.first?["FragmentLengthInMilliseconds"]?.integerValue == 1000)
            #expect((fragments.first?["FragmentSizeInBytes"]?.integerValue ?? 0) > 1000)
            let server = try await interface.post(
                "/listFragments",
                #"{"StreamName":"s","FragmentSelector":{"FragmentSelectorType":"SERVER_TIMESTAMP","TimestampRange":{"StartTimestamp":1,"EndTimestamp":2}}}"#
            )
            #expect(server.text == #"{"Fragments":[]}"#)
        }
    }

    @Test(
        "What cannot be listed is refused",
        arguments: [
            #"{"StreamName":"s","MaxResults":1001}"#, #"{"StreamName":"s","NextToken":"after.17"}"#,
            #"{"StreamName":"s","FragmentSelector":{"FragmentSelectorType":"SERVER_TIMESTAMP"}}"#,
            #"{"StreamName":"s","FragmentSelector":{"FragmentSelectorType":"SERVER_TIMESTAMP","TimestampRange":{"StartTimestamp":2,"EndTimestamp":1}}}"#,
            #"{"StreamName":"s","FragmentSelector":{"FragmentSelectorType":"SERVER_TIMESTAMP","TimestampRange":{"StartTimestamp":"2024","EndTimestamp":1e300}}}"#,
        ])
    func refusals(_ body: String) async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 1)
            #expect(try await interface.post("/listFragments", body).status == 400)
        }
    }

    @Test("Listed fragments come in the order of the request, without the tags of a running read")
    func media() async throws {
        try await RunningInterface.run { interface in
            let numbers = try interface.makeStream("s", fragments: 4)
            let list = [numbers[2], numbers[0]].map { "\"\($0)\"" }.joined(separator: ",")
            let answer = try await interface.post(
                "/getMediaForFragmentList", "{\"StreamName\":\"s\",\"Fragments\":[\(list)]}")
            #expect(answer.status == 200)
            let fragments = try SampleMedia.fragments(answer.body)
            #expect(
                fragments.map { $0.tags["AWS_KINESISVIDEO_FRAGMENT_NUMBER"] }
                    == [numbers[2].description, numbers[0].description])
            #expect(fragments.allSatisfy { $0.payload.count == 1000 && $0.tags["CallId"] == "call-1" })
            #expect(fragments.allSatisfy { $0.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] == nil })
            let other = LastFragment.following(numbers[3])
            let missing = try await interface.post(
                "/getMediaForFragmentList", "{\"StreamName\":\"s\",\"Fragments\":[\"\(other)\"]}")
            #expect(missing.errorType == "ResourceNotFoundException")
            let none = try await interface.post("/getMediaForFragmentList", #"{"StreamName":"s","Fragments":[]}"#)
            #expect(none.errorType == "ValidationException")
        }
    }

    private static let clip = """
        "ClipFragmentSelector":{"FragmentSelectorType":"PRODUCER_TIMESTAMP","TimestampRange":\
        {"StartTimestamp":1700000000,"EndTimestamp":1700000002}}
        """

    @Test("A clip is MP4, or WAV where the client wants that, of one leg or of both")
    func clips() async throws {
        let maker = NotingMaker()
        let other = MediaMakers.OtherLeg(stream: .name("other"), transactionID: "none", isRight: true)
        try await RunningInterface.run(makers: MediaMakers(clips: maker, otherLeg: { _ in other })) { interface in
            try interface.makeStream("s", fragments: 5)
            try interface.makeStream("other", fragments: 5)
            let plain = try await interface.post("/getClip", "{\"StreamName\":\"s\",\(Self.clip)}")
            #expect(plain.text == "clip mp4 [3]")
            #expect(plain.headers["content-type"] == "video/mp4")
            let wave = try await interface.post(
                "/getClip?x-earshot-layout=stereo", "{\"StreamName\":\"s\",\(Self.clip)}",
                headers: [("Accept", "text/html, audio/wav;q=0.9")])
            // Of the other stream only fragments of the same call.
            #expect(wave.text == "clip wav [3, 0]")
            #expect(wave.headers["content-type"] == "audio/wav")
            let nothing = try await interface.post(
                "/getClip", "{\"StreamName\":\"s\",\(Self.clip.replacingOccurrences(of: "17000", with: "16000"))}")
            #expect(nothing.errorType == "ResourceNotFoundException")
        }
    }

    @Test("A stream that keeps nothing has no clips and no sessions, and a service without encoders says so")
    func noClip() async throws {
        try await RunningInterface.run { interface in
            try interface.makeStream("s", fragments: 1, retention: 0)
            let none = try await interface.post("/getClip", "{\"StreamName\":\"s\",\(Self.clip)}")
            #expect(none.errorType == "NoDataRetentionException")
            try interface.makeStream("t", fragments: 3)
            let noMaker = try await interface.post("/getClip", "{\"StreamName\":\"t\",\(Self.clip)}")
            #expect(noMaker.errorType == "UnsupportedStreamMediaTypeException")
        }
    }

    @Test("An HLS session plays a finished list through its token, until that expires")
    func onDemand() async throws {
        let time = Mutex<Int64>(1_800_000_000_000)
        let clock = InterfaceClock { time.withLock { $0 } }
        try await RunningInterface.run(signed: false, makers: MediaMakers(hls: NotingMaker()), clock: clock) {
            interface in
            let numbers = try interface.makeStream("s", fragments: 3)
            let made = try await interface.post(
                "/getHLSStreamingSessionURL",
                #"{"StreamName":"s","PlaybackMode":"ON_DEMAND","DisplayFragmentTimestamp":"ALWAYS","HLSFragmentSelector":{"FragmentSelectorType":"PRODUCER_TIMESTAMP","TimestampRange":{"StartTimestamp":1700000000,"EndTimestamp":1700000001}}}"#
            )
            let url = try #require(made.json["HLSStreamingSessionURL"]?.stringValue)
            let base = "http://127.0.0.1:\(interface.port)"
            #expect(url.hasPrefix("\(base)/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken="))
            let master = try await interface.get(String(url.dropFirst(base.count)))
            #expect(master.headers["content-type"] == "application/x-mpegURL")
            let media = try #require(master.text.split(separator: "\n").last)
            let playlist = try await interface.get("/hls/v1/\(media)")
            #expect(playlist.text.hasPrefix("#EXTM3U\n"))
            #expect(playlist.text.contains("#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n"))
            #expect(playlist.text.hasSuffix("#EXT-X-ENDLIST\n"))
            let segments = playlist.text.split(separator: "\n").filter { $0.hasPrefix("getMP4MediaFragment") }
            try #require(segments.count == 2)
            #expect(segments[1].contains(numbers[1].description))
            #expect(try await interface.get("/hls/v1/\(segments[1])").text == "2 1000 true")
            #expect(try await interface.get("/hls/v1/\(segments[0])").text == "1 0 false")
            let start = try #require(playlist.text.firstRange(of: "getMP4InitFragment"))
            let initialization = playlist.text[start.lowerBound...].prefix { $0 != "\"" }
            #expect(try await interface.get("/hls/v1/\(initialization)").text == "init")

            time.withLock { $0 += 301_000 }
            #expect(try await interface.get("/hls/v1/\(media)").status == 403)
            #expect(try await interface.get("/hls/v1/getHLSMediaPlaylist.m3u8?SessionToken=x").status == 403)
        }
    }

    @Test("A live list slides: the number of its first fragment grows with what it leaves behind")
    func live() async throws {
        try await RunningInterface.run(makers: MediaMakers(hls: NotingMaker())) { interface in
            try interface.makeStream("s", fragments: 4)
            let made = try await interface.post(
                "/getHLSStreamingSessionURL", #"{"StreamName":"s","MaxMediaPlaylistFragmentResults":3}"#)
            let url = try #require(made.json["HLSStreamingSessionURL"]?.stringValue)
            let token = try #require(url.split(separator: "=").last)
            let path = "/hls/v1/getHLSMediaPlaylist.m3u8?SessionToken=\(token)"
            let first = try await interface.get(path)
            #expect(first.text.contains("#EXT-X-MEDIA-SEQUENCE:1\n"))
            #expect(!first.text.contains("#EXT-X-ENDLIST"))
            try interface.addFragments("s", 2)
            let second = try await interface.get(path)
            #expect(second.text.contains("#EXT-X-MEDIA-SEQUENCE:3\n"))
            // Another session's fragments follow.
            #expect(second.text.contains("#EXT-X-DISCONTINUITY\n"))
        }
    }
}
