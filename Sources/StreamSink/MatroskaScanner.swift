/// Reads a Matroska byte stream element by element, as the bytes come, with a limit on everything.
///
/// It understands what ``FragmentMuxer`` writes and skips what other writers may add (Void, CRC, SeekHead, Cues, …). A
/// pure value: it has no file and no clock. `Segment` and `Cluster` may have an unknown size; their children are told by
/// their identifiers.
public struct MatroskaScanner: Sendable {
    /// What the scanner came past.
    public enum Token: Sendable, Equatable {
        /// An EBML header: a document starts.
        case document
        /// A Segment's head: where its first child lies in the stream, and its size when that is known.
        case segment(dataOffset: Int64, size: Int64?)
        /// The segment's information.
        case info(SegmentInformation)
        /// The first track.
        case track(TrackDescription)
        /// Name and value of the simple tags, in order.
        case tags([TagValue])
        /// A cluster starts: where its head and its first child lie in the stream, and its size when that is known.
        case cluster(offset: Int64, dataOffset: Int64, size: Int64?)
        /// The open cluster's time in milliseconds.
        case timecode(Int64)
        /// A block: milliseconds after its cluster, and where its payload lies in ``buffer``.
        case block(relativeMilliseconds: Int16, payload: Range<Int>)
    }

    /// What `Info` says.
    public struct SegmentInformation: Sendable, Equatable {
        /// Wall clock of time 0, milliseconds since 1970.
        public var startedAtMilliseconds: Int64?
        /// The length in milliseconds; present when the file was closed.
        public var durationMilliseconds: Double?
        /// Where an eleven-byte Void or Duration lies in the stream.
        var durationOffset: Int64?
    }

    /// What the first track entry says.
    public struct TrackDescription: Sendable, Equatable {
        /// The codec, `A_PCM/INT/LIT` in our own files.
        public var codecID = ""
        /// The track's name.
        public var name = ""
        /// Samples per second.
        public var samplingFrequency = 8000.0
        /// Channels.
        public var channels = 1
        /// Bits per sample.
        public var bitDepth = 0
        /// What the codec needs to know beside the blocks.
        public var codecPrivate: [UInt8] = []
    }

    /// One simple tag.
    public struct TagValue: Sendable, Equatable {
        /// The tag's name.
        public var name: String
        /// The tag's value.
        public var value: String
    }

    /// Larger headers and tags are refused.
    static let maximumMaster = 256 << 10
    /// Larger blocks are refused.
    static let maximumBlock = 16 << 20

    /// The bytes that payload ranges refer to; valid until the next call.
    public private(set) var buffer: [UInt8] = []
    private var head = 0
    private var base: Int64
    private var toSkip: Int64 = 0

    /// Starts at an element's first byte; `offset` is its place in the stream, for messages.
    public init(offset: Int64 = 0) {
        base = offset
    }

    /// The place in the stream of the next byte that is not yet part of a token.
    public var offset: Int64 { base + Int64(head) }
    /// The place of the next byte that is expected by ``append(_:)``.
    public var endOffset: Int64 { base + Int64(buffer.count) }

    /// Whether no part of an element that is passed over is missing.
    var isBetweenElements: Bool { toSkip == 0 }

