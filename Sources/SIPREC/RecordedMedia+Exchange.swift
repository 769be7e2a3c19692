import SDP

extension RecordedMedia {
    /// Gives the stream its port, where it has none or moves, and our key of this exchange, where it is encrypted.
    mutating func place(_ ports: [Int: LocalMedia], key: CryptoAttribute?) {
        local = ports[leg] ?? local
        local?.crypto = isSecure ? key : nil
    }

    /// Whether it would have to be encrypted and cannot be.
    var lacksKey: Bool { isSecure && local?.crypto == nil }

    /// As where its line is missing or has port 0: its port is given back; should the stream return, it asks for one
    /// like a new stream.
    mutating func remove() {
        isRemoved = true
        isActive = false
        remotePort = 0
        local = nil
        crypto = []
    }
}

extension OfferRejection {
    /// Why nothing of an offer can be taken. Nil where an audio line has port 0 only, which is no reason to refuse: some
    /// sources set up first and re-INVITE later.
    init?(_ offer: SessionDescription, _ verdicts: [MediaVerdict], _ policy: AnswerPolicy) {
        if verdicts.contains(.noUsableKey) {
            var refusals: [CryptoRefusal] = []
            for (section, verdict) in zip(offer.media, verdicts) where verdict == .noUsableKey {
                for refusal in section.crypto.compactMap({ $0.refusal(allowing: policy.cryptoSuites) })
                where !refusals.contains(refusal) && refusals.count < 4 {
                    refusals.append(refusal)
                }
            }
            self = .noUsableKey(refusals)
        } else if verdicts.contains(.plainMediaRefused) {
            self = .plainMediaOnly
        } else if verdicts.contains(.dtlsRefused) {
            self = .dtlsOnly
        } else if verdicts.contains(.secureMediaRefused) {
            self = .secureMediaOnly
        } else if zip(offer.media, verdicts).contains(where: { $0.kind == "audio" && $1 == .removed }) {
            return nil
        } else {
            self = .noAudio
        }
    }
}
