import MediaCore
import Testing

@testable import MediaEngine
@testable import Recorder

@Suite("A call's figures for the media metric log")
struct MediaTotalsTests {
    private func report(
        packets: UInt64, lost: UInt64 = 0, jitter: UInt64 = 0, roundTrip: UInt64? = nil, mos: Double? = nil
    ) -> LegReport {
        var statistics = ReceptionStatistics()
        statistics.packets = packets
        statistics.octets = packets * 172
        statistics.rtcpPackets = packets / 100
        statistics.lost = lost
        statistics.jitterMicroseconds = jitter
        var report = LegReport(id: 1, samples: 0, statistics: statistics, lastArrival: nil)
        report.roundTripMicroseconds = roundTrip
        report.meanOpinionScore = mos
        return report
    }

    @Test("Counters are added up; of the others the worse leg counts")
    func sum() {
        var totals = MediaTotals()
        totals.add(report(packets: 100, lost: 2, jitter: 900, roundTrip: 30_000, mos: 4.3))
        totals.add(report(packets: 200, lost: 3, jitter: 400, roundTrip: 40_000, mos: 4.1))
        totals.add(report(packets: 0))
        #expect(totals.packets == 300 && totals.octets == 300 * 172 && totals.controlPackets == 3)
        #expect(totals.lost == 5)
        #expect(totals.jitterMicroseconds == 900)
        #expect(totals.roundTripMicroseconds == 40_000)
        #expect(totals.meanOpinionScore == 4.1)
    }

    @Test("A line has the packets since the last one, and the loss of the whole call")
    func interval() {
        var first = MediaTotals()
        first.add(report(packets: 3000, lost: 4))
        var second = MediaTotals()
        second.add(report(packets: 6000, lost: 5))
        let line = second.since(first)
        #expect(line.packets == 3000 && line.octets == 3000 * 172 && line.controlPackets == 30)
        #expect(line.lost == 5)
        // A leg that is asked while it ends may be missing once.
        #expect(first.since(second).packets == 0)
    }
}
