import SecureMedia
import Testing

@Suite("The same as libsrtp2")
struct DifferentialTests {
    @Test("Payloads of 0 to 1400 octets, both ways", arguments: CryptoSuite.allCases)
    func lengths(_ suite: CryptoSuite) throws {
        let theirSender = try LibSRTPSession(suite, inbound: false)
        let theirReceiver = try LibSRTPSession(suite, inbound: true)
        var sender = try LibSRTPSession.matchingSender(suite)
        var receiver = try LibSRTPSession.matchingReceiver(suite)
        for length in 0...1400 {
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

    @Test("Two wraps of the sequence number with loss, reordering and repetition", arguments: CryptoSuite.allCases)
    func wraps(_ suite: CryptoSuite) throws {
        let theirSender = try LibSRTPSession(suite, inbound: false)
        let theirReceiver = try LibSRTPSession(suite, inbound: true)
        var sender = try LibSRTPSession.matchingSender(suite)
        var receiver = try LibSRTPSession.matchingReceiver(suite)
        var state: UInt64 = 0x9E37_79B9
        func next(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var number: UInt64 = 64_000
        var held: [UInt8]?
        var delivered = 0
        var refused = 0
        while number < 64_000 + 2 * 65_536 + 2_000 {
            // Dense at the wraps, leaps between them; never half of the number space at once.
            let nearWrap = number & 0xFFFF > 0xFF00 || number & 0xFFFF < 0x100
            number += nearWrap ? 1 + next(2) : 1 + next(500)
            let packet = rtpPacket(UInt16(truncatingIfNeeded: number), payload: Int(next(200)))
            let theirs = try #require(theirSender.protect(packet))
            let ours = sender.send(packet)
            #expect(ours == .passed(theirs))
            var arrivals: [[UInt8]] = []
            switch next(10) {
            case 0: break  // lost
            case 1: arrivals = [theirs, theirs]
            case 2 where held == nil: held = theirs
            default:
                arrivals = [theirs]
                if let late = held {
                    arrivals.append(late)
                    held = nil
                }
            }
            for arrival in arrivals {
                let oracle = theirReceiver.unprotect(arrival)
                let received = receiver.receive(arrival).packet
                #expect(received == oracle, "packet \(number)")
                if received == nil { refused += 1 } else { delivered += 1 }
            }
        }
        #expect(delivered > 500)
        #expect(refused > 20)
    }

    @Test("RTCP of many lengths, both ways", arguments: CryptoSuite.allCases)
    func control(_ suite: CryptoSuite) throws {
        let theirSender = try LibSRTPSession(suite, inbound: false)
        let theirReceiver = try LibSRTPSession(suite, inbound: true)
        var sender = try LibSRTPSession.matchingSender(suite)
        var receiver = try LibSRTPSession.matchingReceiver(suite)
        for words in 1...200 {
            let packet = rtcpPacket(words: words)
            let theirs = try #require(theirSender.protectControl(packet))
            let received = receiver.receiveControl(theirs)
            #expect(received == .passed(packet))
            let ours = sender.sendControl(packet).packet ?? []
            #expect(ours.count == theirs.count)
            #expect(theirReceiver.unprotectControl(ours) == packet)
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
