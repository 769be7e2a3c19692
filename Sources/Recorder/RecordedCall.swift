import Addressing
import Logging
import MediaCore
import MediaEngine
import SDP
import SIP
import SIPREC
import StreamSink
import Synchronization
import UserAgent

/// The life of one recorded call, from INVITE to records. Lives in one task; nothing of it is shared but ``LiveCall``.
///
/// Order of things: ports are bound, the answer is made, legs receive, the 200 goes out, STARTED is written. At the end:
/// the legs end at the same sample, the files are closed, ENDED, SDR and CDR are written, the journal goes.
///
/// A class, although nobody shares it: the frame of each asynchronous method would hold copies of a value of this size,
/// 14 kB a call.
final class RecordedCall {
    let transactionID: String
    let invite: IncomingInvite
    let live: LiveCall
    let service: RecordingService
    var session: RecordingSession
    /// Streams that are open; one that was removed has ended and is in the record only.
    var legs: [RecordedLeg] = []
    /// Those that another has replaced after a change of codec; they take what is still sent to their ports.
    var retired: [RecordedLeg] = []
    /// What was received and sent under the call's keys, also by streams that have ended. Plain calls have none.
    private(set) lazy var keyMemory = KeyMemory()
    /// Files of legs whose ENDED event has been written.
    var ended: Set<String> = []
    var record: CallRecord
    let policy: RecorderSettings.ConnectorPolicy
    let localAddress: ConnectionAddress
    let isIPv6: Bool
    var logger: Logger

    init(transactionID: String, invite: IncomingInvite, live: LiveCall, service: RecordingService) {
        self.transactionID = transactionID
        self.invite = invite
        self.live = live
        self.service = service
        let settings = service.settings
        policy =
            settings.connectors[invite.connectorID]
            ?? RecorderSettings.ConnectorPolicy(isStreaming: true, requiresEncryption: false)
        (localAddress, isIPv6) = Self.mediaAddress(for: invite, advertised: settings.advertisedAddress)
        let started = MediaClock.wall / 1_000_000
        var configuration = RecordingSession.Configuration(
            origin: Origin(username: "earshot", sessionID: UInt64(started), address: localAddress))
        configuration.policy = policy.answer
        session = RecordingSession(configuration: configuration)
        record = CallRecord(
            region: settings.region, accountID: settings.accountID, transactionID: transactionID,
            callID: invite.request.callID ?? "", connectorID: invite.connectorID, direction: .outbound,
            fromNumber: "", toNumber: "", startedAtMilliseconds: started)
        record.inviteHeaders = invite.request.eventHeaders
        record.sipAuthUser = invite.username
        logger = service.logger
        logger[metadataKey: "transactionId"] = "\(transactionID)"
    }

    func run() async {
        logger.info(
            "call arrived",
            metadata: [
                "connector": "\(invite.connectorID)", "callId": "\(record.callID)",
                "source": "\(invite.source.remote)",
            ])
        guard await apart({ await $0.begin() }) else { return await apart { await $0.finishUnanswered() } }
        var end: DialogEnd = .localBye
        events: for await event in invite.events {
            switch event {
            case .request(let request): await apart { await $0.receive(request) }
            case .acknowledged(let ack): await apart { await $0.receive(ack: ack) }
            case .ended(let cause):
                end = cause
                break events
            }
        }
        let cause = end
        await apart { await $0.finish(cause) }
    }

    /// Takes one step in a task of its own. A task keeps the memory of the deepest frames that it ever had until it ends,
    /// 10 kB a call; the one that waits through the call has hardly any.
    private func apart<Value: Sendable>(_ step: @escaping @Sendable (RecordedCall) async -> Value) async -> Value {
        // The steps follow one another: each has ended when the next begins.
        nonisolated(unsafe) let call = self
        return await Task { await step(call) }.value
    }

    /// What comes of an INVITE's offer.
    private enum Negotiation {
        case exchange(MediaExchange)
        case refuse(Int, String, headers: [(HeaderName, String)])
    }

    /// Takes the offer and binds ports. Not asynchronous, so that what is large in it takes no room for the rest of the
    /// call.
    @inline(never)
    private func negotiate() -> Negotiation {
        let request = invite.request
        let body = SessionBody(
            invite.takeBody(), contentType: request.headers[.contentType],
            contentDisposition: request.headers[.contentDisposition])
        let action = session.receiveInvite(
            body, recordOnly: request.isRecordOnly, from: request.headers[.from], to: request.headers[.to])
        do throws(MediaEngineError) {
            switch action {
            case .answer(let plan):
                note(plan.metadata)
                let keys = answerKeys(plan)
                if let reason = Self.reasonWithoutKeys(plan, keys) { return .refuse(488, reason, headers: []) }
                return .exchange(session.answer(local: try reserve(plan, keys), keys: keys))
            case .offer(let plan):
                note(plan.metadata)
                let keys = offerKeys(plan)
                return .exchange(session.offer(local: try reserve(plan, keys), keys: keys))
            case .reject(let rejection): return .refuse(rejection.status, rejection.description, headers: [])
            case .acknowledge, .repeatAnswer: return .refuse(500, "Server Internal Error", headers: [])
            }
        } catch {
            logger.error("call refused", metadata: ["reason": "\(error)"])
            fail()
            return .refuse(503, "No Media Ports", headers: [(.retryAfter, "5")])
        }
    }

