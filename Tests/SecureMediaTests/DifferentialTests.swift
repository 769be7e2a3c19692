import SecureMedia
import Testing

@Suite("The same as libsrtp2")
struct DifferentialTests {
    @Test("Payloads of 0 to 1500 octets, both ways", arguments: CryptoSuite.allCases)
    func lengths(_ suite: CryptoSuite) throws {
        let theirSender = try LibSRTPSession(suite, inbound: false)
        let theirReceiver = try LibSRTPSession(suite, inbound: true)
        var sender = try LibSRTPSession.matchingSender(suite)
        var receiver = try LibSRTPSession.matchingReceiver(suite)
        for length in 0...1500 {
            let packet = rtpPacket(UInt16(1000 + length), payload: length)
            let theirs = try #require(theirSender.protect(packet))
            let ours = sender.send(packet)
            #expect(ours == .passed(theirs), "protect \(length)")
            let received = receiver.receive(theirs)
            #expect(received == .passed(packet), "unprotect \(length)")
            let accepted = theirReceiver.unprotect(theirs)
            #expect(accepted == packet)
        }
    }

    @Test("Contributing sources and header extensions stay in clear", arguments: CryptoSuite.allCases)
    func headers(_ suite: CryptoSuite) throws {
        let theirSender = try LibSRTPSession(suite, inbound: false)
        var sender = try LibSRTPSession.matchingSender(suite)
        var receiver = try LibSRTPSession.matchingReceiver(suite)
        var sequence: UInt16 = 0
        for sources in 0...15 {
            for words in [nil, 0, 1, 5] as [Int?] {
                sequence += 1
                var packet = rtpPacket(sequence, payload: 0)
                packet[0] = 0x80 | UInt8(sources) | (words == nil ? 0 : 0x10)
                packet += [UInt8](repeating: 0xC5, count: sources * 4)
                if let words { packet += [0xBE, 0xDE, 0, UInt8(words)] + [UInt8](repeating: 0xE1, count: words * 4) }
                packet += [UInt8](repeating: 0x55, count: 33)
                let theirs = try #require(theirSender.protect(packet))
                let ours = sender.send(packet)
                let received = receiver.receive(theirs)
                #expect(ours == .passed(theirs))
                #expect(received == .passed(packet))
            }
        }
    }

    @Test("RTCP of up to 1500 octets, both ways", arguments: CryptoSuite.allCases)
    func control(_ suite: CryptoSuite) throws {
        let theirSender = try LibSRTPSession(suite, inbound: false)
        let theirReceiver = try LibSRTPSession(suite, inbound: true)
        var sender = try LibSRTPSession.matchingSender(suite)
        var receiver = try LibSRTPSession.matchingReceiver(suite)
        for words in 1...374 {
            let packet = rtcpPacket(words: words)
            let theirs = try #require(theirSender.protectControl(packet))
            let received = receiver.receiveControl(theirs)
            #expect(received == .passed(packet))
            let ours = sender.sendControl(packet)
            #expect(ours == .passed(theirs))
            #expect(theirReceiver.unprotectControl(theirs) == packet)
        }
    }

    @Test("Session keys of AES-192 as RFC 6188 derives them")
    func longerKeys() throws {
        let theirs = try #require(try LibSRTPSession(.counter192Tag80, inbound: false).protect(rtpPacket(1)))
        var sender = try SRTPSender(sdesKey(.counter192Tag80))
        let ours = sender.wire(rtpPacket(1))
        withKnownIssue("libsrtp2 on NSS derives AES-192 session keys with AES-256 and a zero-filled master key") {
            #expect(ours == theirs)
        }
    }

    @Test("What libsrtp2 refuses, so do we: a packet of another key", arguments: CryptoSuite.allCases)
    func otherKey(_ suite: CryptoSuite) throws {
        let theirs = try LibSRTPSession(suite, inbound: false, variant: 1)
        var receiver = try LibSRTPSession.matchingReceiver(suite)
        let packet = try #require(theirs.protect(rtpPacket(1)))
        let received = receiver.receive(packet)
        #expect(received == .refused(.authenticationFailed, packet))
        let report = try #require(theirs.protectControl(rtcpPacket()))
        let control = receiver.receiveControl(report)
        #expect(control == .refused(.authenticationFailed, report))
    }
}
