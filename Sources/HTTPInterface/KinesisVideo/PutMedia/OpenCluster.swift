import StreamSink

/// A fragment of a producer.
struct MediaFragment: Equatable {
    /// The cluster's time, milliseconds.
    var timecode: Int64
    /// From the cluster's time to the end of the last frame, milliseconds. A frame lasts as long as its `BlockDuration`
    /// says, else until as far as it lies from the one before it, and the only one as long as its track says.
    var durationMilliseconds: Int64
    /// The producer's tags.
    var tags: [MediaTag]
    /// The whole `Cluster` element; its size is known.
    var cluster: [UInt8]
}

/// What is known of a producer's tracks.
struct TrackDescription {
    /// The most tracks of a stream.
    static let maximumTracks = 3

    private(set) var tracks: [UInt64: ProducerTrack] = [:]
    /// Nanoseconds of one unit of time.
    private(set) var timestampScale: Int64 = 1_000_000

    mutating func read(tracks content: ArraySlice<UInt8>) throws(PutMediaFault) {
        do throws(ElementFault) {
            var entries = ElementChildren(content)
            while let entry = try entries.next() {
                guard entry.id == MatroskaElement.trackEntry else { continue }
                var fields = ElementChildren(entry.content)
                while let field = try fields.next() {
                    if field.id == MatroskaElement.trackNumber, let number = field.content.unsignedNumber {
                        tracks[number] = try ProducerTrack(entry.content)
                    }
                }
                // Checked here, so that a million entries are not read before they are refused.
                guard tracks.count <= Self.maximumTracks else { break }
            }
        } catch {
            throw .invalidMedia
        }
        guard tracks.count <= Self.maximumTracks else { throw .tooManyTracks }
    }

    mutating func read(info content: ArraySlice<UInt8>) throws(PutMediaFault) {
        do throws(ElementFault) {
            var fields = ElementChildren(content)
            while let field = try fields.next() {
                guard field.id == MatroskaElement.timestampScale else { continue }
                // A nanosecond to a second.
                guard let scale = field.content.unsignedNumber, (1...1_000_000_000).contains(scale) else {
                    throw .overrun
                }
                timestampScale = Int64(scale)
            }
        } catch {
            throw .invalidMedia
        }
    }

    /// Units of time in milliseconds; `nil` when that overflows.
    func milliseconds(_ units: Int64) -> Int64? {
        let (nanoseconds, overflow) = units.multipliedReportingOverflow(by: timestampScale)
        return overflow ? nil : nanoseconds / 1_000_000
    }
}

/// The cluster that is being read.
struct OpenCluster {
    /// Bytes that are still to come; `nil`: the cluster's size is unknown.
    var remaining: Int?
    private(set) var content: [UInt8] = []
    /// In milliseconds, once it is known.
    private(set) var timecode: Int64?
    /// The last frame's time within the cluster and its distance from the one before, by track; in units.
    private(set) var framesByTrack: [UInt64: (last: Int64, step: Int64)] = [:]
    /// The end of the last frame within the cluster, milliseconds.
    private(set) var durationMilliseconds: Int64 = 0

    init(remaining: Int?) { self.remaining = remaining }

    /// Takes a child of the cluster with its head.
    mutating func add(
        _ head: ElementHead, _ element: ArraySlice<UInt8>, _ description: TrackDescription, _ limits: HTTPLimits
    ) throws(PutMediaFault) {
        let body = element.dropFirst(head.length)
        switch head.id {
        case MatroskaElement.timecode:
            // 2^53 milliseconds are 285,000 years: beyond them nothing is a time.
            guard timecode == nil, let units = body.unsignedNumber, let whole = Int64(exactly: units),
                let time = description.milliseconds(whole), time < 1 << 53
            else { throw .invalidMedia }
            timecode = time
        case MatroskaElement.simpleBlock:
            try add(block: body, description, limits)
        case MatroskaElement.blockGroup:
            try add(group: body, description, limits)
        case MatroskaElement.void, MatroskaElement.crc32:
            // A checksum over children that are laid out anew would be wrong.
            return
        case MatroskaElement.position, MatroskaElement.previousSize:
            // Places in the producer's file.
            return
        default:
            throw .invalidMedia
        }
        content += element
    }

    private mutating func add(
        group: ArraySlice<UInt8>, _ description: TrackDescription, _ limits: HTTPLimits
    ) throws(PutMediaFault) {
        var block: ArraySlice<UInt8>?
        var duration: UInt64?
        do throws(ElementFault) {
            var children = ElementChildren(group)
            while let child = try children.next() {
                switch child.id {
                case MatroskaElement.block: block = child.content
                case MatroskaElement.blockDuration: duration = child.content.unsignedNumber
                default: break
                }
            }
        } catch {
            throw .invalidMedia
        }
        guard let block else { throw .invalidMedia }
        try add(block: block, duration: duration.flatMap { Int64(exactly: $0) }, description, limits)
    }

    /// A block's head: the track's number, the time within the cluster, flags (RFC 9559 §10.1).
    private mutating func add(
        block: ArraySlice<UInt8>, duration: Int64? = nil, _ description: TrackDescription, _ limits: HTTPLimits
    ) throws(PutMediaFault) {
        guard timecode != nil, let first = block.first else { throw .invalidMedia }
        let length = first.leadingZeroBitCount + 1
        guard length <= 8, block.count >= length + 3 else { throw .invalidMedia }
        let marker = UInt64(1) << UInt64(7 * length)
        let track = block.prefix(length).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & (marker - 1)
        guard let source = description.tracks[track] else { throw .trackNumber }
        let time = block.dropFirst(length).prefix(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
        let relative = Int64(Int16(bitPattern: time))
        let step = framesByTrack[track].map { max(0, relative - $0.last) } ?? 0
        framesByTrack[track] = (relative, step)
        // What says that a frame takes longer than a fragment may is not believed.
        let said = duration.flatMap { description.milliseconds($0) }.flatMap {
            $0 <= limits.fragmentMilliseconds ? $0 : nil
        }
        let bytes = block.count - length - 3
        let lasting = said ?? (step > 0 ? description.milliseconds(step) ?? 0 : source.milliseconds(frameOf: bytes))
        let end = (description.milliseconds(max(0, relative)) ?? .max).addingReportingOverflow(lasting)
        durationMilliseconds = max(durationMilliseconds, end.overflow ? .max : end.partialValue)
        guard description.milliseconds(max(0, relative)) ?? .max <= limits.fragmentMilliseconds else {
            throw .fragmentDuration
        }
    }
}
