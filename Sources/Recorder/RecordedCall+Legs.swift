import Logging
import MediaCore
import MediaEngine
import SDP
import SIP
import SIPREC
import StreamSink
import Synchronization
import UserAgent

extension RecordedCall {
    /// Binds a port for every stream of the plan, all or none.
    mutating func reserve(_ plan: MediaPlan) throws(MediaEngineError) -> [Int: LocalMedia] {
        let reserved = try service.media.reserve(
            plan.needsPorts.count, isIPv6: isIPv6, besides: legs.first?.reserved.id)
        var ports: [Int: LocalMedia] = [:]
        for (media, leg) in zip(plan.needsPorts, reserved) {
            ports[media.leg] = LocalMedia(port: leg.port, rtcpPort: leg.port + 1)
            legs.removeAll { $0.number == media.leg }
            legs.append(RecordedLeg(number: media.leg, reserved: leg, session: nil))
        }
        return ports
    }

    /// The same inside a call, where a missing port refuses the new stream and never the call.
    mutating func reserveWhatIsThere(_ plan: MediaPlan) -> [Int: LocalMedia] {
        do throws(MediaEngineError) {
            return try reserve(plan)
        } catch {
            logger.error("a stream was refused in mid-call", metadata: ["reason": "\(error)"])
            return [:]
        }
    }

    /// Starts, changes, pauses and ends legs as an exchange of session descriptions says.
    mutating func apply(_ changes: [MediaChange], epoch: Int64) async {
        for change in changes {
            let parameters = LegParameters(change.media, signalling: invite.source.remote)
            guard let index = legs.firstIndex(where: { $0.number == change.media.leg }) else { continue }
            switch change.kind {
            // A stream that comes back after its m-line was removed is a new one: the former has ended.
            case .added, .restored: start(index, change.media, parameters, epoch: epoch)
            case .updated, .resumed: service.media.change(legs[index].reserved.id, to: parameters)
            case .paused: logger.info("stream on hold", metadata: ["mediaIndex": "\(change.media.index)"])
            case .removed:
                logger.info("stream removed", metadata: ["mediaIndex": "\(change.media.index)"])
                await end(index, at: MediaClock.arrival)
            }
        }
        let ids = legs.map(\.reserved.id)
        let isOnHold = session.media.allSatisfy { !$0.isActive }
        live.state.withLock {
            $0.legs = ids
            $0.isOnHold = isOnHold
        }
        updateParties()
    }

    private mutating func start(_ index: Int, _ media: RecordedMedia, _ parameters: LegParameters, epoch: Int64) {
        let leg = legs[index]
        if !media.payloads.contains(where: \.isG711) {
            logger.warning(
                "no codec is offered that can be decoded: the stream will be silent",
                metadata: ["mediaIndex": "\(media.index)", "offered": "\(media.payloads.map(\.description))"])
        }
        guard policy.isStreaming else {
            service.media.start(leg.reserved, parameters, epoch: epoch, tap: DiscardingTap())
            return
        }
        let started = record.legs.isEmpty ? record.startedAtMilliseconds : MediaClock.wall / 1_000_000
        do throws(FragmentStoreError) {
            let session = try service.store.openSession(
                connectorID: invite.connectorID, transactionID: transactionID, callID: record.callID,
                mediaIndex: media.leg, startedAtMilliseconds: started)
            let legRecord = LegRecord(
                session: session, isCaller: media.role.isCaller, roleRule: media.role.rule.rawValue,
                mediaIndex: media.index, mediaLabel: media.label)
            legs[index] = RecordedLeg(number: leg.number, reserved: leg.reserved, session: session, record: legRecord)
            service.media.start(
                leg.reserved, parameters, epoch: epoch, tap: RecordingTap(session: session, logger: logger))
        } catch {
            logger.error("a stream could not be opened", metadata: ["reason": "\(error)"])
            service.media.start(leg.reserved, parameters, epoch: epoch, tap: DiscardingTap())
            fail()
        }
    }

    /// Puts legs that are not in it yet into the call's record.
    mutating func enterNewLegs() -> [LegRecord] {
        let known = Set(record.legs.map(\.relativePath))
        let new = legs.compactMap(\.record).filter { !known.contains($0.relativePath) }
        record.legs += new
        return new
    }

    /// Writes STARTED for legs whose journal is on its way.
    func announce(_ started: [LegRecord]) {
        for leg in started {
            service.records.post(.started(record, leg: leg, at: now, id: RandomUUID.make()))
            logger.info(
                "streaming started",
                metadata: [
                    "stream": "\(leg.streamName)", "isCaller": "\(leg.isCaller.map(String.init) ?? "unknown")",
                    "rule": "\(leg.roleRule ?? "")", "mediaIndex": "\(leg.mediaIndex)",
                ])
        }
    }

    /// Takes over what a request's metadata said; metadata that cannot be read is kept raw, logged and flagged, and
    /// never refuses anything.
    mutating func note(_ update: MetadataUpdate?) {
        record.metadataStatus = session.metadataStatus.rawValue
        guard let update else { return }
        if let raw = update.raw { record.siprecMetadata = String(decoding: raw, as: UTF8.self) }
        if update.status == .unreadable {
            logger.warning("the recording metadata cannot be read", metadata: ["findings": "\(update.findings)"])
        } else if !update.findings.isEmpty {
            logger.debug("oddities in the recording metadata", metadata: ["findings": "\(update.findings)"])
        }
        updateParties()
        guard let snapshot = update.snapshot else { return }
        logger.notice("asking for complete metadata", metadata: ["reason": "\(snapshot.reason)"])
        let invite = invite
        let logger = logger
        // Not awaited: the answer to the request at hand must not wait for the answer to this one.
        Task {
            do {
                _ = try await invite.update(
                    headers: [(.contentDisposition, snapshot.contentDisposition), (.require, "siprec")],
                    contentType: snapshot.contentType, body: snapshot.body)
            } catch {
                logger.notice("complete metadata was refused", metadata: ["reason": "\(error)"])
            }
        }
    }

    private mutating func updateParties() {
        let parties = CallParties(request: invite.request, media: session.media)
        record.fromNumber = parties.from
        record.toNumber = parties.to
        record.sourceName = parties.fromName
        record.destinationName = parties.toName
    }

    /// The FAILED event; the log has the reason, the event's text is the contract's.
    func fail() {
        service.records.post(
            .failed(record, failTime: now, reason: "Internal failure", at: now, id: RandomUUID.make()))
    }

    var now: UTCTime { UTCTime(milliseconds: MediaClock.wall / 1_000_000) }
}
