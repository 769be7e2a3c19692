import StreamSink

/// Splits a producer's Matroska stream into its header and its fragments, in pieces of any size, as they arrive.
///
/// Bodies come from anyone with a key: every size is checked against a bound before anything is kept for it, nothing
/// is read recursively, and after a fault every further call gives the same fault. It keeps at most one fragment
/// (``HTTPLimits/fragmentBytes``) and one header (``headerLimit``). Owned by one task.
struct MediaSplitter: ~Copyable {
    /// What has become known.
    enum Event: Equatable {
        /// The header: EBML element to what stands before the first cluster.
        case header([UInt8])
        /// A fragment has begun: its cluster's time, in milliseconds.
        case began(timecode: Int64)
        /// A fragment is complete.
        case fragment(MediaFragment)
    }

    /// The most of a header, and of any element beside the clusters.
    static let headerLimit = 1 << 20
    /// Children of a cluster that stand before its time, bytes.
    private static let clusterPreambleLimit = 4096

    private enum State {
        /// Before the first EBML element, or before another with the same header.
        case document
        case segmentHead
        /// Among the children of a Segment.
        case segment
        /// Among the children of ``cluster``.
        case cluster
        case failed(PutMediaFault)
    }

    private var state = State.document
    /// The cluster that is being read; apart from the state, so that adding to it never copies it.
    private var cluster = OpenCluster(remaining: nil)
    private let limits: HTTPLimits
    private var bytes: [UInt8] = []
    /// What of ``bytes`` is read.
    private var position = 0
    private var header: [UInt8] = []
    private var isHeaderDone = false
    private var description = TrackDescription()
    private var tags: [MediaTag] = []
    private var lastTimecode: Int64?

    init(limits: HTTPLimits) { self.limits = limits }

    /// Takes the next bytes; what became known through them, in order.
    ///
    /// - Parameter events: gets what is known even when the call throws.
    mutating func append(_ more: some Sequence<UInt8>, to events: inout [Event]) throws(PutMediaFault) {
        if case .failed(let fault) = state { throw fault }
        bytes.append(contentsOf: more)
        do throws(PutMediaFault) {
            while try step(&events) {}
        } catch {
            state = .failed(error)
            bytes = []
            position = 0
            throw error
        }
        // Only what is unread stays.
        if position > 0 {
            bytes.removeFirst(position)
            position = 0
        }
    }

    /// The body has ended: the last cluster of unknown size is complete, and nothing may be half.
    mutating func finish(_ events: inout [Event]) throws(PutMediaFault) {
        switch state {
        case .failed(let fault): throw fault
        case .cluster:
            guard cluster.remaining == nil || cluster.remaining == 0, position == bytes.count else {
                throw .invalidMedia
            }
            try closeCluster(&events)
        case .document, .segmentHead, .segment:
            guard position == bytes.count else { throw .invalidMedia }
        }
    }

    /// One element; false when more bytes are needed.
    private mutating func step(_ events: inout [Event]) throws(PutMediaFault) -> Bool {
        if case .cluster = state, cluster.remaining == 0 {
            try closeCluster(&events)
            return true
        }
        guard let head = try head() else { return false }
        switch state {
        case .document:
            guard head.id == MatroskaElement.ebml else { throw .invalidMedia }
            guard let element = try whole(head, limit: 4096) else { return false }
            try begin(document: element)
            return true
        case .segmentHead:
            guard head.id == MatroskaElement.segment else { throw .invalidMedia }
            if !isHeaderDone {
                header += bytes[position..<position + 4]
                header += [0x01] + [UInt8](repeating: 0xFF, count: 7)
            }
            position += head.length
            state = .segment
            return true
        case .segment:
            return try segmentChild(head, &events)
        case .cluster:
            return try clusterChild(head, &events)
        case .failed(let fault):
            throw fault
        }
    }

    private func head() throws(PutMediaFault) -> ElementHead? {
        do throws(ElementFault) {
            return try ElementHead(bytes[position...])
        } catch {
            throw .invalidMedia
        }
    }

    /// The element with its head, once it is all there.
    private mutating func whole(_ head: ElementHead, limit: Int) throws(PutMediaFault) -> ArraySlice<UInt8>? {
        guard let size = head.size, size <= limit else { throw .invalidMedia }
        let end = position + head.length + size
        guard bytes.count >= end else { return nil }
        defer { position = end }
        return bytes[position..<end]
    }