    /// Adds the bytes that follow.
    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if head > 0 {
            buffer.removeSubrange(..<head)
            base += Int64(head)
            head = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next token; `nil` when more bytes are needed.
    public mutating func next() throws(MatroskaError) -> Token? {
        while true {
            if toSkip > 0 {
                let count = min(toSkip, Int64(buffer.count - head))
                head += Int(count)
                toSkip -= count
                if toSkip > 0 { return nil }
            }
            guard let element = try ElementHead(buffer, at: head, offset: base) else { return nil }
            switch element.id {
            case MatroskaElement.segment:
                head = element.bodyStart
                return .segment(dataOffset: offset, size: element.size)
            case MatroskaElement.cluster:
                let start = offset
                head = element.bodyStart
                return .cluster(offset: start, dataOffset: offset, size: element.size)
            case MatroskaElement.ebml:
                guard let body = try body(of: element, limit: Self.maximumMaster) else { return nil }
                try checkDocument(body)
                head = body.upperBound
                return .document
            case MatroskaElement.info:
                guard let body = try body(of: element, limit: Self.maximumMaster) else { return nil }
                let info = try information(body)
                head = body.upperBound
                return .info(info)
            case MatroskaElement.tracks:
                guard let body = try body(of: element, limit: Self.maximumMaster) else { return nil }
                let track = try firstTrack(body)
                head = body.upperBound
                if let track { return .track(track) }
            case MatroskaElement.tags:
                guard let body = try body(of: element, limit: Self.maximumMaster) else { return nil }
                let tags = try tagValues(body)
                head = body.upperBound
                return .tags(tags)
            case MatroskaElement.timecode:
                guard let body = try body(of: element, limit: 8) else { return nil }
                let time = unsigned(body)
                guard time < 1 << 50 else { throw .impossibleTime(offset: offset) }
                head = body.upperBound
                return .timecode(Int64(time))
            case MatroskaElement.simpleBlock:
                guard let body = try body(of: element, limit: Self.maximumBlock) else { return nil }
                guard body.count >= 4, buffer[body.lowerBound] & 0x80 != 0 else {
                    throw .unsupportedBlock(offset: offset)
                }
                // RFC 9559 §10.2: bits 5 and 6 of the flags are the lacing, which this writer never uses.
                guard buffer[body.lowerBound + 3] & 0x06 == 0 else { throw .unsupportedBlock(offset: offset) }
                let time = Int16(
                    bitPattern: UInt16(buffer[body.lowerBound + 1]) << 8 | UInt16(buffer[body.lowerBound + 2]))
                head = body.upperBound
                return .block(relativeMilliseconds: time, payload: body.lowerBound + 4..<body.upperBound)
            case MatroskaElement.void, MatroskaElement.crc32, MatroskaElement.seekHead, MatroskaElement.cues,
                MatroskaElement.chapters, MatroskaElement.attachments, MatroskaElement.position,
                MatroskaElement.previousSize, MatroskaElement.blockGroup, MatroskaElement.silentTracks:
                guard let size = element.size else { throw .unknownSize(id: element.id, offset: offset) }
                head = element.bodyStart
                toSkip = size
            default:
                throw .unknownElement(id: element.id, offset: offset)
            }
        }
    }

    /// The little-endian samples of a payload; an odd last byte is left out.
    public func samples(in payload: Range<Int>) -> [Int16] {
        let count = payload.count / 2
        return [Int16](unsafeUninitializedCapacity: count) { samples, initialized in
            for index in 0..<count {
                let at = payload.lowerBound + 2 * index
                samples[index] = Int16(bitPattern: UInt16(buffer[at]) | UInt16(buffer[at + 1]) << 8)
            }
            initialized = count
        }
    }

    private func body(of element: ElementHead, limit: Int) throws(MatroskaError) -> Range<Int>? {
        guard let size = element.size else { throw .unknownSize(id: element.id, offset: offset) }
        guard size <= limit else { throw .tooLarge(id: element.id, size: size, offset: offset) }
        let end = element.bodyStart + Int(size)
        return end <= buffer.count ? element.bodyStart..<end : nil
    }
}

/// Why bytes are not a Matroska file that can be read here. Offsets are bytes from the start of the file.
public enum MatroskaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The byte can start no element.
    case noElement(offset: Int64)
    /// An element that does not belong here.
    case unknownElement(id: UInt32, offset: Int64)
    /// Only Segment and Cluster may be without a size.
    case unknownSize(id: UInt32, offset: Int64)
    /// An element larger than the limit.
    case tooLarge(id: UInt32, size: Int64, offset: Int64)
    /// An element that is larger than the one it lies in.
    case overrun(offset: Int64)
    /// Not a Matroska or WebM document.
    case wrongDocumentType(String)
    /// A block with lacing or a track number above 127.
    case unsupportedBlock(offset: Int64)
    /// A cluster's time beyond any recording.
    case impossibleTime(offset: Int64)

    /// One sentence.
    public var description: String {
        switch self {
        case .noElement(let offset): "no element starts at byte \(offset): the file is damaged or not Matroska"
        case .unknownElement(let id, let offset): "unknown element 0x\(hex(id)) at byte \(offset)"
        case .unknownSize(let id, let offset): "element 0x\(hex(id)) at byte \(offset) has no size"
        case .tooLarge(let id, let size, let offset): "element 0x\(hex(id)) at byte \(offset) claims \(size) bytes"
        case .overrun(let offset): "an element ends after the one around it, at byte \(offset)"
        case .wrongDocumentType(let type): "the document's type is “\(type.prefix(40))”, not matroska"
        case .unsupportedBlock(let offset): "a block with lacing or a large track number at byte \(offset)"
        case .impossibleTime(let offset): "a cluster's time is out of range at byte \(offset)"
        }
    }

    private func hex(_ id: UInt32) -> String { String(id, radix: 16, uppercase: true) }
}
