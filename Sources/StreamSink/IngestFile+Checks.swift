extension IngestFile {
    /// Checks a producer's header and gives its Segment a size of eight bytes, unknown.
    static func parse(_ bytes: [UInt8]) throws(StreamLibraryError) -> (header: [UInt8], sizeOffset: Int) {
        guard bytes.count <= SessionHeader.limit else { throw .invalidArgument("a header has at most 1 MB") }
        do throws(MatroskaError) {
            guard let document = try ElementHead(bytes, at: 0, offset: 0), document.id == MatroskaElement.ebml,
                let length = document.size, length <= bytes.count - document.bodyStart,
                let segment = try ElementHead(bytes, at: document.bodyStart + Int(length), offset: 0),
                segment.id == MatroskaElement.segment
            else { throw .wrongDocumentType("") }
            let head = document.bodyStart + Int(length)
            var header = Array(bytes[..<(head + 4)])
            header.appendUnknownSize()
            header += bytes[segment.bodyStart...]
            try checkContent(header)
            return (header, head + 4)
        } catch {
            throw .invalidArgument("the header is not a Matroska header: \(error)")
        }
    }

    /// A track, and nothing that is half or belongs to a fragment.
    private static func checkContent(_ header: [UInt8]) throws(MatroskaError) {
        var scanner = MatroskaScanner()
        scanner.append(header)
        var hasTrack = false
        while let token = try scanner.next() {
            switch token {
            case .document, .segment, .info: break
            case .track: hasTrack = true
            case .tags(let values):
                let fragment = Fragment(timecodeMilliseconds: 0, tags: values)
                guard fragment.number == nil else { throw .overrun(offset: scanner.offset) }
            case .cluster, .timecode, .block: throw .overrun(offset: scanner.offset)
            }
        }
        guard hasTrack, scanner.isBetweenElements, scanner.offset == Int64(header.count) else {
            throw .overrun(offset: scanner.offset)
        }
    }

    /// Checks a fragment. Returns where the cluster's content begins, and whether its time is there.
    func check(_ fragment: NewFragment) throws(StreamLibraryError) -> (bodyStart: Int, hasTime: Bool) {
        guard fragment.cluster.count <= Self.maximumCluster else {
            throw .invalidArgument("a fragment has at most 50 MB")
        }
        guard fragment.tags.count <= Self.maximumTags else {
            throw .invalidArgument("a fragment has at most \(Self.maximumTags) tags")
        }
        for tag in fragment.tags {
            guard !tag.name.isEmpty, tag.name.utf8.count <= 128, tag.value.utf8.count <= 256 else {
                throw .invalidArgument("a fragment tag's name has 1 to 128 bytes and its value at most 256")
            }
            guard !tag.name.hasPrefix("AWS") else {
                throw .invalidArgument("the fragment tag “\(tag.name)” is reserved: its name begins with AWS")
            }
        }
        do throws(MatroskaError) {
            guard let head = try ElementHead(fragment.cluster, at: 0, offset: 0), head.id == MatroskaElement.cluster
            else { throw .noElement(offset: 0) }
            let length = Int64(fragment.cluster.count - head.bodyStart)
            guard head.size ?? length == length else { throw .overrun(offset: 0) }
            return (head.bodyStart, try Self.hasTimeFirst(fragment.cluster, from: head.bodyStart))
        } catch {
            throw .invalidArgument("the fragment is not one whole cluster: \(error)")
        }
    }

    /// Every child must be whole and of a kind that readers know; blocks only after the time.
    private static func hasTimeFirst(_ cluster: [UInt8], from start: Int) throws(MatroskaError) -> Bool {
        var at = start
        var hasTime = false
        var hasBlock = false
        while at < cluster.count {
            guard let head = try ElementHead(cluster, at: at, offset: 0), let size = head.size,
                size <= cluster.count - head.bodyStart
            else { throw .overrun(offset: Int64(at)) }
            guard FragmentWalker.isClusterChild(head.id) else { throw .unknownElement(id: head.id, offset: Int64(at)) }
            if head.id == MatroskaElement.timecode { hasTime = true }
            if head.id == MatroskaElement.simpleBlock || head.id == MatroskaElement.blockGroup {
                guard hasTime else { return false }
                guard size >= 4, size <= MatroskaScanner.maximumBlock else {
                    throw .unsupportedBlock(offset: Int64(at))
                }
                hasBlock = true
            }
            at = head.bodyStart + Int(size)
        }
        return hasTime && hasBlock
    }
}
