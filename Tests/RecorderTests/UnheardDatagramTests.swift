import MediaCore
import StreamSink
import Testing

@testable import MediaEngine
@testable import Recorder

/// What records and metrics say of datagrams that are no audio: too long ones, and fax.
@Suite("Figures of fax and of datagrams that are too long")
struct UnheardDatagramTests {
    private func report(
        _ statistics: ReceptionStatistics = ReceptionStatistics(), truncated: UInt64 = 0, fax: FaxCounters? = nil
    ) -> LegReport {
        var report = LegReport(id: 1, samples: 0, statistics: statistics, lastArrival: nil)
        report.truncated = truncated
        report.fax = fax
        return report
    }

    private var fax: FaxCounters {
        var fax = FaxCounters()
        fax.packets = 40
        fax.octets = 4_000
        fax.lost = 3
        fax.duplicates = 2
        fax.late = 1
        fax.reordered = 4
        fax.oversized = 5
        fax.malformed = 6
        return fax
    }

    private func quality(_ report: LegReport) -> LegQuality {
        LegQuality(report, port: 10_000, sampleRate: 8_000, keepsPayloads: false)
    }

    @Test("Datagrams that are too long are a reason of their own, also for an empty leg")
    func tooLong() {
        var statistics = ReceptionStatistics()
        statistics.packets = 9
        let heard = quality(report(statistics, truncated: 7))
        #expect(heard.discardedByReason == ["tooLong": 7] && heard.emptyReason == nil)
        #expect(quality(report()).discardedByReason.isEmpty)
        let empty = quality(report(truncated: 7)).emptyReason
        #expect(empty?.hasPrefix("7 datagrams came to port 10000") == true, "\(empty ?? "nil")")
    }

    @Test("Fax is in the figures of its leg, beside the audio that came before the switch")
    func faxInRecord() {
        var statistics = ReceptionStatistics()
        statistics.packets = 100
        statistics.octets = 17_200
        statistics.lost = 1
        statistics.malformed = 6
        let quality = quality(report(statistics, fax: fax))
        #expect(quality.packets == 140 && quality.bytes == 21_200 && quality.lost == 4)
        #expect(quality.duplicates == 2 && quality.late == 1 && quality.reordered == 4)
        #expect(quality.discardedByReason == ["faxOversized": 5, "malformed": 6])
        // A leg that only ever carried fax is not an empty one.
        #expect(self.quality(report(fax: fax)).emptyReason == nil)
        #expect(self.quality(report(fax: FaxCounters())).emptyReason == "no packet came to port 10000")
    }

    @Test("Fax is in the lines of the media metric log")
    func faxInMetrics() {
        var totals = MediaTotals()
        totals.add(report(fax: fax))
        let told = totals
        #expect(told.packets == 40 && told.octets == 4_000 && told.lost == 3)
        var more = fax
        more.packets = 50
        totals = MediaTotals()
        totals.add(report(fax: more))
        #expect(totals.since(told).packets == 10)
    }
}
