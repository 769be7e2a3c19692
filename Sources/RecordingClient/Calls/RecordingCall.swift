import Addressing
import CPacedSender
import SDP
import SIP
import SIPREC
import SecureMedia
import UserAgent

/// One recording call of a campaign: INVITE, audio, BYE.
struct RecordingCall: Sendable {
    let number: Int
    let settings: CampaignSettings
    let route: CallRoute
    let agent: SIPAgent
    let sender: PacedSender
    let voices: [EncodedSpeech]
    let packets: Int
    let report: @Sendable (CampaignEvent) -> Void

    /// Places the call and returns when it is over. Cancelling the task ends it with CANCEL or BYE.
    func run() async -> CallOutcome {
        var outcome = CallOutcome()
        do throws(CallFailure) {
            let sockets = try openSockets()
            var offer = makeOffer(sockets)
            let keys = makeKeys(sockets.count)
            let began = ContinuousClock.now
            let call = try await place(&offer, keys)
            outcome.answerMilliseconds = (ContinuousClock.now - began) / .milliseconds(1)
            var streams: [PacedStream] = []
            var fault: CallFailure?
            do throws(CallFailure) {
                streams = try connect(sockets, keys, to: offer, call: call)
            } catch {
                fault = error
            }
            outcome.legs = streams.count
            if fault == nil {
                report(
                    .answered(
                        call: number, milliseconds: outcome.answerMilliseconds ?? 0,
                        receivers: streams.isEmpty ? [] : receivers(of: offer, call)))
                let (media, end) = await converse(call, offer, streams)
                outcome.media = media
                if let end { throw .endedByServer(end) }
            }
            try await end(call)
            if let fault { throw fault }
        } catch {
            outcome.failure = error
        }
        return outcome
    }

    // MARK: Placing it

    private func openSockets() throws(CallFailure) -> [RTPSocketPair] {
        do throws(RTPSocketError) {
            var sockets: [RTPSocketPair] = []
            for _ in voices { sockets.append(try RTPSocketPair(local: route.local)) }
            return sockets
        } catch {
            throw .noSockets(error.description)
        }
    }

    private func makeOffer(_ sockets: [RTPSocketPair]) -> RecordingClientOffer {
        var generator = SystemRandomNumberGenerator()
        let host = route.local.description
        func party(_ party: CampaignSettings.Party) -> RecordingClientOffer.Party {
            RecordingClientOffer.Party(number: party.number, name: party.name, host: host)
        }
        var offer = RecordingClientOffer(
            dialect: settings.dialect, caller: party(settings.caller), callee: party(settings.callee),
            address: ConnectionAddress(host: host), ports: sockets.map(\.port),
            time: DateText.utc(nanoseconds: paced_clock_realtime()), generator: &generator)
        offer.setFormat(payloads: [settings.codec.format, .telephoneEvent], packetTime: settings.packetTime)
        return offer
    }

