import StreamSink

/// What a reader was sent last: enough to end its body as every consumer needs it.
///
/// AWS's Python consumer hands over a fragment only when the next one's EBML header has come, so a body that simply
/// ends loses its last fragment. Therefore the body ends with one more fragment without audio: the same header, a
/// number, times and cluster time just behind the last one's, and the same call's tags, so that readers which watch
/// `TransactionId` or `CallId` see no other call.
struct LastFragment {
    /// How much of a fragment is looked at for its tags and its cluster's time.
    private static let headBytes = 16 * 1024
    private static let maximumTags = 64

    private var header: [UInt8] = []
    /// The first parts, as they were read; shared with what was sent, not copied.
    private var parts: [[UInt8]] = []
    private var partBytes = 0
    private var fragment: StoredFragment?
    private var isComplete = false
    private var token: FragmentNumber?

    mutating func begin(header: [UInt8], _ fragment: StoredFragment) {
        self.header = header
        self.fragment = fragment
        parts.removeAll(keepingCapacity: true)
        partBytes = 0
        isComplete = false
    }

    mutating func add(_ bytes: [UInt8]) {
        guard partBytes < Self.headBytes else { return }
        parts.append(bytes)
        partBytes += bytes.count
    }

    /// Notes that the fragment is complete; the tags that follow it.
    mutating func end(_ fragment: StoredFragment, millisecondsBehindNow: Int64) -> [UInt8] {
        self.fragment = fragment
        isComplete = true
        token = fragment.number
        return MediaTag.element(trailer(millisecondsBehindNow))
    }

    private func trailer(_ behind: Int64) -> [MediaTag] {
        var tags = [MediaTag(MediaTag.millisBehindNow, String(max(0, behind)))]
        // The token of a fragment that is not complete would skip its rest.
        if let token { tags.append(MediaTag(MediaTag.continuationToken, token.description)) }
        return tags
    }

    /// The end of the body: the missing tags of a fragment that was cut short, and the fragment without audio; `nil`
    /// when nothing was sent.
    func closing(millisecondsBehindNow: Int64) -> [UInt8]? {
        guard let fragment else { return nil }
        var bytes: [UInt8] = []
        if !isComplete { bytes += MediaTag.element(trailer(millisecondsBehindNow)) }
        let (tags, clusterTime) = head()
        let duration = fragment.durationMilliseconds
        var all = [
            MediaTag(MediaTag.fragmentNumber, Self.following(fragment.number).description),
            MediaTag(MediaTag.serverTimestamp, MediaTag.seconds(fragment.serverMilliseconds &+ duration)),
            MediaTag(MediaTag.producerTimestamp, MediaTag.seconds(fragment.producerMilliseconds &+ duration)),
        ]
        all += tags.filter { !$0.name.hasPrefix("AWS_KINESISVIDEO") }
        bytes += header
        bytes += MediaTag.element(all)
        bytes += Self.emptyCluster(clusterTime &+ UInt64(clamping: duration))
        bytes += MediaTag.element(trailer(millisecondsBehindNow))
        return bytes
    }

    /// An error fragment: number, error and code, no server time and no cluster.
    func error(_ error: StreamLibraryError) -> [UInt8] {
        let (id, code) =
            switch error {
            case .noSuchFragment, .damaged: ("4000", "FRAGMENT_NOT_FOUND")
            case .noSuchStream, .streamExists, .versionMismatch, .invalidArgument, .streamBusy, .tagLimit,
                .noRetention, .readOnly, .closed, .disk:
                ("5000", "INTERNAL_ERROR")
            }
        let number = fragment.map { Self.following($0.number).description } ?? "0"
        let header = header.isEmpty ? Self.bareHeader : header
        return header
            + MediaTag.element([
                MediaTag(MediaTag.fragmentNumber, number), MediaTag(MediaTag.errorID, id),
                MediaTag(MediaTag.errorCode, code),
            ])
    }

    /// A number after this fragment's and before any other's: the counter leads, and stays.
    static func following(_ number: FragmentNumber) -> FragmentNumber {
        number.random < 0x0FFF_FFFF
            ? FragmentNumber(
                counter: number.counter, epochMilliseconds: number.epochMilliseconds, random: number.random + 1)
            : FragmentNumber(
                counter: number.counter, epochMilliseconds: number.epochMilliseconds &+ 1, random: 0)
    }

    /// The fragment's tags and its cluster's time, as far as they are among the first bytes.
    private func head() -> (tags: [MediaTag], clusterTime: UInt64) {
        let bytes = Array(parts.joined())
        var rest = bytes[...]
        var tags: [MediaTag] = []
        while let head = try? ElementHead(rest) {
            let content = rest.dropFirst(head.length)
            if head.id == MatroskaElement.cluster {
                guard let timecode = try? ElementHead(content), timecode.id == MatroskaElement.timecode,
                    let size = timecode.size, size <= 8
                else { return (tags, 0) }
                return (tags, content.dropFirst(timecode.length).prefix(size).unsignedNumber ?? 0)
            }
            guard let size = head.size, size <= content.count else { break }
            if head.id == MatroskaElement.tags {
                tags += (try? MediaTag.read(content.prefix(size), limit: Self.maximumTags)) ?? []
            }
            rest = content.dropFirst(size)
        }
        return (tags, 0)
    }

    private static func emptyCluster(_ time: UInt64) -> [UInt8] {
        var timecode: [UInt8] = []
        timecode.appendElement(
            MatroskaElement.timecode, (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * $0)) })
        var cluster: [UInt8] = []
        cluster.appendElement(MatroskaElement.cluster, timecode)
        return cluster
    }

    /// The smallest header: an EBML element of DocType matroska, and a Segment of unknown size.
    private static let bareHeader: [UInt8] = {
        var docType: [UInt8] = []
        docType.appendElement(MatroskaElement.docType, Array("matroska".utf8))
        var header: [UInt8] = []
        header.appendElement(MatroskaElement.ebml, docType)
        header.appendElementID(MatroskaElement.segment)
        header += [0x01] + [UInt8](repeating: 0xFF, count: 7)
        return header
    }()
}
