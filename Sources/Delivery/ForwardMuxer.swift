import StreamSink

/// Lays a session out as the body of a PutMedia: one Segment, and a fragment a Cluster with absolute timecodes.
///
/// A pure value. The `AWS_…` tags are left out, as the service gives its own and refuses a producer's (error 4012).
struct ForwardMuxer {
    /// Fragments up to this timecode (milliseconds since 1970) were acknowledged before and are left out.
    private let resumeAfter: Int64?
    private var startedAt: Int64 = 0
    /// Samples a second, for the places of samples.
    private var rate: Int64 = 8000
    private var cluster: Int64?
    /// Timecodes of fragments that are left out for good.
    private let skipped: Set<Int64>
    /// The timecode of the last fragment that was laid out.
    private(set) var lastTimecode: Int64?

    init(resumeAfter: Int64?, skipped: Set<Int64> = []) {
        self.resumeAfter = resumeAfter
        self.skipped = skipped
    }

    /// Wall clock of sample 0, milliseconds since 1970; 0 before the header was laid out.
    var startedAtMilliseconds: Int64 { startedAt }

    /// The bytes for an event; none for what is left out.
    mutating func append(_ event: StreamEvent, to bytes: inout [UInt8]) {
        switch event {
        case .opened(let start, let track):
            startedAt = start ?? 0
            rate = Int64(max(1, min(track.samplingFrequency, 1e6)))
            bytes += Self.header(track)
        case .fragment(let fragment):
            let timecode = startedAt + fragment.timecodeMilliseconds
            guard timecode > resumeAfter ?? .min, !skipped.contains(timecode) else {
                cluster = nil
                return
            }
            cluster = timecode
            lastTimecode = timecode
            bytes += Self.tags(fragment.tags.filter { !$0.name.hasPrefix("AWS") })
            bytes += EBML.id(0x1F43_B675) + EBML.unknownSize
            bytes += EBML.element(0xE7, EBML.unsigned(UInt64(max(0, timecode))))
        case .samples(let samples, let position):
            var payload: [UInt8] = []
            payload.reserveCapacity(samples.count * 2)
            for sample in samples {
                payload.append(UInt8(truncatingIfNeeded: sample))
                payload.append(UInt8(truncatingIfNeeded: sample >> 8))
            }
            block(payload, at: position * 1000 / rate, to: &bytes)
        case .payload(let payload, let milliseconds): block(payload, at: milliseconds, to: &bytes)
        case .ended: break
        }
    }

    private func block(_ payload: [UInt8], at milliseconds: Int64, to bytes: inout [UInt8]) {
        guard let cluster, let relative = Int16(exactly: startedAt + milliseconds - cluster) else { return }
        let time = UInt16(bitPattern: relative)
        // Track 1, the time after the cluster's, a key frame without lacing (RFC 9559 §10.2).
        bytes += EBML.id(0xA3) + EBML.size(payload.count + 4)
        bytes += [0x81, UInt8(time >> 8), UInt8(time & 0xFF), 0x80]
        bytes += payload
    }

    private static func header(_ track: MatroskaScanner.TrackDescription) -> [UInt8] {
        let document =
            EBML.element(0x4286, [1]) + EBML.element(0x42F7, [1]) + EBML.element(0x42F2, [4])
            + EBML.element(0x42F3, [8])
            + EBML.element(0x4282, Array("matroska".utf8)) + EBML.element(0x4287, [4]) + EBML.element(0x4285, [2])
        // Ticks of a millisecond.
        let info =
            EBML.element(0x2AD7B1, EBML.unsigned(1_000_000)) + EBML.element(0x4D80, Array("earshot".utf8))
            + EBML.element(0x5741, Array("earshot".utf8))
        var audio =
            EBML.element(0xB5, EBML.decimal(track.samplingFrequency))
            + EBML.element(0x9F, [UInt8(clamping: track.channels)])
        if track.bitDepth > 0 { audio += EBML.element(0x6264, [UInt8(clamping: track.bitDepth)]) }
        var entry =
            EBML.element(0xD7, [1]) + EBML.element(0x73C5, [1]) + EBML.element(0x83, [2]) + EBML.element(0x9C, [0])
            + EBML.element(0x536E, Array(track.name.utf8)) + EBML.element(0x86, Array(track.codecID.utf8))
        if !track.codecPrivate.isEmpty { entry += EBML.element(0x63A2, track.codecPrivate) }
        entry += EBML.element(0xE1, audio)
        return EBML.element(0x1A45_DFA3, document) + EBML.id(0x1853_8067) + EBML.unknownSize
            + EBML.element(0x1549_A966, info) + EBML.element(0x1654_AE6B, EBML.element(0xAE, entry))
    }

    private static func tags(_ tags: [MatroskaScanner.TagValue]) -> [UInt8] {
        // The service takes ten tags a fragment.
        let simple = tags.prefix(10).flatMap { tag in
            EBML.element(
                0x67C8, EBML.element(0x45A3, Array(tag.name.utf8)) + EBML.element(0x4487, Array(tag.value.utf8)))
        }
        return simple.isEmpty ? [] : EBML.element(0x1254_C367, EBML.element(0x7373, simple))
    }
}

/// Elements of EBML (RFC 8794).
private enum EBML {
    static let unknownSize: [UInt8] = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]

    static func id(_ id: UInt32) -> [UInt8] {
        unsigned(UInt64(id))
    }

    static func size(_ size: Int) -> [UInt8] {
        var length = 1
        while length < 8, size >= 1 << (7 * length) - 1 { length += 1 }
        let value = UInt64(size) | 1 << UInt64(7 * length)
        return (0..<length).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    /// In the fewest bytes, at least one.
    static func unsigned(_ value: UInt64) -> [UInt8] {
        let length = max(1, (71 - value.leadingZeroBitCount) / 8)
        return (0..<length).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    static func decimal(_ value: Double) -> [UInt8] {
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(8 * $0)) }
    }

    static func element(_ id: UInt32, _ body: [UInt8]) -> [UInt8] {
        self.id(id) + size(body.count) + body
    }
}