    /// A key a stream; none for a plain call.
    private func makeKeys(_ count: Int) -> [SDESKey] {
        guard let suite = settings.suite else { return [] }
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in SDESKey.generate(suite: suite, using: &generator) }
    }

    private func place(
        _ offer: inout RecordingClientOffer, _ keys: [SDESKey]
    ) async throws(CallFailure) -> OutgoingCall {
        let body = EncryptedOffer.encrypt(offer.invite(), keys: keys)
        var headers: [(HeaderName, String)] = []
        var contact: [Parameter] = []
        if settings.dialect.requiresSIPREC {
            // RFC 7866 §6.1.1: "MUST include the '+sip.src' feature tag in the Contact URI"; §6.1.1 too: Require: siprec.
            headers.append((.require, "siprec"))
            contact.append(Parameter("+sip.src"))
        }
        // Without metadata, the server has to be told that this is a recording all the same.
        if settings.dialect == .none { headers.append(("X-Voice-Connector-Record-Only", "true")) }
        if let disposition = body.contentDisposition { headers.append((.contentDisposition, disposition)) }
        let host = route.local.isIPv4 ? route.local.description : "[\(route.local)]"
        let from = NameAddress(
            displayName: settings.caller.name, uri: "sip:" + userPart(settings.caller.number) + "@" + host)
        let invite = OutgoingInvite(
            target: settings.target, destination: route.remote, from: from, headers: headers,
            contactParameters: contact,
            contentType: body.contentType, body: body.content, credentials: settings.credentials,
            verification: settings.verification, sessionInterval: 1800)
        do {
            return try await agent.invite(invite)
        } catch let error as UserAgentError {
            throw await failure(error)
        } catch {
            throw .notConnected("\(error)")
        }
    }

    private func userPart(_ number: String) -> String {
        let uri = SIPURI(user: number, host: "x").description
        return String(uri.dropFirst(4).dropLast(2))
    }

    private func failure(_ error: UserAgentError) async -> CallFailure {
        switch error {
        case .refused(let response):
            return .refused(
                status: response.status, reason: response.reason, retryAfter: response.headers[.retryAfter])
        case .timedOut: return .timedOut
        case .cancelled: return .cancelled
        case .unusable(let reason): return .badAnswer(reason)
        case .transportFailed, .connectFailed:
            if Task.isCancelled { return .cancelled }
            if route.remote.transport == .tls {
                // A handshake that failed says so here or there; that nothing ever came back tells it too.
                let counters = await agent.counters
                let isLost = if case .transportFailed = error { counters.messagesReceived == 0 } else { false }
                if isLost || counters.handshakeFailures > 0 || error.description.contains("handshake") {
                    return .notTrusted
                }
            }
            if case .connectFailed = error { return .notConnected(error.description) }
            return .notConnected("\(error), \(route.remote)")
        case .notIdle, .stopped, .bindFailed, .noCertificate, .unresolved, .noSocket, .callEnded, .inviteInProgress:
            return .notConnected(error.description)
        }
    }

    // MARK: The answer

    private func receivers(of offer: RecordingClientOffer, _ call: OutgoingCall) -> [String] {
        let lines = (try? answer(to: offer, call)) ?? []
        return lines.map { "\($0.address ?? route.remote.ip):\($0.port)" }
    }

    private func answer(
        to offer: RecordingClientOffer, _ call: OutgoingCall
    ) throws(SDPParseError) -> [MediaParameters] {
        try offer.receivers(
            inAnswer: SessionBody(call.response.body, contentType: call.response.headers[.contentType]))
    }

    private func connect(
        _ sockets: [RTPSocketPair], _ keys: [SDESKey], to offer: RecordingClientOffer, call: OutgoingCall
    ) throws(CallFailure) -> [PacedStream] {
        let lines: [MediaParameters]
        do throws(SDPParseError) {
            lines = try answer(to: offer, call)
        } catch {
            throw .badAnswer("\(error)")
        }
        guard lines.count >= sockets.count else {
            throw .badAnswer("it has \(lines.count) m= lines for \(sockets.count) that were offered (RFC 3264 §6)")
        }
        var streams: [PacedStream] = []
        var generator = SystemRandomNumberGenerator()
        let name = "earshot-call-\(UInt64.random(in: .min ... .max, using: &generator))@\(route.local)"
        for (number, ((socket, line), voice)) in zip(zip(sockets, lines), voices).enumerated() {
            let position = line.index + 1
            guard line.port != 0 else { throw .badAnswer("it refuses stream \(position) (port 0)") }
            guard line.direction.receives else {
                throw .badAnswer("it does not listen to stream \(position) (a=\(line.direction.rawValue))")
            }
            guard line.payloads.contains(where: { $0.payloadType == settings.codec.payloadType }) else {
                throw .badAnswer("it does not take \(settings.codec.rawValue.uppercased()) on stream \(position)")
            }
            do throws(RTPSocketError) {
                try socket.connect(rtp: place(line.address, line.port), rtcp: reports(line))
            } catch {
                throw .noSockets(error.description)
            }
            var stream = PacedStream(sockets: socket, audio: voice, canonicalName: name, generator: &generator)
            stream.protection = try number < keys.count ? protection(keys[number], line) : nil
            streams.append(stream)
        }
        return streams
    }

    private func protection(
        _ own: SDESKey, _ line: MediaParameters
    ) throws(CallFailure) -> StreamProtection {
        guard let theirs = EncryptedOffer.answer(line, to: own) else {
            throw .badAnswer("it has no a=crypto for the SRTP offered on stream \(line.index + 1) (RFC 4568 §5.1.2)")
        }
        do throws(SRTPError) {
            return try StreamProtection(own: own, theirs: theirs)
        } catch {
            throw .badAnswer("stream \(line.index + 1) cannot be encrypted: \(error)")
        }
    }

    /// Where the server wants a stream. An address that is a name is not looked up: then, as without one, it is the
    /// address that is called.
    private func place(_ address: String?, _ port: UInt16) -> (address: IPAddress, port: UInt16) {
        (address.flatMap { IPAddress(parsing: $0) } ?? route.remote.address, port)
    }

    private func reports(_ line: MediaParameters) -> (address: IPAddress, port: UInt16)? {
        guard !line.multiplexesRTCP, let port = line.rtcpPort else { return nil }
        return place(line.rtcpAddress, port)
    }

    // MARK: The end

    private func end(_ call: OutgoingCall) async throws(CallFailure) {
        // In a task of its own, so that a call that is stopped ends with BYE all the same.
        let goodbye = Task { try await call.bye() }
        do {
            try await goodbye.value
        } catch {
            throw .notEnded("\(error)")
        }
    }
}
