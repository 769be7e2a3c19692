/// One fragment of a stream, as the index knows it.
public struct StoredFragment: Sendable, Hashable {
    /// The stream it belongs to.
    public let streamName: String
    /// The session's file it lies in: also the call and the m-line.
    public let session: SessionFileName
    /// The fragment's number.
    public let number: FragmentNumber
    /// When the server opened it, milliseconds since 1970.
    public var serverMilliseconds: Int64 { Int64(clamping: number.epochMilliseconds) }
    /// Wall clock of its first sample as its producer said, milliseconds since 1970.
    public let producerMilliseconds: Int64
    /// From its first sample to the end of its last block, in milliseconds; of an open fragment so far.
    public let durationMilliseconds: Int64
    /// Its tags and its cluster in bytes; of an open fragment so far.
    public let bytes: Int
    /// Whether nothing will be added to it.
    public let isComplete: Bool

    let place: FragmentPlace

    init(streamName: String, session: SessionFileName, entry: IndexEntry, isComplete: Bool = true) {
        self.streamName = streamName
        self.session = session
        number = entry.number
        producerMilliseconds = entry.producerMilliseconds
        durationMilliseconds = Int64(entry.durationMilliseconds)
        bytes = Int(entry.place.length)
        self.isComplete = isComplete
        place = entry.place
    }
}

/// Where a fragment lies in its file.
struct FragmentPlace: Sendable, Hashable {
    /// The first byte of its tags.
    var offset: Int64
    /// From there to the head of its cluster.
    var tagsLength: UInt32
    /// Tags, cluster and what belongs to the fragment after it.
    var length: UInt32

    var end: Int64 { offset + Int64(length) }
    var cluster: Int64 { offset + Int64(tagsLength) }
}

/// What the index knows of a fragment that is complete.
struct IndexEntry: Sendable, Hashable {
    var number: FragmentNumber
    /// Milliseconds since 1970.
    var producerMilliseconds: Int64
    var durationMilliseconds: UInt32
    var place: FragmentPlace
    /// CRC-32C of all its bytes but the cluster's head, whose size is written in later.
    var checksum: UInt32

    var serverMilliseconds: Int64 { Int64(clamping: number.epochMilliseconds) }
}

/// The bytes of one fragment, ready to be sent: header and body together are a whole Matroska document.
public struct FragmentBytes: Sendable, Equatable {
    /// The fragment.
    public let fragment: StoredFragment
    /// EBML header to `Tracks`; the Segment has no size.
    public let header: [UInt8]
    /// `Tags` and `Cluster`; the cluster has its size.
    public let body: [UInt8]
}

/// Which fragments are meant.
public enum FragmentRange: Sendable, Hashable {
    /// All of them.
    case all
    /// Those whose server time is in the range, both ends included; milliseconds since 1970.
    case server(ClosedRange<Int64>)
    /// Those whose producer time is in the range, both ends included; milliseconds since 1970.
    case producer(ClosedRange<Int64>)

    func contains(_ entry: IndexEntry) -> Bool {
        switch self {
        case .all: true
        case .server(let range): range.contains(entry.serverMilliseconds)
        case .producer(let range): range.contains(entry.producerMilliseconds)
        }
    }
}

/// Where a follower begins.
public enum FollowStart: Sendable, Hashable {
    /// At the fragment that is being recorded; when nothing is, at the next session's first.
    case now
    /// At the oldest fragment there is.
    case earliest
    /// At the fragment after this one; when it is gone, at the next there is.
    case after(FragmentNumber)
    /// At the fragment in which the server time (milliseconds since 1970) lies, or the first later one.
    case server(Int64)
    /// At the fragment in which the producer time (milliseconds since 1970) lies, or the first later one.
    case producer(Int64)
}
