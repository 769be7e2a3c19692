/// Makes the index of a session as it is written: follows what came through into the file.
///
/// Owned by the session's writer. No allocation but for the list of a minute's fragments; the checksum is the only cost
/// that goes with the bytes.
struct FragmentIndexer: Sendable {
    private struct Open {
        var number: FragmentNumber
        var timecode: Int64
        var offset: Int64
        var cluster: Int64
        var sum: CRC32C
    }

    let live: LiveSession?
    /// The session's; here so that a write finds it without a way round.
    private let watch: StreamWatch?
    /// Told when a batch of the index should be written.
    private let isDue: (@Sendable (LiveSession) -> Void)?
    private let startedAtMilliseconds: Int64
    private let sampleRate: Int64
    private var open: Open?
    private var hasHeader = false
    /// Of what stands before the first fragment.
    private var headerSum = CRC32C()

    init(
        live: LiveSession?, startedAtMilliseconds: Int64, sampleRate: Int,
        isDue: (@Sendable (LiveSession) -> Void)? = nil
    ) {
        self.live = live
        watch = live?.watch
        self.startedAtMilliseconds = startedAtMilliseconds
        self.sampleRate = Int64(sampleRate)
        self.isDue = isDue
    }

    /// Takes the bytes that are in the file now.
    /// - Parameters:
    ///   - bytes: what was to be written.
    ///   - kept: how many of them are in the file and will stay.
    ///   - start: their place in the file.
    ///   - opened: where fragments were opened in `bytes`.
    mutating func take(
        _ bytes: [UInt8], kept: Int, at start: Int64, opened: [FragmentMuxer.OpenedFragment]
    ) {
        guard let live else { return }
        var done = 0
        for index in opened.indices where opened[index].cluster < kept {
            let next = opened[index]
            let tags = start + Int64(next.tags)
            if !hasHeader {
                hasHeader = true
                headerSum.add(bytes, 0..<next.tags)
                live.noteHeader(length: tags, checksum: headerSum.value)
            }
            open?.sum.add(bytes, done..<next.tags)
            finish(end: tags, blockEnd: next.previousEnd)
            var sum = CRC32C()
            sum.add(bytes, next.tags..<next.cluster)
            open = Open(
                number: next.number, timecode: next.timecode, offset: tags, cluster: start + Int64(next.cluster),
                sum: sum)
            done = next.cluster + Int(ClusterPlaces.headLength)
        }
        if !hasHeader { headerSum.add(bytes, 0..<kept) }
        if done < kept { open?.sum.add(bytes, done..<kept) }
        watch?.advance(to: start + Int64(kept))
    }

    /// The open fragment is complete.
    /// - Parameters:
    ///   - end: where it ends in the file.
    ///   - blockEnd: the end of its last block on the line, in samples.
    mutating func finish(end: Int64, blockEnd: Int64) {
        guard let fragment = open, let live else { return }
        open = nil
        let milliseconds = blockEnd / sampleRate * 1000 + blockEnd % sampleRate * 1000 / sampleRate
        let entry = IndexEntry(
            number: fragment.number, producerMilliseconds: startedAtMilliseconds + fragment.timecode,
            durationMilliseconds: UInt32(clamping: milliseconds - fragment.timecode),
            place: FragmentPlace(
                offset: fragment.offset, tagsLength: UInt32(clamping: fragment.cluster - fragment.offset),
                length: UInt32(clamping: end - fragment.offset)), checksum: fragment.sum.value)
        if live.note(entry) { isDue?(live) }
    }
}
