import Foundation
import SecureMedia
import Testing

/// Reference packets that others made, read where they are present.
@Suite("Third-party reference packets")
struct ReferencePacketTests {
    private struct File: Decodable { let vectors: [Vector] }

    struct Vector: Decodable, Sendable, CustomTestStringConvertible {
        let name, profile, master_key, master_salt, rtp, srtp: String
        let rtcp, srtcp, mki: String?
        var testDescription: String { name }
        var suite: CryptoSuite? {
            profile.split(separator: " ").first.flatMap { CryptoSuite(sdpName: String($0)) }
        }
    }

    static let vectors: [Vector] = {
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appendingPathComponent("../shared/testdata/srtp/vectors.json")
        guard let data = try? Data(contentsOf: file) else {
            print("skipped: no ../shared/testdata")
            return []
        }
        return (try? JSONDecoder().decode(File.self, from: data))?.vectors ?? []
    }()

    @Test("Both ways, RTP and RTCP", arguments: vectors)
    func reference(_ vector: Vector) throws {
        guard let suite = vector.suite, !vector.profile.contains("RFC 6904") else {
            // Never negotiated: no encryption at all, and encrypted header extensions.
            #expect(vector.profile.hasPrefix("NULL") || vector.profile.contains("RFC 6904"))
            return
        }
        let key = octets(vector.master_key)
        let salt = octets(vector.master_salt)
        let mki = vector.mki.flatMap { MasterKeyIdentifier(octets($0)) }
        var receiver = try SRTPReceiver(suite: suite, masterKey: key, masterSalt: salt, mki: mki)
        let received = receiver.receive(octets(vector.srtp))
        #expect(received == .passed(octets(vector.rtp)))
        // The packets were made with SRTCP index 1.
        var sender = try SRTPSender(
            suite, media: SessionKeys(.media, suite, masterKey: key, masterSalt: salt),
            control: SessionKeys(.control, suite, masterKey: key, masterSalt: salt), identifier: mki, controlIndex: 1)
        let sent = sender.send(octets(vector.rtp))
        #expect(sent == .passed(octets(vector.srtp)))
        guard let rtcp = vector.rtcp, let srtcp = vector.srtcp else { return }
        let receivedControl = receiver.receiveControl(octets(srtcp))
        let sentControl = sender.sendControl(octets(rtcp))
        #expect(receivedControl == .passed(octets(rtcp)))
        #expect(sentControl == .passed(octets(srtcp)))
    }
}
