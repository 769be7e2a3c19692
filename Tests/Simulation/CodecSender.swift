import MediaCore

/// A sender of a codec with state: packets of 20 ms of a voice-like signal, and what a decoder that gets all of them in
/// order makes of them.
struct CodecSender {
    enum Codec: String, CaseIterable, Sendable { case g722, opus }

    private(set) var packets: [SentPacket] = []
    private(set) var payloads: [[UInt8]] = []
    let codec: Codec
    static let payloadType: UInt8 = 96

    /// RTP clock ticks of a packet.
    var ticks: UInt32 { codec == .g722 ? 160 : 960 }

    static func map(_ codec: Codec) -> PayloadMap {
        var map = PayloadMap.telephony
        switch codec {
        case .g722: map.map(payloadType, encoding: "G722", clockRate: 8_000)
        case .opus: map.map(payloadType, encoding: "opus", clockRate: 48_000)
        }
        return map
    }

    init(_ codec: Codec, frames: Int, startingAt time: Int64 = 70_000_000, seed: UInt64 = 1) throws {
        self.codec = codec
        var timestamp: UInt32 = .max - 20_000
        var g722 = G722Encoder()
        var opus = OpusEncoder(sampleRate: 16_000, bitrate: 24_000, expectedLoss: 20)
        for frame in 0..<frames {
            let samples = (0..<320).map { Self.voice(at: frame * 320 + $0) }
            var payload: [UInt8] = []
            switch codec {
            case .g722:
                payload = [UInt8](repeating: 0, count: 160)
                var out = payload.mutableSpan
                _ = g722.encode(samples.span, into: &out)
            case .opus:
                _ = opus?.encode(samples.span, into: &payload)
            }
            payloads.append(payload)
            packets.append(
                SentPacket(
                    time: time + Int64(frame) * 20_000_000, sequence: UInt16(truncatingIfNeeded: 65_500 + frame),
                    timestamp: timestamp, ssrc: 31, payloadType: Self.payloadType, payload: payload,
                    position: Int64(frame), audio: []))
            timestamp &+= ticks
        }
    }

    /// Three tones with a slow swell, 16 kHz, never silent.
    private static func voice(at index: Int) -> Int16 {
        func wave(_ period: Int, _ height: Int) -> Int {
            abs(index % period * 4 - period * 2) * height / period - height
        }
        let swell = 600 + abs(index % 16_000 - 8_000) / 8
        return Int16(clamping: (wave(133, 6_000) + wave(41, 2_000) + wave(7, 500)) * swell / 1_600)
    }

    /// The audio of the packets in order, without the network, in samples of `rate`.
    func reference(at rate: Int) -> [Int16] {
        var samples: [Int16] = []
        var g722 = G722Decoder()
        var opus = OpusDecoder(sampleRate: rate)
        var decimator = Decimator()
        for payload in payloads {
            var out = [Int16](repeating: 0, count: 320)
            var count = 0
            var room = out.mutableSpan
            switch codec {
            case .g722: count = g722.decode(payload.span.bytes, into: &room)
            case .opus: count = opus?.decode(payload.span.bytes, into: &room) ?? 0
            }
            if codec == .g722, rate == 8_000 {
                var narrow = [Int16](repeating: 0, count: 160)
                var space = narrow.mutableSpan
                count = decimator.process(out.span.extracting(first: count), into: &space)
                samples += narrow[..<count]
            } else {
                samples += out[..<count]
            }
        }
        return samples
    }
}
