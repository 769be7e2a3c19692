/// The element identifiers of what is written and read here, and by whoever takes streams apart (RFC 8794 for EBML,
/// RFC 9559 for Matroska).
public enum MatroskaElement {
    /// `EBML`.
    public static let ebml: UInt32 = 0x1A45_DFA3
    static let ebmlVersion: UInt32 = 0x4286
    static let ebmlReadVersion: UInt32 = 0x42F7
    static let ebmlMaxIDLength: UInt32 = 0x42F2
    static let ebmlMaxSizeLength: UInt32 = 0x42F3
    /// `DocType`.
    public static let docType: UInt32 = 0x4282
    static let docTypeVersion: UInt32 = 0x4287
    static let docTypeReadVersion: UInt32 = 0x4285
    /// `Void`.
    public static let void: UInt32 = 0xEC
    /// `CRC-32`.
    public static let crc32: UInt32 = 0xBF
    /// `Segment`.
    public static let segment: UInt32 = 0x1853_8067
    /// `SeekHead`.
    public static let seekHead: UInt32 = 0x114D_9B74
    /// `Cues`.
    public static let cues: UInt32 = 0x1C53_BB6B
    /// `Chapters`.
    public static let chapters: UInt32 = 0x1043_A770
    /// `Attachments`.
    public static let attachments: UInt32 = 0x1941_A469
    /// `Info`.
    public static let info: UInt32 = 0x1549_A966
    /// `TimestampScale`.
    public static let timestampScale: UInt32 = 0x2AD7B1
    static let duration: UInt32 = 0x4489
    static let dateUTC: UInt32 = 0x4461
    static let muxingApp: UInt32 = 0x4D80
    static let writingApp: UInt32 = 0x5741
    /// `Tracks`.
    public static let tracks: UInt32 = 0x1654_AE6B
    /// `TrackEntry`.
    public static let trackEntry: UInt32 = 0xAE
    /// `TrackNumber`.
    public static let trackNumber: UInt32 = 0xD7
    /// `DefaultDuration`.
    public static let defaultDuration: UInt32 = 0x23E383
    static let trackUID: UInt32 = 0x73C5
    static let trackType: UInt32 = 0x83
    static let flagLacing: UInt32 = 0x9C
    static let language: UInt32 = 0x22B59C
    static let name: UInt32 = 0x536E
    /// `CodecID`.
    public static let codecID: UInt32 = 0x86
    /// `CodecPrivate`.
    public static let codecPrivate: UInt32 = 0x63A2
    static let codecDelay: UInt32 = 0x56AA
    static let seekPreRoll: UInt32 = 0x56BB
    /// `Audio`.
    public static let audio: UInt32 = 0xE1
    /// `SamplingFrequency`.
    public static let samplingFrequency: UInt32 = 0xB5
    /// `Channels`.
    public static let channels: UInt32 = 0x9F
    /// `BitDepth`.
    public static let bitDepth: UInt32 = 0x6264
    /// `Tags`.
    public static let tags: UInt32 = 0x1254_C367
    /// `Tag`.
    public static let tag: UInt32 = 0x7373
    /// `SimpleTag`.
    public static let simpleTag: UInt32 = 0x67C8
    /// `TagName`.
    public static let tagName: UInt32 = 0x45A3
    /// `TagString`.
    public static let tagString: UInt32 = 0x4487
    /// `Cluster`.
    public static let cluster: UInt32 = 0x1F43_B675
    /// `Timestamp`.
    public static let timecode: UInt32 = 0xE7
    /// `Position`.
    public static let position: UInt32 = 0xA7
    /// `PrevSize`.
    public static let previousSize: UInt32 = 0xAB
    /// `SimpleBlock`.
    public static let simpleBlock: UInt32 = 0xA3
    /// `BlockGroup`.
    public static let blockGroup: UInt32 = 0xA0
    /// `Block`, in a `BlockGroup`.
    public static let block: UInt32 = 0xA1
    /// `BlockDuration`, in a `BlockGroup`.
    public static let blockDuration: UInt32 = 0x9B
    static let silentTracks: UInt32 = 0x5854

    /// Milliseconds from 1970 to 2001, where `DateUTC` starts to count.
    static let dateEpochMilliseconds: Int64 = 978_307_200_000
}

extension [UInt8] {
    /// Appends an identifier, most significant byte first; its length is part of its value (RFC 8794 §5).
    public mutating func appendElementID(_ id: UInt32) {
        if id > 0xFF_FFFF { append(UInt8(id >> 24)) }
        if id > 0xFFFF { append(UInt8(id >> 16 & 0xFF)) }
        if id > 0xFF { append(UInt8(id >> 8 & 0xFF)) }
        append(UInt8(id & 0xFF))
    }

    /// Appends a size in the fewest bytes (RFC 8794 §4); all ones is reserved for "unknown".
    mutating func appendElementSize(_ size: Int) {
        var length = 1
        while length < 8, size >= (1 << (7 * length)) - 1 { length += 1 }
        appendElementSize(size, length: length)
    }

    /// Appends a size in exactly `length` bytes.
    mutating func appendElementSize(_ size: Int, length: Int) {
        let value = UInt64(size) | 1 << UInt64(7 * length)
        for byte in stride(from: length - 1, through: 0, by: -1) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)))
        }
    }

    /// Appends the eight-byte "unknown size" (RFC 8794 §4: all value bits set).
    mutating func appendUnknownSize() {
        append(0x01)
        for _ in 0..<7 { append(0xFF) }
    }

    /// Appends the low `count` bytes of a number, most significant first.
    mutating func appendBigEndian(_ value: UInt64, count: Int) {
        for byte in stride(from: count - 1, through: 0, by: -1) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)))
        }
    }

    /// Appends an unsigned-integer element in the fewest bytes.
    mutating func appendElement(_ id: UInt32, unsigned value: UInt64) {
        let count = Swift.max(1, (64 - value.leadingZeroBitCount + 7) / 8)
        appendElementID(id)
        appendElementSize(count)
        appendBigEndian(value, count: count)
    }

    /// Appends a float element of eight bytes.
    mutating func appendElement(_ id: UInt32, float value: Double) {
        appendElementID(id)
        appendElementSize(8)
        appendBigEndian(value.bitPattern, count: 8)
    }

    /// Appends a text element.
    mutating func appendElement(_ id: UInt32, text: String) {
        appendElementID(id)
        appendElementSize(text.utf8.count)
        append(contentsOf: text.utf8)
    }

    /// Appends an element with a finished body.
    mutating func appendElement(_ id: UInt32, body: [UInt8]) {
        appendElementID(id)
        appendElementSize(body.count)
        append(contentsOf: body)
    }
}
