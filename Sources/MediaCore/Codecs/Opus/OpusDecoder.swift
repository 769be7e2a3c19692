internal import COpus

/// One Opus stream to 16-bit mono audio, on libopus (RFC 6716). Stereo is mixed down by the decoder.
///
/// Allocates once, about 18 kB in `init`; libopus takes what a packet needs from the stack. Any octets are safe to
/// give: libopus checks them, and this type checks them before. Belongs to one leg and one thread at a time; nobody else
/// has the pointer, so the whole may move between threads.
@safe public struct OpusDecoder: ~Copyable, @unchecked Sendable {
    /// Samples a second of the output.
    public let sampleRate: Int
    private let decoder: OpaquePointer

    /// The longest packet there is: 120 ms (RFC 6716 §3.4 R5), in samples of `rate`.
    public static func longestPacket(at rate: Int) -> Int { rate / 25 * 3 }

    /// Nil where the rate is not one of 8, 12, 16, 24 or 48 kHz, or memory is short.
    public init?(sampleRate: Int) {
        guard let rate = opus_int32(exactly: sampleRate), [8_000, 12_000, 16_000, 24_000, 48_000].contains(rate),
            let decoder = unsafe opus_decoder_create(rate, 1, nil)
        else { return nil }
        self.sampleRate = sampleRate
        unsafe self.decoder = unsafe decoder
    }

    deinit { unsafe opus_decoder_destroy(decoder) }

    /// How long the packet is, in samples of `rate`; nil where it is no Opus packet.
    public static func samples(in payload: RawSpan, at rate: Int) -> Int? {
        guard let packet = OpusPacket(parsing: payload) else { return nil }
        return packet.duration * rate / 48_000
    }

    /// True where the packet repeats the frame before it; see ``OpusPacket/hasForwardErrorCorrection(in:)``.
    public static func hasForwardErrorCorrection(_ payload: RawSpan) -> Bool {
        OpusPacket(parsing: payload)?.hasForwardErrorCorrection(in: payload) ?? false
    }

    /// Decodes a packet into the first samples of `output` and returns how many; 0 where it is no Opus packet, libopus
    /// refuses it, or `output` is too short for all of it.
    public mutating func decode(_ payload: RawSpan, into output: inout MutableSpan<Int16>) -> Int {
        guard let length = Self.samples(in: payload, at: sampleRate), length <= output.count else { return 0 }
        return run(payload, samples: length, repairs: false, into: &output)
    }

    /// Makes up for `lost` samples that lie just before `payload`, the first packet after a loss, and returns how many
    /// were written; call it before ``decode(_:into:)`` of the same packet.
    ///
    /// The last frame of the gap is decoded from the repeat in `payload`, what lies before it is concealed. Without
    /// a repeat all of it is concealed. As ``conceal(_:into:)``, it makes whole steps of 2.5 ms.
    public mutating func decodeForwardErrorCorrection(
        _ payload: RawSpan, lost: Int, into output: inout MutableSpan<Int16>
    ) -> Int {
        let length = wholeSteps(lost, output.count)
        guard length > 0 else { return 0 }
        guard OpusPacket(parsing: payload) != nil else { return conceal(lost, into: &output) }
        return run(payload, samples: length, repairs: true, into: &output)
    }

    /// Makes up for lost samples from what was decoded before; libopus fades to comfort noise or silence by itself.
    /// Returns how many were written: `samples` rounded down to whole steps of 2.5 ms, at most 120 ms a call.
    public mutating func conceal(_ samples: Int, into output: inout MutableSpan<Int16>) -> Int {
        let length = wholeSteps(samples, output.count)
        guard length > 0 else { return 0 }
        let written = unsafe output.withUnsafeMutableBufferPointer { pcm in
            guard let first = pcm.baseAddress else { return Int32(0) }
            return unsafe opus_decode(decoder, nil, 0, first, Int32(truncatingIfNeeded: length), 0)
        }
        return max(0, Int(written))
    }

    /// Forgets the past: the next packet begins a new stream.
    public mutating func reset() { _ = unsafe copus_reset_decoder(decoder) }

    private func wholeSteps(_ samples: Int, _ room: Int) -> Int {
        let step = sampleRate / 400
        return max(0, min(samples, room, Self.longestPacket(at: sampleRate))) / step * step
    }

    private mutating func run(
        _ payload: RawSpan, samples: Int, repairs: Bool, into output: inout MutableSpan<Int16>
    ) -> Int {
        guard let octets = Int32(exactly: payload.byteCount) else { return 0 }
        let written = unsafe output.withUnsafeMutableBufferPointer { pcm in
            unsafe payload.withUnsafeBytes { packet in
                guard let first = pcm.baseAddress else { return Int32(0) }
                return unsafe opus_decode(
                    decoder, packet.baseAddress?.assumingMemoryBound(to: UInt8.self), octets, first,
                    Int32(truncatingIfNeeded: samples), repairs ? 1 : 0)
            }
        }
        return max(0, Int(written))
    }
}
