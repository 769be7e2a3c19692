import MediaCore
import Testing

@Suite("Where a leg takes media from")
struct SourceLatchTests {
    private let offered = MediaAddress(ipv4: 0xC633_6401, port: 20_000)
    private let behindNAT = MediaAddress(ipv4: 0xCB00_7105, port: 31_000)
    private let stranger = MediaAddress(ipv4: 0xC000_0201, port: 20_000)

    @Test("A stranger never teaches, neither before the source nor after it (CVE-2025-53399)")
    func strangers() {
        var latch = SourceLatch(offered: offered, signalling: behindNAT)
        var refused = 0
        for second in 0..<1_000 as Range<Int64> where !latch.accept(stranger, arrival: second * 1_000_000_000) {
            refused += 1
        }
        #expect(refused == 1_000)
        #expect(latch.accept(offered, arrival: 0) && latch.current == offered)
        let accepted = latch.accept(stranger, arrival: 60_000_000_000)
        #expect(!accepted && latch.current == offered)
    }

    @Test("Behind NAT the host of the signalling teaches its port, once")
    func network() {
        var latch = SourceLatch(offered: MediaAddress(ipv4: 0x0A00_0001, port: 4_000), signalling: behindNAT)
        let first = latch.accept(behindNAT, arrival: 0)
        var other = behindNAT
        other.port += 2
        let second = latch.accept(other, arrival: 20_000_000)
        #expect(first && !second && latch.current == behindNAT)
    }

    @Test("After two seconds of silence another port of the same host takes over, because its audio must not be lost")
    func moved() {
        var latch = SourceLatch(offered: offered, signalling: nil)
        _ = latch.accept(offered, arrival: 0)
        var moved = offered
        moved.port = 20_002
        let early = latch.accept(moved, arrival: 1_900_000_000)
        let late = latch.accept(moved, arrival: 2_100_000_000)
        let former = latch.accept(offered, arrival: 2_120_000_000)
        #expect(!early && late && !former)
    }
}
