/// A packet as it is laid on the line.
struct PlacedPacket {
    var kind: PayloadKind
    var payloadType: UInt8
    /// Samples of the line.
    var length: Int64
    /// Samples at its beginning that other audio has taken.
    var skip: Int64
}

/// What a line makes of its packets: audio, payloads, both or neither. Knows where it is only as far as digits that
/// are redacted need it.
struct LegOutput: ~Copyable {
    let format: TimelineFormat
    private(set) var pcm: PCMOutput
    private let isPlainG711: Bool
    /// What was laid on the line last, which concealment follows.
    private(set) var lastKind = PayloadKind.unknown
    private var redacted = RedactedRanges()
    private var decoders: AudioDecoders
    private var payloads: Boxed<PayloadOutput>?
    private var noise: Boxed<NoisyPause>?

    init(format: TimelineFormat, policy: TimelinePolicy) {
        self.format = format
        isPlainG711 = format.audio && format.sampleRate == 8_000
        // 260 ms: a drain every 230 ms finds it large enough on a network that keeps the order.
        let kept = policy.redactsDigits ? Int(max(0, policy.redactionDelay)) : 0
        pcm = PCMOutput(
            usualCapacity: format.sampleRate * 26 / 100 + kept,
            historyLength: Concealer.historyLength(at: format.sampleRate))
        decoders = AudioDecoders(line: format.sampleRate)
        if format.payload {
            let share = policy.redactsDigits ? 2 : 1
            payloads = Boxed(
                PayloadOutput(
                    maximumPackets: policy.maximumPendingPayloads * share,
                    maximumOctets: policy.maximumPendingPayloadOctets * share))
        }
    }

    var pendingPayloads: Int {
        switch payloads {
        case .some(let payloads): payloads.value.count
        case .none: 0
        }
    }

    mutating func upcomingSamples() -> UnsafeRawPointer? { unsafe pcm.upcomingSamples() }

    mutating func drain(keeping kept: Int64, _ body: (Span<Int16>) -> Void) {
        if kept > 0 { pcm.drain(keeping: Int(kept), body) } else { pcm.drain(body) }
    }

    /// Hands out the payloads that end at or before `end`.
    mutating func drainPayloads(upTo end: Int64, _ body: (Int64, Int64, UInt8, RawSpan) -> Void) {
        if end == .max { payloads?.value.drain(body) } else { payloads?.value.drain(upTo: end, body) }
    }

    /// Lays a packet at `frontier`.
    @inline(__always)
    mutating func append(
        _ packet: PlacedPacket, _ payload: borrowing RawSpan, at frontier: Int64,
        _ statistics: inout ReceptionStatistics
    ) {
        lastKind = packet.kind
        if isPlainG711, packet.kind == .muLaw || packet.kind == .aLaw {
            pcm.appendG711(payload, skipping: Int(packet.skip), aLaw: packet.kind == .aLaw)
        } else if format.audio {
            decoders.append(
                packet.kind, payload, length: Int(packet.length), skip: Int(packet.skip), to: &pcm)
        }
        if format.payload || redacted.end > frontier { finish(packet, payload, at: frontier, &statistics) }
    }

    /// What few legs need.
    @inline(never)
    private mutating func finish(
        _ packet: PlacedPacket, _ payload: borrowing RawSpan, at frontier: Int64,
        _ statistics: inout ReceptionStatistics
    ) {
        let length = packet.length - packet.skip
        guard length > 0 else { return }
        let isRedacted = redacted.end > frontier && silence(frontier..<(frontier + length), &statistics)
        guard format.payload, !isRedacted else { return }
        let hasRoom =
            payloads?.value.append(payload, payloadType: packet.payloadType, at: frontier, length: length) ?? true
        if !hasRoom { statistics.payloadOverflows += 1 }
    }

    mutating func appendSilence(_ length: Int64) {
        if format.audio { pcm.appendSilence(Int(length)) }
    }

    /// Whether the leg has had comfort noise.
    var hasNoise: Bool {
        switch noise {
        case .some: true
        case .none: false
        }
    }

    /// From `start` on a pause sounds so.
    mutating func note(_ sound: ComfortNoise, at start: Int64, after audioEnd: Int64) {
        if !hasNoise { noise = Boxed(NoisyPause(at: start, sampleRate: format.sampleRate)) }
        noise?.value.note(sound, at: start, after: audioEnd)
    }

