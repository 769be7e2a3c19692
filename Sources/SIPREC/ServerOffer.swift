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
            let leg = legs.first { $0.index == index && !$0.isRemoved }
            return leg == nil || section.port == 0 ? section : receiving(section)
        }
        return SessionDescription(lines: fresh.lines, media: sections)
    }

    /// Our side of a stream on hold is `inactive`; an offer opens it again, the source decides.
    private static func receiving(_ section: MediaDescription) -> MediaDescription {
        let lines = section.lines.map { line in
            line.attribute?.name == MediaDirection.inactive.rawValue
                ? SDPLine("a", MediaDirection.recvonly.rawValue) : line
        }
        return MediaDescription(
            kind: section.kind, port: section.port, transport: section.transport, formats: section.formats, lines: lines
        )
    }

    private static func line(_ leg: RecordedMedia) -> MediaOffer {
        MediaOffer(
            local: leg.local ?? LocalMedia(port: 0), payloads: leg.payloads, direction: .recvonly, label: leg.label)
    }

    /// The streams after the source's answer to our offer; lines that the answer lacks are removed.
    static func answered(_ legs: [RecordedMedia], by answer: SessionDescription) -> [RecordedMedia] {
        legs.map { leg in
            guard !leg.isRemoved else { return leg }
            guard let line = answer.parameters(ofMediaAt: leg.index), line.port != 0, line.kind == "audio" else {
                var gone = leg
                gone.isRemoved = true
                gone.local = nil
                gone.isActive = false
                return gone
            }
            return LegMatching.updated(leg, line)
        }
    }
}
