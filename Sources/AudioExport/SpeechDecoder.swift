internal import CAVFormat
import MediaCore
import StreamSink

/// Makes samples of a session's blocks. Belongs to one task.
protocol SpeechDecoder: AnyObject {
    /// Samples a second of the output.
    var rate: Int { get }
    /// How far the output lies behind a block's time, in samples.
    var delay: Int { get }
    /// The samples of a block; empty where it cannot be decoded.
    func decode(_ packet: [UInt8]) -> [Int16]
}

/// The decoders by what a track says of itself.
enum SpeechDecoders {
    /// The decoder of a track that is no PCM; nil where there is none.
    static func make(_ track: MatroskaScanner.TrackDescription) -> (any SpeechDecoder)? {
        switch track.codecID {
        case "A_OPUS": return OpusBlocks(codecPrivate: track.codecPrivate)
        case "A_MS/ACM":
            guard track.codecPrivate.count >= 2 else { return nil }
            switch UInt16(track.codecPrivate[0]) | UInt16(track.codecPrivate[1]) << 8 {
            case 0x0007: return OctetTable { G711.expandMuLaw($0) }
            case 0x0006: return OctetTable { G711.expandALaw($0) }
            case 0x028F: return G722Blocks()
            default: return nil
            }
        case "A_EARSHOT/RTP": return rtp(RTPDescription(track.codecPrivate))
        default: return nil
        }
    }

    private static func rtp(_ description: RTPDescription) -> (any SpeechDecoder)? {
        switch description.encoding {
        // RFC 3551 §4.5.11: most significant byte first.
        case "L16": return BigEndianSamples(rate: description.clockRate)
        case "G729": return LibraryBlocks("g729", frame: .sized(10))
        case "GSM": return LibraryBlocks("gsm", frame: .sized(33))
        case "G723": return LibraryBlocks("g723_1", frame: .g723)
        // RFC 3952 §5: 30 ms unless the mode says 20.
        case "ILBC":
            let size = description.parameters.contains("mode=20") ? 38 : 50
            return LibraryBlocks("ilbc", frame: .sized(size), blockAlign: size)
        case "G726-16", "G726-24", "G726-32", "G726-40":
            guard let kilobits = Int(description.encoding.suffix(2)) else { return nil }
            return LibraryBlocks("g726le", frame: .whole, bits: kilobits / 8)
        default: return nil
        }
    }
}

/// The lines of a track whose codec Matroska has no name for.
struct RTPDescription {
    var encoding = ""
    var clockRate = 8000
    var parameters = ""

    init(_ codecPrivate: [UInt8]) {
        for line in String(decoding: codecPrivate.prefix(4096), as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "encoding": encoding = parts[1].uppercased()
            case "clock-rate": clockRate = Int(parts[1]) ?? 8000
            case "fmtp": parameters = parts[1].lowercased()
            default: break
            }
        }
    }
}

/// G.711: a sample an octet.
private final class OctetTable: SpeechDecoder {
    let rate = 8000
    let delay = 0
    private let table: [Int16]

    init(_ expand: (UInt8) -> Int16) { table = (0...255).map { expand(UInt8($0)) } }

    func decode(_ packet: [UInt8]) -> [Int16] { packet.map { table[Int($0)] } }
}

private final class BigEndianSamples: SpeechDecoder {
    let rate: Int
    let delay = 0

    init?(rate: Int) {
        guard (8000...48_000).contains(rate) else { return nil }
        self.rate = rate
    }

    func decode(_ packet: [UInt8]) -> [Int16] {
        (0..<packet.count / 2).map { Int16(bitPattern: UInt16(packet[2 * $0]) << 8 | UInt16(packet[2 * $0 + 1])) }
    }
}

private final class G722Blocks: SpeechDecoder {
    let rate = 16_000
    let delay = 0
    private var decoder = G722Decoder()

    func decode(_ packet: [UInt8]) -> [Int16] {
        var output = [Int16](repeating: 0, count: packet.count * 2)
        var room = output.mutableSpan
        let count = decoder.decode(packet.span.bytes, into: &room)
        output.removeLast(output.count - count)
        return output
    }
}

private final class OpusBlocks: SpeechDecoder {
    let rate: Int
    let delay: Int
    private var decoder: OpusDecoder

    /// RFC 7845 §5.1: pre-skip in samples of 48 kHz at octet 10, the input's rate at octet 12.
    init?(codecPrivate head: [UInt8]) {
        guard head.count >= 19 else { return nil }
        let input = (12..<16).reversed().reduce(0) { $0 << 8 | Int(head[$1]) }
        let rate = [8000, 16_000].contains(input) ? input : 48_000
        guard let decoder = OpusDecoder(sampleRate: rate) else { return nil }
        self.decoder = decoder
        self.rate = rate
        delay = (Int(head[10]) | Int(head[11]) << 8) * rate / 48_000
    }

    func decode(_ packet: [UInt8]) -> [Int16] {
        var output = [Int16](repeating: 0, count: OpusDecoder.longestPacket(at: rate))
        var room = output.mutableSpan
        let count = decoder.decode(packet.span.bytes, into: &room)
        output.removeLast(output.count - count)
        return output
    }
}

/// Codecs that only libavcodec knows; RTP payloads of several frames are taken apart.
private final class LibraryBlocks: SpeechDecoder {
    enum Frame { case whole, sized(Int), g723 }

    let rate = 8000
    let delay = 0
    private let handle: OpaquePointer
    private let frame: Frame

    init?(_ name: String, frame: Frame, blockAlign: Int = 0, bits: Int = 0) {
        guard let handle = cav_decoder_open(name, 8000, Int32(blockAlign), Int32(bits)) else { return nil }
        self.handle = handle
        self.frame = frame
    }

    deinit { cav_decoder_close(handle) }

    func decode(_ packet: [UInt8]) -> [Int16] {
        var output: [Int16] = []
        var rest = packet[...]
        while let first = rest.first {
            let size: Int
            switch frame {
            case .whole: size = rest.count
            case .sized(let octets): size = octets
            // RFC 3551 §4.5.3: the low two bits tell the length.
            case .g723: size = [24, 20, 4, 1][Int(first & 3)]
            }
            // A shorter rest is a frame of comfort noise: left as silence.
            guard size <= rest.count else { break }
            var samples = [Int16](repeating: 0, count: max(1024, size * 4))
            let count = cav_decoder_decode(
                handle, Array(rest.prefix(size)), Int32(size), &samples, Int32(samples.count))
            if count > 0 { output += samples.prefix(Int(count)) }
            rest = rest.dropFirst(size)
        }
        return output
    }
}
