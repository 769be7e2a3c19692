import MediaCore
import Testing

@Suite("Where a leg takes media from")
struct SourceLatchTests {
    private let offered = MediaAddress(ipv4: 0xC633_6401, port: 20_000)
    private let signalling = MediaAddress(ipv4: 0xCB00_7105, port: 5_060)
    private let behindNAT = MediaAddress(ipv4: 0xCB00_7105, port: 31_000)
    private let stranger = MediaAddress(ipv4: 0xC000_0201, port: 20_000)

    @Test("Behind NAT the host of the signalling teaches its port, once")
    func network() {
        var latch = SourceLatch(offered: MediaAddress(ipv4: 0x0A00_0001, port: 4_000), signalling: signalling)
        let first = latch.accept(behindNAT)
        var other = behindNAT
        other.port += 2
        let second = latch.accept(other)
        #expect(first && !second && latch.current == behindNAT && latch.refused == 1)
    }

    @Test("The exact address of the SDP wins over a learned one whenever it speaks, and for good")
    func exactAddressWins() {
        for packets in 0...8 {
            var latch = SourceLatch(offered: offered, signalling: signalling)
            for _ in 0..<packets { _ = latch.accept(behindNAT) }
            let wins = latch.accept(offered)
            #expect(wins && latch.current == offered)
            // And what was right is not given up for what was learned.
            let back = latch.accept(behindNAT)
            #expect(!back && latch.current == offered)
        }
    }

    @Test("A source that is silent for any time is replaced by nobody but a new offer")
    func silence() {
        var latch = SourceLatch(offered: offered, signalling: nil)
        _ = latch.accept(offered)
        var moved = offered
        moved.port = 20_002
        let before = latch.accept(moved)
        latch.renew(offered: moved, signalling: nil, mode: .learn)
        #expect(latch.current == moved, "media goes to the new address at once")
        let after = latch.accept(moved)
        let former = latch.accept(offered)
        #expect(!before && after && !former && latch.current == moved)
    }

    @Test("A session refresh keeps media going where it went, and lets a peer whose NAT has moved be learned again")
    func refresh() {
        var latch = SourceLatch(offered: offered, signalling: signalling)
        for _ in 0..<10 { _ = latch.accept(behindNAT) }
        latch.renew(offered: offered, signalling: signalling, mode: .learn)
        #expect(latch.current == behindNAT && !latch.hasLearned)
        var moved = behindNAT
        moved.port = 40_000
        let accepted = latch.accept(moved)
        #expect(accepted && latch.current == moved)
    }

    @Test("Strict: neither the host's other ports nor the signalling's host, only what the SDP says")
    func strict() {
        var latch = SourceLatch(offered: offered, signalling: signalling, mode: .strict)
        var other = offered
        other.port += 2
        let accepted = [other, behindNAT, stranger, offered].map { latch.accept($0) }
        #expect(accepted == [false, false, false, true])
        var nameless = SourceLatch(offered: nil, signalling: signalling, mode: .strict)
        let nobody = nameless.accept(behindNAT)
        #expect(!nobody && nameless.current == nil)
    }

    @Test("Authenticated: whoever has the key is the peer, and is followed at once")
    func authenticated() {
        var latch = SourceLatch(offered: offered, signalling: nil, mode: .authenticated)
        let accepted = [offered, stranger, behindNAT].map { latch.accept($0) }
        #expect(accepted == [true, true, true] && latch.current == behindNAT && latch.changes == 2)
    }

    /// When a stranger sprays, in ES2025-01 / CVE-2025-53399.
    enum Moment: CaseIterable {
        case beforeFirstPacket, betweenPackets, afterLearning, duringSilence, afterReoffer
    }

    @Test(
        "A spray from strangers changes nothing and is counted, whenever it comes (CVE-2025-53399)",
        arguments: Moment.allCases, SourceLatch.Mode.allCases)
    func sprays(moment: Moment, mode: SourceLatch.Mode) {
        for seed in 0..<50 as Range<UInt64> {
            var generator = Generator(state: seed)
            var latch = SourceLatch(offered: offered, signalling: signalling, mode: mode)
            let source = mode == .learn && seed % 2 == 0 ? behindNAT : offered
            switch moment {
            case .beforeFirstPacket: break
            case .betweenPackets: for _ in 0..<(seed % 5 + 1) { _ = latch.accept(source) }
            case .afterLearning, .duringSilence: for _ in 0..<500 { _ = latch.accept(source) }
            case .afterReoffer:
                for _ in 0..<500 { _ = latch.accept(source) }
                latch.renew(offered: offered, signalling: signalling, mode: mode)
            }
            let before = latch.current
            var refused: UInt64 = 0
            for _ in 0..<2_000 {
                let sender = strangeSender(&generator)
                // With SRTP the pre-check lets everybody try; without the key nobody gets as far as accept().
                if mode == .authenticated { continue }
                let may = latch.mayBecome(sender)
                let accepted = latch.accept(sender)
                #expect(!may && !accepted)
                refused += 1
                if moment == .betweenPackets, refused % 400 == 0 { _ = latch.accept(source) }
            }
            #expect(latch.current == before && latch.refused == refused && latch.changes == 0)
            let goesOn = latch.mayBecome(source) && latch.accept(source)
            #expect(goesOn && latch.current == source)
        }
    }

    @Test("The pre-check says what accept() does, for any sender at any time")
    func preCheck() {
        var generator = Generator(state: 7)
        for round in 0..<200 {
            let mode = SourceLatch.Mode.allCases[round % 3]
            var latch = SourceLatch(offered: offered, signalling: signalling, mode: mode)
            for _ in 0..<40 {
                var sender = [offered, behindNAT, stranger][Int(generator.next() % 3)]
                sender.port &+= UInt16(generator.next() % 2)
                let may = latch.mayBecome(sender)
                let accepted = latch.accept(sender)
                #expect(may == accepted && (!accepted || latch.current == sender))
            }
        }
    }

    /// Any host but the two that the call knows; every fourth one with a port that the call uses.
    private func strangeSender(_ generator: inout Generator) -> MediaAddress {
        var host = UInt32(truncatingIfNeeded: generator.next())
        if host == 0xC633_6401 || host == 0xCB00_7105 { host ^= 1 }
        let ports: [UInt16] = [20_000, 31_000, 5_060, UInt16(truncatingIfNeeded: generator.next())]
        var sender = MediaAddress(ipv4: host, port: ports[Int(generator.next() % 4)])
        // An IPv6 host that ends in the same octets is another host.
        if generator.next() % 8 == 0 {
            sender = MediaAddress(high: 0x2001_0DB8 << 32, low: offered.low, port: offered.port)
        }
        return sender
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) ^ (state << 20)
        }
    }
}