    /// The first document is kept as the header; another one must say the same (a producer that repeats its header
    /// before each fragment, as GetMedia does).
    private mutating func begin(document: ArraySlice<UInt8>) throws(PutMediaFault) {
        if isHeaderDone {
            guard header.starts(with: document) else { throw .invalidMedia }
        } else {
            header = Array(document)
        }
        state = .segmentHead
    }

    private mutating func segmentChild(
        _ head: ElementHead, _ events: inout [Event]
    ) throws(PutMediaFault) -> Bool {
        switch head.id {
        case MatroskaElement.cluster:
            if !isHeaderDone {
                guard !description.tracks.isEmpty else { throw .invalidMedia }
                isHeaderDone = true
                events.append(.header(header))
            }
            if let size = head.size, size > limits.fragmentBytes { throw .fragmentSize }
            position += head.length
            cluster = OpenCluster(remaining: head.size)
            state = .cluster
            return true
        case MatroskaElement.ebml where isHeaderDone:
            state = .document
            return true
        case MatroskaElement.tags:
            guard let element = try whole(head, limit: Self.headerLimit) else { return false }
            try add(tags: element.dropFirst(head.length))
            return true
        case MatroskaElement.info, MatroskaElement.tracks:
            guard let element = try whole(head, limit: Self.headerLimit) else { return false }
            // In a repeated header they say what the first said.
            guard !isHeaderDone else { return true }
            guard header.count + element.count <= Self.headerLimit else { throw .invalidMedia }
            if head.id == MatroskaElement.tracks {
                try description.read(tracks: element.dropFirst(head.length))
            } else {
                try description.read(info: element.dropFirst(head.length))
            }
            header += element
            return true
        case MatroskaElement.seekHead, MatroskaElement.void, MatroskaElement.crc32, MatroskaElement.cues,
            MatroskaElement.chapters,
            MatroskaElement.attachments:
            // Places in the producer's file mean nothing here.
            return try whole(head, limit: Self.headerLimit) != nil
        default:
            throw .invalidMedia
        }
    }

    /// Tags belong to the fragment that follows them.
    private mutating func add(tags content: ArraySlice<UInt8>) throws(PutMediaFault) {
        let found: [MediaTag]
        do throws(ElementFault) {
            found = try MediaTag.read(content, limit: 100)
        } catch {
            throw .invalidMedia
        }
        for tag in found {
            guard !tag.name.isEmpty, !tag.name.hasPrefix("AWS") else { throw .invalidTags }
            guard tag.name.utf8.count <= 128, tag.value.utf8.count <= 256 else { throw .tooManyTags }
            tags.removeAll { $0.name == tag.name }
            tags.append(tag)
        }
        guard tags.count <= 10 else { throw .tooManyTags }
    }

    private mutating func clusterChild(
        _ head: ElementHead, _ events: inout [Event]
    ) throws(PutMediaFault) -> Bool {
        if cluster.remaining == nil, MatroskaElement.endsCluster(head.id) {
            try closeCluster(&events)
            return true
        }
        guard let size = head.size, size <= limits.fragmentBytes else { throw .fragmentSize }
        let length = head.length + size
        if let remaining = cluster.remaining, length > remaining { throw .invalidMedia }
        guard cluster.content.count + length + ElementHead.maximumLength <= limits.fragmentBytes else {
            throw .fragmentSize
        }
        let isTimed = cluster.timecode != nil
        if !isTimed, head.id != MatroskaElement.timecode, length > Self.clusterPreambleLimit { throw .invalidMedia }
        guard bytes.count - position >= length else { return false }
        try cluster.add(head, bytes[position..<position + length], description, limits)
        position += length
        if let remaining = cluster.remaining { cluster.remaining = remaining - length }
        if !isTimed, let timecode = cluster.timecode {
            if let lastTimecode, timecode <= lastTimecode { throw .timecodeOrder }
            lastTimecode = timecode
            events.append(.began(timecode: timecode))
        }
        return true
    }

    private mutating func closeCluster(_ events: inout [Event]) throws(PutMediaFault) {
        guard let timecode = cluster.timecode else { throw .invalidMedia }
        guard cluster.framesByTrack.count == description.tracks.count else { throw .framesMissing }
        var element: [UInt8] = []
        element.appendElement(MatroskaElement.cluster, cluster.content)
        events.append(
            .fragment(
                MediaFragment(
                    timecode: timecode, durationMilliseconds: cluster.durationMilliseconds, tags: tags,
                    cluster: element)))
        tags = []
        cluster = OpenCluster(remaining: nil)
        state = .segment
    }
}
