/// The elements that this module writes (RFC 8794 for EBML, RFC 9559 for Matroska).
enum MatroskaID {
    static let ebml: UInt32 = 0x1A45_DFA3
    static let segment: UInt32 = 0x1853_8067
    static let seekHead: UInt32 = 0x114D_9B74
    static let info: UInt32 = 0x1549_A966
    static let tracks: UInt32 = 0x1654_AE6B
    static let tags: UInt32 = 0x1254_C367
    static let cluster: UInt32 = 0x1F43_B675
    static let cues: UInt32 = 0x1C53_BB6B
    static let void: UInt32 = 0xEC
    static let duration: UInt32 = 0x4489
    static let timecode: UInt32 = 0xE7
    static let simpleBlock: UInt32 = 0xA3
}

/// Matroska elements laid out one after the other.
struct MatroskaBytes {
    private(set) var bytes: [UInt8] = []

    mutating func add(id: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] where id >> shift != 0 || shift == 0 {
            bytes.append(UInt8(truncatingIfNeeded: id >> shift))
        }
    }

    /// The size in the fewest bytes (RFC 8794 §4), or in `length` of them.
    mutating func add(size: Int, length: Int? = nil) {
        var count = length ?? 1
        while length == nil, count < 8, size >= 1 << (7 * count) - 1 { count += 1 }
        add(bigEndian: UInt64(size) | 1 << UInt64(7 * count), count: count)
    }

    mutating func add(bigEndian value: UInt64, count: Int) {
        for byte in stride(from: count - 1, through: 0, by: -1) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)))
        }
    }

    mutating func add(_ id: UInt32, _ body: [UInt8]) {
        add(id: id)
        add(size: body.count)
        bytes += body
    }

    mutating func add(_ id: UInt32, _ value: UInt64) {
        let count = max(1, (64 - value.leadingZeroBitCount + 7) / 8)
        add(id: id)
        add(size: count)
        add(bigEndian: value, count: count)
    }

    mutating func add(_ id: UInt32, _ value: Double) {
        add(id: id)
        add(size: 8)
        add(bigEndian: value.bitPattern, count: 8)
    }

    mutating func add(_ id: UInt32, _ text: String) { add(id, Array(text.utf8)) }

    /// An element whose body is laid out by `body`.
    mutating func add(_ id: UInt32, body: (inout MatroskaBytes) -> Void) {
        var inner = MatroskaBytes()
        body(&inner)
        add(id, inner.bytes)
    }

    /// The first element of a file.
    mutating func addDocument(_ type: String) {
        add(MatroskaID.ebml) { ebml in
            ebml.add(0x4286, 1 as UInt64)
            ebml.add(0x42F7, 1 as UInt64)
            ebml.add(0x42F2, 4 as UInt64)
            ebml.add(0x42F3, 8 as UInt64)
            ebml.add(0x4282, type)
            ebml.add(0x4287, 4 as UInt64)
            ebml.add(0x4285, 2 as UInt64)
        }
    }

    /// One track entry.
    mutating func add(_ track: MatroskaOutputTrack) {
        add(0xAE) { entry in
            entry.add(0xD7, UInt64(track.number))
            entry.add(0x73C5, UInt64(track.number))
            entry.add(0x83, 2 as UInt64)
            entry.add(0x9C, 0 as UInt64)
            entry.add(0x22B59C, "und")
            if !track.name.isEmpty { entry.add(0x536E, track.name) }
            entry.add(0x86, track.codecID)
            if !track.codecPrivate.isEmpty { entry.add(0x63A2, track.codecPrivate) }
            if track.codecDelayNanoseconds > 0 { entry.add(0x56AA, track.codecDelayNanoseconds) }
            // RFC 9559 §5.1.4.1.26: what Opus wants decoded before a place that is sought.
            if track.codecID == "A_OPUS" { entry.add(0x56BB, 80_000_000 as UInt64) }
            entry.add(0xE1) { audio in
                audio.add(0xB5, track.samplingFrequency)
                audio.add(0x9F, UInt64(track.channels))
                if track.bitDepth > 0 { audio.add(0x6264, UInt64(track.bitDepth)) }
            }
        }
    }

    /// A block without lacing (RFC 9559 §10.2); every block of audio is a key frame.
    mutating func addBlock(track: Int, relativeMilliseconds: Int16, _ payload: [UInt8]) {
        add(id: MatroskaID.simpleBlock)
        add(size: payload.count + 4)
        bytes.append(UInt8(0x80 | track & 0x7F))
        add(bigEndian: UInt64(UInt16(bitPattern: relativeMilliseconds)), count: 2)
        bytes.append(0x80)
        bytes += payload
    }

    /// Tags of the whole file, or of one track.
    mutating func addTag(track: Int?, _ values: [(name: String, value: String)]) {
        add(0x7373) { tag in
            tag.add(0x63C0) { targets in if let track { targets.add(0x63C5, UInt64(track)) } }
            for value in values {
                tag.add(0x67C8) { simple in
                    simple.add(0x45A3, value.name)
                    simple.add(0x4487, value.value)
                }
            }
        }
    }

    /// Bytes that are laid out already.
    mutating func add(raw more: [UInt8]) { bytes += more }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
}

/// A track of a file that is written here.
struct MatroskaOutputTrack {
    /// From 1 to 126; also its UID.
    var number: Int
    var name: String
    var codecID: String
    var codecPrivate: [UInt8] = []
    var codecDelayNanoseconds: UInt64 = 0
    var samplingFrequency: Double
    var channels = 1
    var bitDepth = 0
}
