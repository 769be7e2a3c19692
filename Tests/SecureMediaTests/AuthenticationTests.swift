import SecureMedia
import Testing

@Suite("Nothing unauthenticated is believed")
struct AuthenticationTests {
    @Test("A packet with any one bit changed is refused and left as it came", arguments: CryptoSuite.allCases)
    func tampered(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        let first = receiver.receive(sender.wire(rtpPacket(100, payload: 40)))
        #expect(first.packet != nil)
        let plain = rtpPacket(101, payload: 40)
        let wire = sender.wire(plain)
        for bit in 0..<wire.count * 8 {
            var forged = wire
            forged[bit / 8] ^= 1 << UInt8(bit % 8)
            let outcome = receiver.receive(forged)
            guard case .refused(_, let left) = outcome else {
                Issue.record("bit \(bit) was accepted")
                continue
            }
            #expect(left == forged, "bit \(bit)")
        }
        // After all of that the true packet still passes: no forged one marked its number or moved the roll-over
        // counter.
        let outcome = receiver.receive(wire)
        #expect(outcome == .passed(plain))
    }

    @Test("An RTCP packet with any one bit changed is refused and left as it came", arguments: CryptoSuite.allCases)
    func tamperedControl(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        let wire = try #require(sender.sendControl(rtcpPacket()).packet)
        for bit in 0..<wire.count * 8 {
            var forged = wire
            forged[bit / 8] ^= 1 << UInt8(bit % 8)
            let outcome = receiver.receiveControl(forged)
            guard case .refused(_, let left) = outcome else {
                Issue.record("bit \(bit) was accepted")
                continue
            }
            #expect(left == forged, "bit \(bit)")
        }
        let outcome = receiver.receiveControl(wire)
        #expect(outcome == .passed(rtcpPacket()))
    }

    @Test("A packet cut at any length is refused", arguments: CryptoSuite.allCases)
    func cut(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        let wire = sender.wire(rtpPacket(7, payload: 30))
        let control = try #require(sender.sendControl(rtcpPacket()).packet)
        for length in 0..<wire.count {
            let outcome = receiver.receive(Array(wire[..<length]))
            #expect(outcome.error != nil)
        }
        for length in 0..<control.count {
            let outcome = receiver.receiveControl(Array(control[..<length]))
            #expect(outcome.error != nil)
        }
        var plain = rtpPacket(8, payload: 0)
        plain[0] = 0x9F
        let header = sender.send(plain)
        #expect(header.error == .truncated(needed: 76, got: 12))
    }

    @Test(
        "A flood of forged sources makes no entry and does not push the true one out", arguments: CryptoSuite.allCases)
    func flood(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite), maximumSources: 2)
        for ssrc in 1...500 {
            let outcome = receiver.receive(rtpPacket(1, ssrc: UInt32(ssrc), payload: 60))
            #expect(outcome.error == .authenticationFailed)
        }
        let first = receiver.receive(sender.wire(rtpPacket(1, ssrc: 1)))
        let second = receiver.receive(sender.wire(rtpPacket(1, ssrc: 2)))
        #expect(first.packet != nil)
        #expect(second.packet != nil)
        #expect(receiver.evictedSources == 0)
        #expect(receiver.authenticatedPackets == 2)
    }

    @Test("An unencrypted SRTCP packet is refused, because that was not agreed on", arguments: CryptoSuite.allCases)
    func unencrypted(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite))
        var receiver = try SRTPReceiver(sdesKey(suite))
        var wire = try #require(sender.sendControl(rtcpPacket()).packet)
        wire[suite.isGalois ? wire.count - 4 : wire.count - 14] &= 0x7F
        let outcome = receiver.receiveControl(wire)
        #expect(outcome.error == .unencryptedControl)
    }

    @Test("The master key identifier is written, checked and not part of the text", arguments: CryptoSuite.allCases)
    func identifier(_ suite: CryptoSuite) throws {
        var sender = try SRTPSender(sdesKey(suite, mki: [1, 2, 3]))
        var receiver = try SRTPReceiver(sdesKey(suite, mki: [1, 2, 3]))
        var other = try SRTPReceiver(sdesKey(suite, mki: [1, 2, 4]))
        let plain = rtpPacket(9)
        let wire = sender.wire(plain)
        #expect(wire.count == plain.count + suite.tagLength + 3)
        let refused = other.receive(wire)
        let passed = receiver.receive(wire)
        #expect(refused.error == .unknownMasterKey)
        #expect(passed == .passed(plain))
        let report = try #require(sender.sendControl(rtcpPacket()).packet)
        let refusedReport = other.receiveControl(report)
        let passedReport = receiver.receiveControl(report)
        #expect(refusedReport.error == .unknownMasterKey)
        #expect(passedReport == .passed(rtcpPacket()))
    }
}