    /// Answers the INVITE; false when there is no call to record.
    private func begin() async -> Bool {
        let exchange: MediaExchange
        switch negotiate() {
        case .exchange(let made): exchange = made
        case .refuse(let status, let reason, let headers): return await refuse(status, reason, headers: headers)
        }
        let epoch = MediaClock.arrival
        record.startedAtMilliseconds = MediaClock.wall / 1_000_000
        await apply(exchange.changes, epoch: epoch)
        live.state.withLock {
            $0.transactionID = transactionID
            $0.startedAt = epoch
        }
        // Before the answer: from then on the peer believes that the call is recorded.
        let started = enterNewLegs()
        service.records.saveFirstJournal(record)
        // RFC 7866 §6.1.2: the feature tag says what we are.
        let isAccepted = await invite.accept(
            contactParameters: [Parameter("+sip.srs")], contentType: "application/sdp", body: exchange.sdp)
        if isAccepted {
            announce(started)
        } else {
            service.records.removeJournal(record)
        }
        return isAccepted
    }

    private func refuse(
        _ status: Int, _ reason: String, headers: [(HeaderName, String)] = []
    ) async -> Bool {
        logger.notice("call refused", metadata: ["status": "\(status)", "reason": "\(reason)"])
        await invite.reject(status: status, reason: reason, headers: headers)
        return false
    }

    /// A re-INVITE or UPDATE is answered 200 whenever that is possible: refusing one makes some sources drop the call.
    private func receive(_ incoming: InDialogRequest) async {
        let request = incoming.request
        let body = request.sessionBody
        switch request.method {
        case .bye: note(session.receiveBye(body))
        // Its ACK ends streams that were replaced: the sender then knows where their successors are.
        case .invite: await answer(session.receiveReinvite(body), incoming)
        case .update:
            await answer(session.receiveUpdate(body), incoming)
            await endRetired()
        default: await incoming.respond(status: 405)
        }
    }

    private func answer(_ action: OfferAction, _ incoming: InDialogRequest) async {
        var sdp: [UInt8] = []
        var changes: [MediaChange] = []
        let update: MetadataUpdate?
        switch action {
        case .answer(let plan):
            update = plan.metadata
            let keys = answerKeys(plan)
            let ports = reserveWhatIsThere(plan, keys).merging(replace(plan, keys)) { new, _ in new }
            let exchange = session.answer(local: ports, keys: keys)
            (sdp, changes) = (exchange.sdp, exchange.changes)
        case .offer(let plan):
            update = plan.metadata
            let keys = offerKeys(plan)
            let exchange = session.offer(local: reserveWhatIsThere(plan, keys), keys: keys)
            (sdp, changes) = (exchange.sdp, exchange.changes)
        case .repeatAnswer(let former, let metadata):
            update = metadata
            sdp = former
        case .acknowledge(let metadata): update = metadata
        case .reject(let rejection):
            logger.notice("a change of the call was refused", metadata: ["reason": "\(rejection)"])
            await incoming.respond(
                status: rejection.status, reason: rejection.description,
                headers: rejection == .exchangePending ? [(.retryAfter, "1")] : [])
            return
        }
        // Before the 200, so that a new stream's first packet finds its leg.
        await apply(changes, epoch: MediaClock.arrival)
        let started = enterNewLegs()
        await incoming.respond(status: 200, contentType: sdp.isEmpty ? nil : "application/sdp", body: sdp)
        note(update)
        service.records.saveJournal(record)
        announce(started)
        guard policy.isStreaming else { return }
        service.records.post(
            .updated(
                record, headers: incoming.request.eventHeaders,
                siprecMetadata: update?.raw.map { String(decoding: $0, as: UTF8.self) }, at: now, id: RandomUUID.make())
        )
    }
}

extension RecordedCall {
    /// Where the peer is told to send media: the advertised address if it is of the family that the signalling uses,
    /// else the address that the INVITE reached, else the one from which this machine reaches the peer.
    private static func mediaAddress(
        for invite: IncomingInvite, advertised: String?
    ) -> (ConnectionAddress, isIPv6: Bool) {
        let remote = invite.source.remote.address
        if let advertised, let address = IPAddress(parsing: advertised), address.isIPv4 == remote.isIPv4 {
            return (ConnectionAddress(host: address.description), !address.isIPv4)
        }
        var local = invite.source.local.address
        let far = MediaAddress(high: remote.high, low: remote.low, port: 0)
        if local.isUnspecified || local.isIPv4 != remote.isIPv4,
            let near = MediaService.localAddress(towards: far, isIPv6: !remote.isIPv4)
        {
            local = IPAddress(high: near.high, low: near.low)
        }
        return (ConnectionAddress(host: local.description), !remote.isIPv4)
    }
}
