import MediaCore

// Whole signals through the coders, for tests that do not care for pieces.

/// Decodes all octets; pieces of `piece` octets, as packets would bring them.
func decodeG722(_ octets: [UInt8], mode: G722Mode = .kilobits64, piece: Int = 160) -> [Int16] {
    var decoder = G722Decoder(mode: mode)
    var samples = [Int16](repeating: 0, count: octets.count * 2)
    for start in stride(from: 0, to: octets.count, by: piece) {
        let payload = Array(octets[start..<min(octets.count, start + piece)])
        var whole = samples.mutableSpan
        var output = whole._mutatingExtracting((start * 2)..<((start + payload.count) * 2))
        _ = decoder.decode(payload.span.bytes, into: &output)
    }
    return samples
}

/// Encodes all samples; pieces of `piece` samples.
func encodeG722(_ samples: [Int16], piece: Int = 320) -> [UInt8] {
    var encoder = G722Encoder()
    var octets = [UInt8](repeating: 0, count: samples.count / 2)
    for start in stride(from: 0, to: samples.count - 1, by: piece) {
        let end = min(samples.count / 2 * 2, start + piece)
        var whole = octets.mutableSpan
        var output = whole._mutatingExtracting((start / 2)..<(end / 2))
        _ = encoder.encode(samples.span.extracting(start..<end), into: &output)
    }
    return octets
}

/// One packet a frame; what is left of the samples at the end is left out.
func encodeOpus(_ samples: [Int16], frame: Int, with encoder: inout OpusEncoder) -> [[UInt8]] {
    var packets: [[UInt8]] = []
    for start in stride(from: 0, through: samples.count - frame, by: frame) {
        var packet: [UInt8] = []
        _ = encoder.encode(samples.span.extracting(start..<(start + frame)), into: &packet)
        packets.append(packet)
    }
    return packets
}

/// Where two runs differ first; nil where they are the same. The expectation macro would search for the shortest edit from
/// one to the other, which for whole signals takes minutes.
func firstDifference<Element: Equatable>(_ a: some Collection<Element>, _ b: some Collection<Element>) -> Int? {
    if let index = zip(a, b).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset { return index }
    return a.count == b.count ? nil : min(a.count, b.count)
}

/// Why a coder could not be made.
struct NoCoder: Error {}

/// The expectation macros do not take what cannot be copied.
func makeDecoder(sampleRate: Int) throws -> OpusDecoder {
    guard let decoder = OpusDecoder(sampleRate: sampleRate) else { throw NoCoder() }
    return decoder
}

/// As above.
func makeEncoder(sampleRate: Int, bitrate: Int, expectedLoss: Int = 0) throws -> OpusEncoder {
    guard let encoder = OpusEncoder(sampleRate: sampleRate, bitrate: bitrate, expectedLoss: expectedLoss) else {
        throw NoCoder()
    }
    return encoder
}

/// The length of a packet by its head.
func announced(_ packet: [UInt8], at rate: Int) -> Int? { OpusDecoder.samples(in: packet.span.bytes, at: rate) }

/// True where the packet says that it carries the frame before it once more.
func hasRepeat(_ packet: [UInt8]) -> Bool { OpusDecoder.hasForwardErrorCorrection(packet.span.bytes) }

extension OpusDecoder {
    /// One packet as an array.
    mutating func decode(_ packet: [UInt8]) -> [Int16] {
        var samples = [Int16](repeating: 0, count: Self.longestPacket(at: sampleRate))
        var output = samples.mutableSpan
        let count = decode(packet.span.bytes, into: &output)
        return Array(samples.prefix(count))
    }

    /// Concealed samples as an array.
    mutating func conceal(_ count: Int) -> [Int16] {
        var samples = [Int16](repeating: 0, count: count)
        var output = samples.mutableSpan
        let written = conceal(count, into: &output)
        return Array(samples.prefix(written))
    }

    /// What `packet` says of the `lost` samples before it, as an array.
    mutating func repair(_ lost: Int, from packet: [UInt8]) -> [Int16] {
        var samples = [Int16](repeating: 0, count: lost)
        var output = samples.mutableSpan
        let written = decodeForwardErrorCorrection(packet.span.bytes, lost: lost, into: &output)
        return Array(samples.prefix(written))
    }
}
