import StreamSink

/// What a producer's header says of how long a track's frames are.
struct ProducerTrack {
    /// `DefaultDuration` in nanoseconds; 0 where the header has none.
    private var defaultNanoseconds: Int64 = 0
    /// Bytes of one second; 0 where the codec's frames do not tell their length by it.
    private var bytesPerSecond: Int64 = 0

    init() {}

    /// - Parameter entry: the children of a `TrackEntry`.
    init(_ entry: ArraySlice<UInt8>) throws(ElementFault) {
        var codec = ""
        var codecPrivate: ArraySlice<UInt8> = []
        var rate: Int64 = 8000
        var channels: Int64 = 1
        var bits: Int64 = 0
        var fields = ElementChildren(entry)
        while let field = try fields.next() {
            switch field.id {
            case MatroskaElement.defaultDuration: defaultNanoseconds = Self.number(field.content)
            case MatroskaElement.codecID: codec = field.content.elementText
            case MatroskaElement.codecPrivate: codecPrivate = field.content
            case MatroskaElement.audio:
                var parts = ElementChildren(field.content)
                while let part = try parts.next() {
                    switch part.id {
                    case MatroskaElement.samplingFrequency: rate = Self.frequency(part.content)
                    case MatroskaElement.channels: channels = Self.number(part.content)
                    case MatroskaElement.bitDepth: bits = Self.number(part.content)
                    default: break
                    }
                }
            default: break
            }
        }
        if codec.hasPrefix("A_PCM"), (1...255).contains(channels), (8...64).contains(bits) {
            bytesPerSecond = rate * channels * (bits / 8)
        } else if codec == "A_MS/ACM", codecPrivate.count >= 12 {
            // WAVEFORMATEX: the bytes a second are a little-endian number from byte 8 on.
            bytesPerSecond = codecPrivate.dropFirst(8).prefix(4).reversed().reduce(0) { $0 << 8 | Int64($1) }
        }
    }

    /// How long a frame of so many bytes is, in whole milliseconds; 0 where nobody says.
    func milliseconds(frameOf bytes: Int) -> Int64 {
        bytesPerSecond > 0 ? Int64(bytes) * 1000 / bytesPerSecond : defaultNanoseconds / 1_000_000
    }

    /// Numbers beyond a minute of nanoseconds are none.
    private static func number(_ content: ArraySlice<UInt8>) -> Int64 {
        content.unsignedNumber.flatMap { $0 <= 60_000_000_000 ? Int64($0) : nil } ?? 0
    }

    /// A float of four or eight bytes (RFC 8794 §7.3).
    private static func frequency(_ content: ArraySlice<UInt8>) -> Int64 {
        guard let number = content.unsignedNumber else { return 0 }
        let value =
            content.count == 4
            ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: number))) : Double(bitPattern: number)
        return value >= 1 && value <= 1_000_000 ? Int64(value) : 0
    }
}
