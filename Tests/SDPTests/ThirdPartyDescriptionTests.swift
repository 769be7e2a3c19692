import SDP
import Testing

/// Descriptions of other projects, read from `../shared/testdata/sdp`.
@Suite("Third-party session descriptions", .enabled(if: ThirdPartyData.isPresent, "skipped: no ../shared/testdata"))
struct ThirdPartyDescriptionTests {
    @Test(
        "Every description is read or refused with a reason, and is written again unchanged in meaning",
        arguments: ThirdPartyData.files("sdp", ending: ".sdp"))
    func everyFile(_ path: String) throws {
        let bytes = try ThirdPartyData.bytes(path)
        // Fragments of a description, not descriptions: they lack v=, o= and m=.
        let isFragment = path.contains("/spd_session_ex") && !Self.wholeFragments.contains { path.hasSuffix($0) }
        do throws(SDPParseError) {
            let description = try SessionDescription(parsing: bytes)
            #expect(!isFragment)
            let again = try SessionDescription(parsing: description.serialized())
            #expect(again == description)
            let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
            #expect(description.media.count == lines.count { $0.hasPrefix("m=") })
        } catch {
            #expect(isFragment, "\(error)")
            #expect(error.description.contains("is not a session description"))
        }
    }

    private static let wholeFragments = ["_ex2.sdp", "_media.sdp", "_origin.sdp", "_webrtc1.sdp"]

    struct Row: Sendable, CustomTestStringConvertible {
        let file: String
        let verdicts: [MediaVerdict]
        let ports: [UInt16]
        let directions: [MediaDirection]
        var testDescription: String { file }
    }

    @Test(
        "Verdicts, ports and directions of real offers",
        arguments: [
            Row(
                file: "drachtio/g729-g726-offer-2015.sdp", verdicts: [.accepted, .accepted], ports: [23628, 13432],
                directions: [.sendonly, .sendonly]),
            Row(file: "drachtio/sample-sdp2-1.sdp", verdicts: [.accepted], ports: [35003], directions: [.sendonly]),
            Row(file: "drachtio/sample-sdp3-1.sdp", verdicts: [.accepted], ports: [22820], directions: [.sendrecv]),
            Row(file: "drachtio/sample-sdp3-2.sdp", verdicts: [.accepted], ports: [19640], directions: [.recvonly]),
            Row(
                file: "rfc7866/fig5-offer-audio-video.sdp", verdicts: [.accepted, .notAudio, .accepted, .notAudio],
                ports: [12240, 22456, 12242, 22458], directions: [.sendonly, .sendonly, .sendonly, .sendonly]),
            Row(
                file: "gortc/sdp_session_no_media_fmt.sdp", verdicts: [.accepted, .accepted], ports: [15160, 15162],
                directions: [.sendonly, .sendonly]),
            Row(file: "gortc/sdp_session_ex_err15.sdp", verdicts: [.unreadable], ports: [0], directions: [.recvonly]),
            Row(file: "gortc/sdp_session_ex_err42.sdp", verdicts: [.unreadable], ports: [0], directions: [.recvonly]),
            Row(
                file: "sdp-transform/hacky.sdp", verdicts: [.accepted, .notAudio, .notAudio],
                ports: [1, 1, 9], directions: [.sendrecv, .sendrecv, .sendrecv]),
            Row(
                file: "sdp-transform/jsep.sdp", verdicts: [.dtlsRefused, .removed], ports: [56500, 0],
                directions: [.sendrecv, .sendrecv]),
            Row(
                file: "sdp-transform/bfcp.sdp", verdicts: [.accepted, .notAudio, .notAudio, .notAudio],
                ports: [3230, 3232, 3238, 3234], directions: [.sendrecv, .sendrecv, .sendrecv, .sendrecv]),
        ])
    func table(_ row: Row) throws {
        let description = try SessionDescription(parsing: ThirdPartyData.bytes("sdp/" + row.file))
        #expect(description.verdicts(policy: AnswerPolicy()) == row.verdicts)
        #expect(description.mediaParameters.map(\.port) == row.ports)
        #expect(description.mediaParameters.map(\.direction) == row.directions)
    }

    @Test("RFC 7866 figure 5 is answered like figure 6, with the video refused")
    func figureSix() throws {
        let offer = try SessionDescription(parsing: ThirdPartyData.bytes("sdp/rfc7866/fig5-offer-audio-video.sdp"))
        let answer = offer.answer(
            origin: Origin(
                username: "SRS", sessionID: 0, version: 0, address: ConnectionAddress(host: "198.51.100.20")),
            local: [0: LocalMedia(port: 10000), 2: LocalMedia(port: 10004)])
        #expect(answer.media.map(\.port) == [10000, 0, 10004, 0])
        #expect(answer.media.map(\.label) == ["1", "2", "3", "4"])
        #expect(answer.media[0].formats == ["0", "8"])
        #expect(answer.mediaParameters[0].direction == .recvonly)
    }
}
