import Synchronization
import Testing

@testable import StreamSink

/// Every kind of file there is, each fed with 20 ms at a time.
enum FormatCase: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case pcm8, pcm16, opus8, opus16, muLaw, aLaw, g722, opusPayload, unknown

    var testDescription: String { rawValue }

    var format: StreamFormat {
        func payload(_ name: String, _ clock: Int, _ type: UInt8, _ fmtp: String? = nil) -> StreamFormat {
            .payload(PayloadTrack(encodingName: name, clockRate: clock, payloadType: type, formatParameters: fmtp))
        }
        return switch self {
        case .pcm8: .pcm(sampleRate: 8000)
        case .pcm16: .pcm(sampleRate: 16_000)
        case .opus8: .opus(sampleRate: 8000)
        case .opus16: .opus(sampleRate: 16_000)
        case .muLaw: payload("PCMU", 8000, 0)
        case .aLaw: payload("pcma", 8000, 8)
        case .g722: payload("G722", 8000, 9)
        case .opusPayload: payload("opus", 48_000, 96, "useinbandfec=1; sprop-stereo=1")
        case .unknown: payload("AMR-WB", 16_000, 98, "octet-align=1")
        }
    }

    /// What ffprobe calls it.
    var codecName: String {
        switch self {
        case .pcm8, .pcm16: "pcm_s16le"
        case .opus8, .opus16, .opusPayload: "opus"
        case .muLaw: "pcm_mulaw"
        case .aLaw: "pcm_alaw"
        case .g722: "adpcm_g722"
        case .unknown: "unknown"
        }
    }

    /// What ffprobe says is its sample rate.
    var probedRate: Int {
        switch self {
        case .pcm8, .muLaw, .aLaw: 8000
        case .pcm16, .g722, .unknown: 16_000
        case .opus8, .opus16, .opusPayload: 48_000
        }
    }

    /// What the 20 ms numbered `index` are in the file.
    func block(_ index: Int) -> [UInt8] {
        switch self {
        case .pcm8, .pcm16:
            let count = format.samplesPerBlock
            return samples(index * count..<(index + 1) * count).flatMap { sample in
                [UInt8(truncatingIfNeeded: sample), UInt8(truncatingIfNeeded: sample >> 8)]
            }
        case .opus8, .opus16:
            return MarkingEncoder.packet(samples(index * format.samplesPerBlock..<index * format.samplesPerBlock + 1))
        case .muLaw, .aLaw, .g722: return (0..<160).map { UInt8(truncatingIfNeeded: index &* 31 &+ $0 &* 7) }
        // RFC 6716 §3.1: SILK, wide band, 20 ms, one frame; of different lengths.
        case .opusPayload: return [0x48] + (0..<40 + index % 30).map { UInt8(truncatingIfNeeded: index &+ $0) }
        case .unknown: return (0..<30 + index % 20).map { UInt8(truncatingIfNeeded: index &* 5 &+ $0) }
        }
    }

    func makeSession(pendingLimit: Int = 80_000, silenceLimit: Int = 960_000) -> DrivenSession {
        DrivenSession(
            pendingLimit: pendingLimit, silenceLimit: silenceLimit, format: format, encoder: { MarkingEncoder() })
    }
}

/// Stands in for Opus: a packet of 20 ms (RFC 6716 §3.1: SILK, narrow band, one frame) that carries the first sample.
final class MarkingEncoder: FrameEncoder {
    let preSkip = 312

    static func packet(_ frame: [Int16]) -> [UInt8] {
        let first = frame.first ?? 0
        return [0x08, UInt8(truncatingIfNeeded: first >> 8), UInt8(truncatingIfNeeded: first), 0x55, 0xAA]
    }

    func encode(_ frame: Span<Int16>, into packet: inout [UInt8]) {
        packet += Self.packet(frame.isEmpty ? [] : [frame[0]])
    }

    func reset() {}
}

extension DrivenSession {
    /// Hands in the 20 ms numbered `index` of a case, at their place.
    func append(_ format: FormatCase, block index: Int) {
        let perBlock = format.format.samplesPerBlock
        guard format.format.isPayload else { return append(perBlock) }
        let bytes = format.block(index)
        session.append(payload: bytes.span.bytes, at: Int64(index * perBlock), length: Int64(perBlock))
    }
}

/// The blocks of a whole file with their times.
struct ScannedBlocks {
    var fragments: [Fragment] = []
    var blocks: [(milliseconds: Int64, bytes: [UInt8])] = []
    var track: MatroskaScanner.TrackDescription?
    var trailingTags: [MatroskaScanner.TagValue] = []

    init(_ bytes: [UInt8]) throws {
        var scanner = MatroskaScanner()
        scanner.append(bytes)
        var time: Int64 = 0
        while let token = try scanner.next() {
            switch token {
            case .track(let found): track = found
            case .tags(let values): trailingTags = values
            case .timecode(let value):
                time = value
                fragments.append(Fragment(timecodeMilliseconds: value, tags: trailingTags))
                trailingTags = []
            case .block(let relative, let payload):
                blocks.append((time + Int64(relative), Array(scanner.buffer[payload])))
            default: break
            }
        }
    }
}
