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
    /// Binds a port for every stream of the plan that can be taken, all or none.
    func reserve(
        _ plan: MediaPlan, _ keys: [Int: CryptoAttribute]
    ) throws(MediaEngineError) -> [Int: LocalMedia] {
        let streams = plan.needsPorts.filter { !$0.isSecure || keys[$0.leg] != nil }
        let reserved = try service.media.reserve(streams.count, isIPv6: isIPv6, besides: legs.first?.reserved.id)
        var ports: [Int: LocalMedia] = [:]
        for (media, leg) in zip(streams, reserved) {
            ports[media.leg] = LocalMedia(port: leg.port, rtcpPort: leg.port + 1)
            legs.removeAll { $0.number == media.leg }
            legs.append(RecordedLeg(number: media.leg, reserved: leg))
        }
        return ports
    }

    /// The same inside a call, where a missing port refuses the new stream and never the call.
    func reserveWhatIsThere(_ plan: MediaPlan, _ keys: [Int: CryptoAttribute]) -> [Int: LocalMedia] {
        do throws(MediaEngineError) {
            return try reserve(plan, keys)
        } catch {
            logger.error("a stream was refused in mid-call", metadata: ["reason": "\(error)"])
            return [:]
        }
    }

    /// Starts, changes, pauses and ends legs as an exchange of session descriptions says.
    func apply(_ changes: [MediaChange], epoch: Int64) async {
        for change in changes {
            guard let index = legs.firstIndex(where: { $0.number == change.media.leg }) else { continue }
            switch change.kind {
            // A stream that comes back after its m-line was removed is a new one: the former has ended.
            case .added, .restored: start(index, change.media, epoch: epoch)
            case .updated, .resumed, .renegotiated: await update(index, change.media, epoch: epoch)
            case .paused:
                logger.info("stream on hold", metadata: ["mediaIndex": "\(change.media.index)"])
                // A hold may bring another key. A plain stream stays as it is: a description of a hold often has no
                // address, and what was learned of the source would be lost.
                if change.media.isSecure || !legs[index].isStarted { await update(index, change.media, epoch: epoch) }
            case .removed:
                logger.info("stream removed", metadata: ["mediaIndex": "\(change.media.index)"])
                await end(legs[index], at: MediaClock.arrival)
            }
        }
        let started = (legs + retired).filter(\.isStarted)
        let verbatim = started.filter { $0.format?.timeline.audio == false }
        let isOnHold = session.media.allSatisfy { !$0.isActive }
        live.state.withLock {
            $0.legs = started.map(\.reserved.id)
            $0.verbatim = Set(verbatim.map(\.reserved.id))
            $0.taps = started.compactMap(\.tap)
            $0.isOnHold = isOnHold
        }
        // For what a new tap heard before it was known here.
        service.hasNews.raise()
        updateParties()
    }

    private func update(_ index: Int, _ media: RecordedMedia, epoch: Int64) async {
        guard legs[index].isStarted else { return start(index, media, epoch: epoch) }
        guard StreamKeys.isUsable(media) else {
            // Without the key there is nothing to record, and a stream that was encrypted is never taken for plain.
            logger.error(
                "stream ended: its new key cannot be used",
                metadata: ["mediaIndex": "\(media.index)", "reason": "\(StreamKeys.reasons(media))"])
            return await end(legs[index], at: MediaClock.arrival)
        }
        if isChanged(media, legs[index]) { return await follow(index, media, epoch: epoch) }
        if let codec = media.codec, let tap = legs[index].tap, !tap.keep(codec, of: media.payloads) {
            // On hold, or there have been too many streams.
            logger.warning(
                "the codec has changed, and a stream of payloads holds one: what comes now is not kept",
                metadata: ["mediaIndex": "\(media.index)", "is": "\(codec)"])
        }
        legs[index].remember(media.payloads)
        await service.media.change(legs[index].reserved.id, to: parameters(media, legs[index]))
    }

    private func parameters(_ media: RecordedMedia, _ leg: RecordedLeg) -> LegParameters {
        var parameters = LegParameters(media, formerly: leg.payloads, signalling: invite.source.remote)
        parameters.format = policy.isStreaming ? leg.format?.timeline ?? .narrowband : .statistics
        parameters.redactsDigits = policy.redactsDigits
        parameters.isStrict = !service.settings.allowsNAT
        parameters.follows = leg.follows
        if parameters.receiving != nil || parameters.sending != nil { parameters.keyMemory = keyMemory }
        return parameters
    }

    private func start(_ index: Int, _ media: RecordedMedia, epoch: Int64) {
        // Our own offer: the answer brings the sender's key. Until then no packet of the stream can be understood.
        guard StreamKeys.isUsable(media) else { return }
        let (parameters, tap) = open(index, media)
        service.media.start(legs[index].reserved, parameters, epoch: epoch, tap: tap)
    }

    /// Opens the file of a stream that begins; what its leg is started with.
    func open(_ index: Int, _ media: RecordedMedia) -> (LegParameters, RecordingTap?) {
        let format = LegFormat(policy.stream, codec: media.codec)
        legs[index].format = format
        legs[index].isStarted = true
        legs[index].remember(media.payloads)
        let parameters = parameters(media, legs[index])
        if format.isUnknownCodec {
            logger.warning(
                "no codec is offered that can be decoded: the payloads are kept as they come",
                metadata: ["mediaIndex": "\(media.index)", "offered": "\(media.payloads.map(\.description))"])
        }
        guard policy.isStreaming else { return (parameters, nil) }
        let started = record.legs.isEmpty ? record.startedAtMilliseconds : nowMilliseconds
        do throws(FragmentStoreError) {
            let session = try service.store.openSession(
                connectorID: invite.connectorID, transactionID: transactionID, callID: record.callID,
                mediaIndex: media.leg, startedAtMilliseconds: started, format: format.stream, encoder: format.encoder,
                retentionHours: policy.retentionHours)
            let legRecord = LegRecord(
                session: session, isCaller: media.role.isCaller, roleRule: media.role.rule.rawValue,
                mediaIndex: media.index, mediaLabel: media.label)
            let tap = RecordingTap(
                session: session, codec: media.codec, call: record, leg: legRecord, hasNews: service.hasNews)
            legs[index].session = session
            legs[index].record = legRecord
            legs[index].tap = tap
            return (parameters, tap)
        } catch {
            logger.error("a stream could not be opened", metadata: ["reason": "\(error)"])
            fail()
            return (parameters, nil)
        }
    }

    /// Puts legs that are not in it yet into the call's record.
    func enterNewLegs() -> [LegRecord] {
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
    func note(_ update: MetadataUpdate?) {
        record.metadataStatus = session.metadataStatus.rawValue
        guard let update else { return }
        if let raw = update.raw { record.siprecMetadataOctets = raw }
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

    private func updateParties() {
        let parties = CallParties(request: invite.request, media: session.media)
        record.fromNumber = parties.from
        record.toNumber = parties.to
        record.sourceName = parties.fromName
        record.destinationName = parties.toName
        live.state.withLock { $0.call = record }
    }

    /// The FAILED event; the log has the reason, the event's text is the contract's.
    func fail() {
        service.records.post(
            .failed(record, failTime: now, reason: "Internal failure", at: now, id: RandomUUID.make()))
    }

    /// The call's time: the wall clock when it began and what has passed since, so that a clock that is set in
    /// mid-call changes no length and no order.
    var now: UTCTime { UTCTime(milliseconds: nowMilliseconds) }

    private var nowMilliseconds: Int64 {
        let startedAt = live.state.withLock { $0.startedAt }
        guard startedAt != 0 else { return MediaClock.wall / 1_000_000 }
        return record.startedAtMilliseconds + max(0, MediaClock.arrival - startedAt) / 1_000_000
    }
}