    /// A pause at `frontier`, with noise where its sender said how it sounds.
    mutating func appendPause(_ length: Int64, at frontier: Int64, after audioEnd: Int64) {
        let pause = frontier..<(frontier + length)
        let sounding = noise?.value.sounding(in: pause, after: audioEnd) ?? frontier..<frontier
        guard !sounding.isEmpty, redacted.end <= frontier else { return appendSilence(length) }
        appendSilence(sounding.lowerBound - frontier)
        pcm.append(sounding.count) { room in
            noise?.value.fill(&room)
            return room.count
        }
        appendSilence(pause.upperBound - sounding.upperBound)
    }

    /// Makes up for `length` lost samples at `frontier` that no later packet repeats.
    mutating func conceal(
        _ length: Int64, asOpus: Bool, at frontier: Int64, _ statistics: inout ReceptionStatistics
    ) {
        guard length > 0, format.audio else { return }
        if asOpus {
            decoders.concealOpus(Int(length), to: &pcm)
        } else {
            // Begun for each gap with what was heard before it, so it is no part of the leg's memory. Its blend with
            // the first good samples is not used: what was received is kept to the sample.
            var concealer = Concealer(sampleRate: format.sampleRate)
            begin(&concealer)
            pcm.append(Int(length)) { room in
                concealer.conceal(into: &room)
                return room.count
            }
        }
        statistics.concealedSamples += UInt64(length)
        if redacted.end > frontier { _ = silence(frontier..<(frontier + length), &statistics) }
    }

    /// The last `length` samples of a gap, of which `payload`, the Opus packet behind it, repeats the frame at the end.
    mutating func recover(
        _ length: Int64, from payload: borrowing RawSpan, at frontier: Int64, _ statistics: inout ReceptionStatistics
    ) {
        guard length > 0, format.audio else { return }
        decoders.recoverOpus(Int(length), from: payload, to: &pcm)
        let frame = Int64(OpusPacket(parsing: copy payload)?.frameDuration ?? 0) * Int64(format.sampleRate) / 48_000
        let recovered = min(length, frame)
        statistics.recoveredSamples += UInt64(recovered)
        statistics.concealedSamples += UInt64(length - recovered)
        if redacted.end > frontier { _ = silence(frontier..<(frontier + length), &statistics) }
    }

    private func begin(_ concealer: inout Concealer) {
        let wanted = Concealer.historyLength(at: format.sampleRate)
        var history = InlineArray<780, Int16>(repeating: 0)
        var count = 0
        pcm.history(min(wanted, 780)) { before, since in
            for index in before.indices { history[count + index] = before[index] }
            for index in since.indices { history[count + before.count + index] = since[index] }
            count = before.count + since.count
        }
        concealer.begin(after: history.span.extracting(first: count))
    }

    /// Keeps `range` out of the output: what is still here of it at once, what is to come when it comes.
    mutating func redact(
        _ range: Range<Int64>, isSameEvent: Bool, frontier: Int64, _ statistics: inout ReceptionStatistics
    ) {
        redacted.note(range, isSameEvent: isSameEvent)
        _ = silence((frontier - Int64(pcm.count))..<frontier, &statistics)
        payloads?.value.redact(range)
    }

    /// Silences what is redacted of `range`, whose end is the end of the output. True when there was any.
    private mutating func silence(_ range: Range<Int64>, _ statistics: inout ReceptionStatistics) -> Bool {
        var isRedacted = false
        var samples = 0
        let ranges = redacted
        ranges.forEach(in: range) { part in
            isRedacted = true
            samples += pcm.silence(
                fromEnd: Int(range.upperBound - part.lowerBound), toEnd: Int(range.upperBound - part.upperBound))
        }
        statistics.redactedSamples += UInt64(samples)
        return isRedacted
    }

    /// True when the last `length` samples are audio that nobody hears.
    func isQuiet(last length: Int64) -> Bool { format.audio && pcm.isQuiet(last: Int(length)) }

    /// Puts `step` samples in behind the last one, or takes as many out.
    mutating func stretch(by step: Int64) {
        if step > 0 { pcm.repeatLast(Int(step)) } else { pcm.removeLast(Int(-step)) }
    }

    mutating func shift(by samples: Int64) {
        redacted.shift(by: samples)
        noise?.value.shift(by: samples)
    }
}
