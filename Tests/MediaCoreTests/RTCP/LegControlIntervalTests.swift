import MediaCore
import Testing

@Suite("When a leg reports, RFC 3550 §6.2 and §6.3")
struct LegControlIntervalTests {
    static let second = 1_000_000_000.0

    @Test("The interval lies between half and one and a half of five seconds, over e − 3/2; the first is half of it")
    func bounds() {
        var control = LegControl(ssrc: 1, canonicalName: [])
        let factor = 1.218_281_828
        for (random, share) in [(0, 0.5), (1 << 31, 1), (.max, 1.5)] as [(UInt32, Double)] {
            let expected = 2.5 * share / factor * Self.second
            #expect(abs(Double(control.nextInterval(random: random)) - expected) < 1_000)
        }
        var out: [UInt8] = []
        control.report(now: 0, ntp: 1, blocks: [], sent: nil, into: &out)
        let full = 5 / factor * Self.second
        #expect(abs(Double(control.nextInterval(random: 1 << 31)) - full) < 1_000)
    }

    @Test("With reconsideration the mean comes out near five seconds, and no two reports are nearer than two")
    func meanInterval() {
        var random = SeededOctets(seed: 7)
        var control = LegControl(ssrc: 1, canonicalName: [])
        var out: [UInt8] = []
        control.begin(at: 0, random: UInt32(truncatingIfNeeded: random.next()))
        var times: [Int64] = []
        while times.count < 2_000, let deadline = control.nextDeadline {
            if control.expire(at: deadline, random: random.next()) {
                control.report(now: deadline, ntp: UInt64(times.count) << 32, blocks: [], sent: nil, into: &out)
                times.append(deadline)
            }
        }
        #expect(times.count == 2_000)
        let gaps = zip(times.dropFirst(), times).map { Double($0 - $1) / Self.second }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        // RFC 3550 §6.3: the divisor makes up for what reconsideration adds.
        #expect((4.6...5.4).contains(mean), "\(mean) s")
        #expect((gaps.min() ?? 0) > 2 && (gaps.max() ?? 99) < 6.2)
        #expect((times.first ?? 0) < Int64(3.2 * Self.second))
    }

    @Test("Nothing is due before the deadline or before media began")
    func notDue() {
        var control = LegControl(ssrc: 1, canonicalName: [])
        let idle = control.expire(at: .max, random: 0)
        #expect(!idle && control.nextDeadline == nil)
        control.begin(at: 0, random: 0)
        let early = control.expire(at: 1_000_000_000, random: 0)
        #expect(!early)
        var out: [UInt8] = []
        control.goodbye(into: &out)
        #expect(control.nextDeadline == nil)
    }

    @Test("A narrow session reports less often: twice the mean size over its bandwidth")
    func bandwidth() {
        var policy = RTCPPolicy()
        policy.octetsPerSecond = 10
        let control = LegControl(ssrc: 1, canonicalName: [], policy: policy)
        let seconds = Double(control.nextInterval(random: 1 << 31)) / Self.second
        #expect(abs(seconds - 2 * 128 / 10.0 / 1.218_281_828) < 0.01)
    }

    @Test("NTP time counts from 1900 and carries a binary fraction")
    func networkTime() {
        #expect(NetworkTime.ntp(unixNanoseconds: 0) == (2_208_988_800 as UInt64) << 32)
        #expect(NetworkTime.ntp(unixNanoseconds: 500_000_000) == (2_208_988_800 as UInt64) << 32 | 0x8000_0000)
        #expect(NetworkTime.ntp(unixNanoseconds: -500_000_000) == (2_208_988_799 as UInt64) << 32 | 0x8000_0000)
        #expect(NetworkTime.middle(0x1122_3344_5566_7788) == 0x3344_5566)
    }
}
