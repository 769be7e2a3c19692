import SDP

/// Which stream of the session each audio line of a new offer is.
///
/// RFC 3264 §8 says by position. Some sources send a re-INVITE with one line of two, so a line is first matched by its
/// label, where labels are in use; then by position. A stream whose line is missing is removed, not an error.
enum LegMatching {
    static func next(
        legs: [RecordedMedia], offer: SessionDescription, verdicts: [MediaVerdict], policy: AnswerPolicy,
        refused: inout [Int: MediaVerdict]
    ) -> [RecordedMedia] {
        let lines = offer.mediaParameters.filter { verdicts[$0.index] == .accepted }
        var matched: [Int: Int] = [:]
        // 1. Same place and same label. 2. Same label. 3. Same place, and nobody else claims that label.
        match(lines, legs, &matched) { $0.index == $1.index && $0.label == $1.label }
        match(lines, legs, &matched) { $0.label != nil && $0.label == $1.label }
        match(lines, legs, &matched) { $0.index == $1.index }
        var next: [RecordedMedia] = []
        for line in lines {
            let isSecure = offer.media[line.index].isEncrypted(under: policy)
            if let leg = matched[line.index], let old = legs.first(where: { $0.leg == leg }) {
                next.append(updated(old, line, isSecure: isSecure))
            } else {
                let used = Set((legs + next).map(\.leg))
                guard used.count < RecordingSession.maximumLegs else {
                    refused[line.index] = .tooManyAudio
                    continue
                }
                let leg = used.contains(line.index) ? (used.max() ?? 0) + 1 : line.index
                next.append(made(line, leg: leg, isSecure: isSecure))
            }
        }
        let kept = Set(next.map(\.leg))
        for old in legs where !kept.contains(old.leg) {
            var gone = old
            gone.remove()
            next.append(gone)
        }
        return next
    }

    private static func match(
        _ lines: [MediaParameters], _ legs: [RecordedMedia], _ matched: inout [Int: Int],
        by isSame: (MediaParameters, RecordedMedia) -> Bool
    ) {
        var taken = Set(matched.values)
        for line in lines where matched[line.index] == nil {
            guard let leg = legs.first(where: { !taken.contains($0.leg) && isSame(line, $0) }) else { continue }
            matched[line.index] = leg.leg
            taken.insert(leg.leg)
        }
    }

    static func updated(_ old: RecordedMedia, _ line: MediaParameters, isSecure: Bool) -> RecordedMedia {
        var new = made(line, leg: old.leg, isSecure: isSecure)
        new.label = line.label ?? old.label
        new.local = old.local
        new.role = old.role
        return new
    }

    private static func made(_ line: MediaParameters, leg: Int, isSecure: Bool) -> RecordedMedia {
        RecordedMedia(
            leg: leg, index: line.index, label: line.label, remoteAddress: line.address, remotePort: line.port,
            remoteRTCPAddress: line.rtcpAddress, remoteRTCPPort: line.rtcpPort, namesRTCP: line.namesRTCP,
            multiplexesRTCP: line.multiplexesRTCP, isSecure: isSecure,
            crypto: isSecure ? line.crypto : [], payloads: line.payloads.isEmpty ? [.pcmu, .pcma] : line.payloads,
            packetTime: line.packetTime, isActive: line.direction.sends, isRemoved: false,
            local: nil,
            role: RoleAssignment(
                index: line.index, label: line.label, participant: nil, isCaller: false, rule: .mediaLineOrder,
                callerRule: .mediaLineOrder))
    }
}
