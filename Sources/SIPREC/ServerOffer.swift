import SDP

/// The offers that a recording server makes: in the 200 to an INVITE without a description.
enum ServerOffer {
    /// `recvonly` audio for each stream; on a re-INVITE the lines of our latest description, so that every refused line
    /// keeps its place (RFC 3264 §8).
    static func make(origin: Origin, legs: [RecordedMedia], previous: SessionDescription?) -> SessionDescription {
        guard let previous else {
            return .offer(origin: origin, media: legs.sorted { $0.index < $1.index }.map(line))
        }
        let fresh = SessionDescription.offer(origin: origin, media: [])
        let sections = previous.media.enumerated().map { index, section in
            guard let leg = legs.first(where: { $0.index == index && !$0.isRemoved }), section.port != 0 else {
                return section
            }
            return receiving(section, crypto: leg.local?.crypto)
        }
        return SessionDescription(lines: fresh.lines, media: sections)
    }

    /// Our side of a stream on hold is `inactive`; an offer opens it again, the source decides. The key is that of now.
    private static func receiving(_ section: MediaDescription, crypto: CryptoAttribute?) -> MediaDescription {
        let lines = section.lines.map { line in
            switch line.attribute?.name {
            case MediaDirection.inactive.rawValue: SDPLine("a", MediaDirection.recvonly.rawValue)
            case "crypto": crypto.map { SDPLine("a", "crypto:" + $0.wireValue) } ?? line
            default: line
            }
        }
        return MediaDescription(
            kind: section.kind, port: section.port, transport: section.transport, formats: section.formats, lines: lines
        )
    }

    private static func line(_ leg: RecordedMedia) -> MediaOffer {
        var offer = MediaOffer(
            local: leg.local ?? LocalMedia(port: 0), payloads: leg.payloads, direction: .recvonly, label: leg.label)
        if leg.isSecure { offer.transport = "RTP/SAVP" }
        return offer
    }

    /// The streams after the source's answer to our offer; lines that the answer lacks are removed.
    static func answered(_ legs: [RecordedMedia], by answer: SessionDescription) -> [RecordedMedia] {
        legs.map { leg in
            guard !leg.isRemoved else { return leg }
            guard var line = answer.parameters(ofMediaAt: leg.index), line.port != 0, line.kind == "audio",
                let keys = keys(of: leg, by: line)
            else {
                var gone = leg
                gone.remove()
                return gone
            }
            line.crypto = keys
            return LegMatching.updated(leg, line, isSecure: leg.isSecure)
        }
    }

    /// The one key of the answer to an encrypted line of ours, of the tag and suite that we offered (RFC 4568 §5.1.3);
    /// nil where there is none, and the line is as good as refused: what is not agreed to be encrypted is not taken for
    /// it. Empty for a plain line, whatever keys the answer has.
    private static func keys(of leg: RecordedMedia, by line: MediaParameters) -> [CryptoAttribute]? {
        guard leg.isSecure else { return [] }
        guard let ours = leg.local?.crypto,
            let theirs = line.crypto.first(where: { $0.tag == ours.tag }),
            theirs.refusal(allowing: [ours.suite]) == nil
        else { return nil }
        return [theirs]
    }
}
