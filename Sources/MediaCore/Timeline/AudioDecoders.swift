/// The decoders of one leg that have state, each made when the first packet needs it and kept for the rest of the call:
/// packets of a codec are decoded in the order of their places, also where two codecs alternate.
///
/// G.711 on an 8 kHz line needs none of them. Filters between the rates are linear in phase and 1.7 ms late.
struct AudioDecoders: ~Copyable {
    private let rate: Int
    private var g722: Boxed<G722Decoder>?
    private var opus: OpusDecoder?
    private var decimator: Boxed<Decimator>?
    private var interpolator: Boxed<Interpolator>?

    init(line rate: Int) { self.rate = rate }

    /// Decodes `payload` and appends its `length` samples without the first `skip`; what cannot be decoded is silence.
    mutating func append(
        _ kind: PayloadKind, _ payload: borrowing RawSpan, length: Int, skip: Int, to output: inout PCMOutput
    ) {
        switch kind {
        case .muLaw, .aLaw:
            output.append(length, skipping: skip) { interpolate(payload, aLaw: kind == .aLaw, into: &$0) }
        case .g722:
            if g722 == nil { g722 = Boxed(G722Decoder()) }
            output.append(length, skipping: skip) { room in
                if rate == 16_000 { return g722?.value.decode(payload, into: &room) ?? 0 }
                return decimate(payload, into: &room)
            }
        case .opus:
            makeOpus()
            output.append(length, skipping: skip) { opus?.decode(payload, into: &$0) ?? 0 }
        case .telephoneEvent, .comfortNoise, .unknown:
            output.append(length, skipping: skip) { _ in 0 }
        }
    }

    /// Opus only: `length` samples that no packet repeats, whole steps of 2.5 ms.
    mutating func concealOpus(_ length: Int, to output: inout PCMOutput) {
        makeOpus()
        output.append(length) { opus?.conceal(length, into: &$0) ?? 0 }
    }

    /// Opus only: the last `length` samples of a gap, from the repeat in `payload`, the first packet behind it.
    mutating func recoverOpus(_ length: Int, from payload: borrowing RawSpan, to output: inout PCMOutput) {
        makeOpus()
        output.append(length) { opus?.decodeForwardErrorCorrection(payload, lost: length, into: &$0) ?? 0 }
    }

    private mutating func makeOpus() {
        if opus == nil { opus = OpusDecoder(sampleRate: rate) }
    }

    /// G.722 for an 8 kHz line: one sample an octet, in pieces that lie on the stack.
    private mutating func decimate(_ payload: borrowing RawSpan, into room: inout MutableSpan<Int16>) -> Int {
        if decimator == nil { decimator = Boxed(Decimator()) }
        var made = 0
        var wide = InlineArray<320, Int16>(repeating: 0)
        while made < min(payload.byteCount, room.count) {
            let octets = min(160, payload.byteCount - made, room.count - made)
            var space = wide.mutableSpan
            let count = g722?.value.decode(payload.extracting(made..<(made + octets)), into: &space) ?? 0
            var rest = room._mutatingExtracting(made...)
            let written = decimator?.value.process(wide.span.extracting(first: count), into: &rest) ?? 0
            guard written > 0 else { break }
            made += written
        }
        return made
    }

    /// G.711 for a 16 kHz line: two samples an octet.
    private mutating func interpolate(
        _ payload: borrowing RawSpan, aLaw: Bool, into room: inout MutableSpan<Int16>
    ) -> Int {
        if interpolator == nil { interpolator = Boxed(Interpolator()) }
        var used = 0
        var made = 0
        var narrow = InlineArray<160, Int16>(repeating: 0)
        while used < payload.byteCount, made + 1 < room.count {
            let octets = min(160, payload.byteCount - used, (room.count - made) / 2)
            for index in 0..<octets {
                let octet = payload.octet(at: used + index)
                narrow[index] = aLaw ? G711.expandALaw(octet) : G711.expandMuLaw(octet)
            }
            var rest = room._mutatingExtracting(made...)
            made += interpolator?.value.process(narrow.span.extracting(first: octets), into: &rest) ?? 0
            used += octets
        }
        return made
    }
}
