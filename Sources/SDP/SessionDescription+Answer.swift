extension SessionDescription {
    /// A verdict for each `m=` line of this offer, in order. Ports are needed for the accepted ones only.
    public func verdicts(policy: AnswerPolicy) -> [MediaVerdict] {
        var audio = 0
        return media.map { section in
            let verdict = SessionDescription.verdict(section, policy: policy)
            guard verdict == .accepted else { return verdict }
            audio += 1
            return audio <= policy.maximumAudio ? .accepted : .tooManyAudio
        }
    }

    /// The answer to this offer, RFC 3264 §6: as many `m=` lines in the same order, labels echoed.
    ///
    /// - An accepted line without an entry in `local` gets port 0, as does an encrypted one without our key.
    /// - An encrypted line is answered with its own profile and exactly one `a=crypto`, of the tag and suite of one of
    ///   the offer's (RFC 4568 §5.1.2).
    /// - Formats keep the offer's order, see ``AnswerPolicy/answered(_:)``.
    ///
    /// - Parameters:
    ///   - origin: Our `o=`; its address is also the session's `c=`.
    ///   - local: Where we receive, by position of the `m=` line.
    public func answer(
        origin: Origin, local: [Int: LocalMedia], policy: AnswerPolicy = AnswerPolicy()
    ) -> SessionDescription {
        let verdicts = verdicts(policy: policy)
        let sections = media.indices.map { index in
            guard verdicts[index] == .accepted, let here = local[index], here.port != 0,
                SessionDescription.hasKey(here, for: media[index], policy: policy)
            else {
                return SessionDescription.refusal(of: media[index])
            }
            return acceptance(of: media[index], here: here, session: origin.address, policy: policy)
        }
        // RFC 3264 §6: the t= line of the answer is that of the offer.
        let time = lines.firstValue(UInt8(ascii: "t")) ?? "0 0"
        let head = SessionDescription.head(origin: origin, time: time)
        return SessionDescription(lines: head, media: sections)
    }

    static func head(origin: Origin, time: String) -> [SDPLine] {
        [
            SDPLine("v", "0"), SDPLine("o", origin.description), SDPLine("s", "-"),
            SDPLine("c", origin.address.description), SDPLine("t", time),
        ]
    }

    private static func verdict(_ section: MediaDescription, policy: AnswerPolicy) -> MediaVerdict {
        guard section.isReadable else { return .unreadable }
        guard section.port != 0 else { return .removed }
        guard section.kind == "audio" else { return .notAudio }
        if section.isDTLS { return .dtlsRefused }
        if section.isSecure {
            switch policy.secureMedia {
            case .refuse: return .secureMediaRefused
            case .accept, .required:
                return section.usableCrypto(allowing: policy.cryptoSuites) == nil ? .noUsableKey : .accepted
            }
        }
        guard section.isPlainRTP else { return .unsupportedTransport }
        switch policy.secureMedia {
        case .refuse, .accept: return .accepted
        // RFC 8643 would let such a line be plain; here it is encrypted or refused.
        case .required: return section.isEncrypted(under: policy) ? .accepted : .plainMediaRefused
        }
    }

    /// Whether there is what an encrypted line needs: our key for one of the lines of the offer.
    private static func hasKey(_ here: LocalMedia, for section: MediaDescription, policy: AnswerPolicy) -> Bool {
        guard section.isEncrypted(under: policy) else { return true }
        guard let ours = here.crypto else { return false }
        return section.crypto.contains { line in
            line.tag == ours.tag && line.suite.asciiLowercased == ours.suite.asciiLowercased
        }
    }

    /// RFC 3264 §6: a refused stream has port 0 and lists at least one format.
    private static func refusal(of section: MediaDescription) -> MediaDescription {
        var lines: [SDPLine] = []
        if let label = section.label { lines.append(SDPLine("a", "label:" + label)) }
        return MediaDescription(
            kind: section.kind.isEmpty ? "audio" : section.kind, port: 0,
            transport: section.transport.isEmpty ? "RTP/AVP" : section.transport,
            formats: section.formats.isEmpty ? ["0"] : section.formats, lines: lines)
    }

    private func acceptance(
        of section: MediaDescription, here: LocalMedia, session: ConnectionAddress, policy: AnswerPolicy
    ) -> MediaDescription {
        // Without a format list any format may come; the two that need no mapping are named.
        let offeredPayloads = section.formats.isEmpty ? [.pcmu, .pcma] : section.payloads
        let payloads = policy.answered(offeredPayloads)
        var lines: [SDPLine] = []
        if let address = here.address, address != session { lines.append(SDPLine("c", address.description)) }
        lines += SessionDescription.formatLines(payloads)
        if let time = section.packetTime { lines.append(SDPLine("a", "ptime:\(time)")) }
        let offered = section.direction ?? direction ?? .sendrecv
        let answered = policy.direction == .recorder ? offered.answeredByRecorder : offered.reversed
        lines.append(SDPLine("a", answered.rawValue))
        if section.multiplexesRTCP, policy.multiplexesRTCP {
            lines.append(SDPLine("a", "rtcp-mux"))
        } else if let rtcpPort = here.rtcpPort, rtcpPort != here.port &+ 1 {
            lines.append(SDPLine("a", "rtcp:\(rtcpPort)"))
        }
        if section.isEncrypted(under: policy), let crypto = here.crypto {
            lines.append(SDPLine("a", "crypto:" + crypto.wireValue))
        }
        if let label = section.label { lines.append(SDPLine("a", "label:" + label)) }
        let formats = payloads.isEmpty ? section.formats : payloads.map { String($0.payloadType) }
        return MediaDescription(
            kind: section.kind, port: here.port, transport: section.transport, formats: formats, lines: lines)
    }

    static func formatLines(_ payloads: [PayloadFormat]) -> [SDPLine] {
        payloads.flatMap { payload in
            var lines: [SDPLine] = []
            if !payload.encodingName.isEmpty {
                lines.append(SDPLine("a", "rtpmap:\(payload.payloadType) \(payload.mapping)"))
            }
            if let parameters = payload.formatParameters {
                lines.append(SDPLine("a", "fmtp:\(payload.payloadType) \(parameters)"))
            }
            return lines
        }
    }
}
