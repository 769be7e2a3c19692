import Logging
import MediaCore
import MediaEngine
import StreamSink
import Synchronization

extension LiveCall {
    /// Nanoseconds between two lines of the media metric log.
    static let metricInterval: Int64 = 60_000_000_000

    /// Writes a line of the media metric log, where a minute has passed since the call began or the last line.
    func tellMetrics(media: MediaService, records: RecordWriter, logger: Logger) async {
        let now = MediaClock.arrival
        let legs = state.withLock { state -> [UInt64] in
            guard !state.legs.isEmpty, now - max(state.startedAt, state.metricsTold) >= Self.metricInterval else {
                return []
            }
            state.metricsTold = now
            return state.legs
        }
        guard !legs.isEmpty else { return }
        let reports = await media.snapshot(legs)
        warnOfKeys(reports, logger: logger)
        warnOfDeaf(reports, logger: logger)
        tell(reports, isLast: false, records: records)
    }

    /// Writes the last line of the call, whose legs have all ended.
    func tellLastMetrics(records: RecordWriter) { tell([], isLast: true, records: records) }

    /// A leg has ended: what it received stays in the call's figures.
    func keep(_ reports: [LegReport]) {
        state.withLock { state in
            for report in reports { state.ended.add(report) }
            state.legs.removeAll { id in reports.contains { $0.id == id } }
        }
    }

    private func tell(_ reports: [LegReport], isLast: Bool, records: RecordWriter) {
        let line = state.withLock { state -> MediaMetric? in
            guard !state.isOver, let call = state.call else { return nil }
            state.isOver = isLast
            var totals = state.ended
            // A leg that ended since it was asked is in the sum of those that have.
            for report in reports where state.legs.contains(report.id) { totals.add(report) }
            let interval = totals.since(state.told)
            state.told = totals
            return MediaMetric(call, interval, at: UTCTime(milliseconds: MediaClock.wall / 1_000_000))
        }
        if let line { records.post(line) }
    }
}

extension MediaMetric {
    /// The line of a call of which everything comes from the customer's equipment, as with SIPREC. Packets and bytes are
    /// those since the last line, loss is that of the whole call.
    fileprivate init(_ call: CallRecord, _ interval: MediaTotals, at time: UTCTime) {
        self.init(call, at: time)
        var flow = Flow()
        flow.rtpPackets = Int64(clamping: interval.packets)
        flow.rtpBytes = Int64(clamping: interval.octets)
        flow.rtcpPackets = Int64(clamping: interval.controlPackets)
        flow.packetsLost = Int64(clamping: interval.lost)
        flow.jitterMicroseconds = Int64(clamping: interval.jitterMicroseconds)
        fromCustomer = flow
        customerLink = Link(
            roundTripMicroseconds: interval.roundTripMicroseconds.map { Int64(clamping: $0) },
            mos: interval.meanOpinionScore)
    }
}
