import Logging
import MediaCore
import MediaEngine
import SDP
import StreamSink
import Synchronization
import UserAgent

extension RecordedCall {
    /// The INVITE came to nothing: refused, or cancelled while it was being answered.
    func finishUnanswered() async {
        _ = await close(at: MediaClock.arrival)
    }

    /// Ends the legs at one sample, closes the files, writes the records.
    func finish(_ cause: DialogEnd) async {
        let ending = now
        let ends = await close(at: MediaClock.arrival)
        live.tellLastMetrics(records: service.records)
        let outcome = CallOutcome(cause, live.state.withLock { $0.endedBecause }, record)
        if record.legs.contains(where: \.isUnwritten) { fail() }
        let unannounced = record.legs.map { ended.contains($0.relativePath) ? nil : ends[$0.relativePath] ?? ending }
        service.records.finish(record, legEnds: unannounced, outcome: outcome, endedAt: ending)
        logger.info(
            "call ended",
            metadata: [
                "cause": "\(cause)", "legs": "\(record.legs.count)",
                "packets": "\(record.legs.map(\.quality.packets).reduce(0, +))",
                "lost": "\(record.legs.map(\.quality.lost).reduce(0, +))",
                "writerLostMilliseconds": "\(record.legs.map(\.quality.writerLostMilliseconds).reduce(0, +))",
                "milliseconds": "\(ending.milliseconds - record.startedAtMilliseconds)",
            ])
        for leg in record.legs {
            guard let reason = leg.quality.emptyReason else { continue }
            logger.warning(
                leg.quality.packets > 0 && leg.endFragmentNumber != nil
                    ? "a leg has audio for a part of the call only" : "a leg has no audio",
                metadata: ["stream": "\(leg.streamName)", "reason": "\(reason)"])
        }
    }

    /// One stream ends and the call goes on: its ENDED event is written now, its figures with the call's records.
    func end(_ leg: RecordedLeg, at time: Int64) async {
        let reports = await service.media.finish([leg.reserved.id], at: time)
        // Reserved and never started: the worker knows nothing of it.
        if reports.isEmpty { service.media.release(leg.reserved) }
        legs.removeAll { $0.reserved.id == leg.reserved.id }
        retired.removeAll { $0.reserved.id == leg.reserved.id }
        await end(leg, reports.first)
    }

    /// The same, where the leg has ended already with that report.
    func end(_ leg: RecordedLeg, _ report: LegReport?) async {
        let ends = await close([leg], report.map { [$0] } ?? [])
        guard let path = leg.session?.relativePath, let end = ends[path],
            let announced = record.legs.first(where: { $0.relativePath == path })
        else { return }
        ended.insert(path)
        service.records.saveJournal(record)
        service.records.post(
            .ended(record, leg: announced, endTime: end, endReason: nil, at: now, id: RandomUUID.make()))
    }

    private func close(at time: Int64) async -> [String: UTCTime] {
        let open = legs + retired
        legs = []
        retired = []
        return await close(open, at: time)
    }

    /// Ends legs and closes their files; the ends of their time lines by file.
    private func close(_ open: [RecordedLeg], at end: Int64) async -> [String: UTCTime] {
        let reports = await service.media.finish(open.map(\.reserved.id), at: end)
        for leg in open where !reports.contains(where: { $0.id == leg.reserved.id }) {
            // Reserved and never started: the worker knows nothing of it.
            service.media.release(leg.reserved)
        }
        return await close(open, reports)
    }

    /// Closes the files of legs that have ended.
    private func close(_ open: [RecordedLeg], _ reports: [LegReport]) async -> [String: UTCTime] {
        live.keep(reports)
        live.warnOfKeys(reports, logger: logger)
        var ends: [String: UTCTime] = [:]
        for leg in open {
            let report = reports.first { $0.id == leg.reserved.id }
            guard let session = leg.session else { continue }
            // Nothing is heard any more: the last of it belongs before the stream's end.
            leg.tap?.tell(records: service.records, logger: logger)
            let summary = await session.finish()
            if let failure = summary.failure {
                logger.error(
                    "a stream could not be closed", metadata: ["stream": "\(session.streamName)", "why": "\(failure)"])
            }
            ends[session.relativePath] = UTCTime(
                milliseconds: session.startedAtMilliseconds + summary.durationMilliseconds)
            for index in record.legs.indices where record.legs[index].relativePath == session.relativePath {
                if let report { record.legs[index].quality = quality(of: leg, report) }
                record.legs[index].finish(summary)
            }
        }
        return ends
    }

    private func quality(of leg: RecordedLeg, _ report: LegReport) -> LegQuality {
        let timeline = leg.format?.timeline ?? .narrowband
        var quality = LegQuality(
            report, port: leg.reserved.port, sampleRate: timeline.sampleRate,
            clockRate: UInt32(clamping: leg.payloads.first?.clockRate ?? 8000), keepsPayloads: timeline.payload,
            foreignPayloads: leg.tap?.foreignPayloads ?? 0)
        quality.digits = Int64(clamping: leg.tap?.digits ?? 0)
        if let overflow = leg.tap?.digitOverflow, overflow > 0 {
            quality.discardedByReason["digitOverflow"] = Int64(clamping: overflow)
        }
        return quality
    }
}

extension LegRecord {
    /// Audio came, and not a sample of it is on the disk.
    fileprivate var isUnwritten: Bool { endFragmentNumber == nil && quality.packets > 0 }
}

extension CallOutcome {
    /// How the call ended, who ended it, and what became of its streams: a record never says that all went well when
    /// audio is missing because of us.
    fileprivate init(_ cause: DialogEnd, _ ours: LiveCall.EndCause?, _ record: CallRecord) {
        switch (cause, ours) {
        case (.localBye, .serviceStopped):
            self = .failed("The service was stopped during the call")
            endReason = "ServiceStopped"
        case (.localBye, .idle):
            self = .completed
            callMessage = "Ended by the service: no media came for media.idleTimeout"
            endReason = "NoMedia"
        case (.localBye, .noUsableMedia):
            self = .failed("Ended by the service: its offer was not answered with a stream that can be recorded")
        case (.bye, _), (.localBye, nil), (.cancelled, _), (.rejected, _): self = .completed
        case (.sessionExpired, _), (.acknowledgementTimedOut, _), (.transportFailed, _): self = .failed("\(cause)")
        }
        let lost = record.legs.map(\.quality.writerLostMilliseconds).reduce(0, +)
        if record.legs.contains(where: \.isUnwritten) {
            status = "Failed"
            streamingMessage = "Streaming failed: nothing of a leg could be written"
        } else if lost > 0 {
            streamingMessage = "Streaming incomplete: \(lost) ms of audio could not be written"
        }
    }
}
