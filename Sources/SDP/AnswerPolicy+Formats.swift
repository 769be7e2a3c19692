extension AnswerPolicy {
    /// Whether the audio of this format can be decoded: its name, clock and channels are one of ``encodings``.
    public func decodes(_ format: PayloadFormat) -> Bool {
        guard !format.isTelephoneEvent, !format.isComfortNoise else { return false }
        return encodings.contains { encoding in
            format.isEncoding(encoding.name) && format.clockRate == encoding.clockRate
                && format.channels <= encoding.maximumChannels
        }
    }

    /// What an answer names of the formats of an offer, in the offer's order.
    ///
    /// - Where at least one can be decoded: those, and telephone events and comfort noise of a clock that one of them
    ///   has (RFC 4733 §2.1: events share the clock of the audio they stand for). Where no event has such a clock, events
    ///   of 8 kHz are kept: some peers send them beside Opus, against the rule, and digits would be lost.
    /// - Where none can: all of them. A recorder keeps payloads it cannot decode rather than refuse the call.
    public func answered(_ offered: [PayloadFormat]) -> [PayloadFormat] {
        var kept = offered.filter(decodes)
        if kept.isEmpty { kept = offered.filter { !$0.isTelephoneEvent && !$0.isComfortNoise } }
        let isDecodable = kept.first.map(decodes) ?? false
        if namesOneCodec { kept = Array(kept.prefix(1)) }
        guard isDecodable || namesOneCodec else { return offered }
        let clocks = Set(kept.map(\.clockRate))
        let hasEvents = offered.contains { $0.isTelephoneEvent && clocks.contains($0.clockRate) }
        let answer = offered.filter { format in
            if format.isTelephoneEvent, !hasEvents { return format.clockRate == 8000 }
            if format.isTelephoneEvent || format.isComfortNoise { return clocks.contains(format.clockRate) }
            return kept.contains(format)
        }
        return answer.isEmpty ? offered : answer.map(AnswerPolicy.received)
    }

    /// RFC 7587 §7.1: the parameters of Opus say what their writer wants to receive. In-band error correction costs the
    /// sender next to nothing and is used here where packets are lost; the rest of the offer's wishes are its own.
    private static func received(_ format: PayloadFormat) -> PayloadFormat {
        guard format.isOpus else { return format }
        return PayloadFormat(
            payloadType: format.payloadType, encodingName: format.encodingName, clockRate: format.clockRate,
            channels: format.channels, formatParameters: "useinbandfec=1")
    }
}
