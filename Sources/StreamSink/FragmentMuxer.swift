/// Turns one leg's samples or payloads into the bytes of a Matroska file that is readable while it grows.
///
/// The file is one Segment of unknown size: header, then for every fragment its `Tags` and a `Cluster` of unknown size.
/// Samples are laid on a grid of 20 ms blocks from the session's start; a block's time is its place on the grid and
/// nothing else, so a hole stays a hole. Payloads have the time at which they were placed. Pure: no file, no clock. Owned
/// by one thread. Bytes are appended to an array that the caller reuses; nothing is allocated once that array has grown.
public struct FragmentMuxer: ~Copyable, Sendable {
    /// Samples in a full block of the default format (20 ms at 8 kHz).
    public static let samplesPerBlock = 160
    /// Blocks in a full fragment (1 s).
    public static let blocksPerFragment = 50
    /// Samples per second of the default format.
    public static let sampleRate = 8000
    static let blockMilliseconds: Int64 = 20
    static let fragmentMilliseconds: Int64 = 1000
    /// Where the eight bytes of the Segment's size lie in the file.
    static let segmentSizeOffset = 0x28 + 4

    /// What the muxer has written so far: a plain value, so that a failed write can be taken back.
    public struct Position: Sendable, Equatable {
        /// The next block's place on the 20 ms grid.
        public internal(set) var nextBlock: Int64 = 0
        /// Fragments opened so far.
        public internal(set) var fragments = 0
        /// The open (or last) fragment's number.
        public internal(set) var lastNumber: FragmentNumber?
        /// Samples written so far; of payloads the length on the line.
        public internal(set) var samples: Int64 = 0
        /// The end of the last block, or of the hole that was left, on the line in samples.
        public internal(set) var end: Int64 = 0
        /// The end of the last block on the line in samples, without a hole after it.
        var blockEnd: Int64 = 0
        var lastPayloadMilliseconds: Int64 = 0
        var clusterMilliseconds: Int64 = 0
        var fragmentIsOpen = false
        var serverMilliseconds: Int64
        /// Digits that have been written into tags.
        var digits = 0
    }

    /// The number of the first fragment, known before its first byte.
    public let startFragmentNumber: FragmentNumber
    /// What has been written so far.
    public private(set) var position: Position
    /// What the blocks hold.
    public let format: StreamFormat

    private let startedAtMilliseconds: Int64
    private let trackUID: UInt64
    private var tags: FragmentTags
    private var random: UInt64
    private var digits = DigitNotes()
    /// Where fragments were opened in the output since ``forgetOpened()``: the first byte of the tags, and of the cluster.
    private(set) var opened: [OpenedFragment] = []

    /// A fragment that was opened in the output.
    struct OpenedFragment: Sendable {
        /// Where its tags begin in the output.
        var tags: Int
        /// Where its cluster's head begins in the output.
        var cluster: Int
        var number: FragmentNumber
        /// Its place in the session in milliseconds.
        var timecode: Int64
        /// The end of the last block before it, on the line in samples.
        var previousEnd: Int64
    }

    /// Prepares a session's file.
    /// - Parameters:
    ///   - startedAtMilliseconds: wall clock of sample 0, milliseconds since 1970; also the first fragment's server time.
    ///   - firstCounter: the first fragment's counter (`k * 1000 + 1`).
    ///   - seed: any number; it gives the random bits of the fragment numbers and the track's UID.
    ///   - format: what the blocks hold.
    public init(
        transactionID: String, connectorID: String, callID: String, startedAtMilliseconds: Int64, firstCounter: UInt64,
        seed: UInt64, format: StreamFormat = .pcm(sampleRate: 8000)
    ) {
        random = seed
        // RFC 9559 §5.1.4.1.2: a TrackUID is not 0.
        trackUID = max(1, Self.advance(&random))
        self.startedAtMilliseconds = max(0, startedAtMilliseconds)
        self.format = format
        tags = FragmentTags(transactionID: transactionID, connectorID: connectorID, callID: callID)
        startFragmentNumber = FragmentNumber(
            counter: firstCounter, epochMilliseconds: UInt64(max(0, startedAtMilliseconds)),
            random: UInt32(truncatingIfNeeded: Self.advance(&random) >> 36))
        position = Position(serverMilliseconds: self.startedAtMilliseconds)
        opened.reserveCapacity(2)
    }

    /// Appends the EBML header, the Segment's head, `Info` and `Tracks`.
    /// - Parameter preSkip: the delay of an Opus encoder in samples of 48,000 a second.
    public func appendHeader(preSkip: Int = 0, to output: inout [UInt8]) {
        MatroskaHeader.append(
            startedAtMilliseconds: startedAtMilliseconds, trackUID: trackUID,
            track: MatroskaTrack(format, preSkip: preSkip), to: &output)
    }

    /// Appends one block of PCM, and before it a new fragment's tags and cluster head when the open fragment is full.
    ///
    /// - Parameters:
    ///   - samples: 20 ms; fewer only in the last block of the session.
    ///   - serverMilliseconds: the wall clock, used when a fragment is opened; a clock that went back is held.
    public mutating func appendBlock(
        _ samples: Span<Int16>, serverMilliseconds: Int64, to output: inout [UInt8]
    ) {
        precondition(samples.count > 0 && samples.count <= format.samplesPerBlock)
        appendBlockHead(
            size: 2 * samples.count, at: position.nextBlock * Self.blockMilliseconds,
            serverMilliseconds: serverMilliseconds, to: &output)
        samples.withUnsafeBufferPointer { pointer in
            #if _endian(little)
                output.append(contentsOf: UnsafeRawBufferPointer(pointer))
            #else
                for sample in pointer {
                    output.append(UInt8(truncatingIfNeeded: sample))
                    output.append(UInt8(truncatingIfNeeded: sample >> 8))
                }
            #endif
        }
        advanceGrid(Int64(samples.count))
    }

    /// Appends one encoded block of the grid. Without a packet its place stays empty.
    /// - Parameter samples: how many samples it stands for, at most 20 ms.
    public mutating func appendBlock(
        encoded packet: [UInt8], samples: Int, serverMilliseconds: Int64, to output: inout [UInt8]
    ) {
        if !packet.isEmpty {
            appendBlockHead(
                size: packet.count, at: position.nextBlock * Self.blockMilliseconds,
                serverMilliseconds: serverMilliseconds, to: &output)
            output.append(contentsOf: packet)
        }
        advanceGrid(Int64(samples))
    }

    private mutating func advanceGrid(_ samples: Int64) {
        if samples > 0 {
            position.end = position.nextBlock * Int64(format.samplesPerBlock) + samples
            position.blockEnd = position.end
        }
        position.nextBlock += 1
        position.samples += samples
    }

    /// Appends one payload at its place on the line (both in samples); a place before the last payload's is moved to it,
    /// since times of blocks must not go back.
    public mutating func appendPayload(
        _ payload: RawSpan, at place: Int64, length: Int64, serverMilliseconds: Int64, to output: inout [UInt8]
    ) {
        let rate = Int64(format.sampleRate)
        let place = max(0, place)
        let milliseconds = max(place / rate * 1000 + place % rate * 1000 / rate, position.lastPayloadMilliseconds)
        appendBlockHead(
            size: payload.byteCount, at: milliseconds, serverMilliseconds: serverMilliseconds, to: &output)
        payload.withUnsafeBytes { output.append(contentsOf: $0) }
        position.lastPayloadMilliseconds = milliseconds
        position.end = max(position.end, place + length)
        position.blockEnd = position.end
        position.samples += length
    }

    /// Leaves a hole: the next block gets the given place on the grid and starts a new fragment.
    public mutating func skip(toBlock block: Int64) {
        precondition(block >= position.nextBlock)
        position.nextBlock = block
        position.end = block * Int64(format.samplesPerBlock)
        position.fragmentIsOpen = false
    }

    /// Takes back what was written after `earlier`; the next block starts a new fragment, so that a reader finds the
    /// place after a damaged stretch by its tags.
    public mutating func rewind(to earlier: Position) {
        position = earlier
        position.fragmentIsOpen = false
    }

    /// A new output begins.
    mutating func forgetOpened() { opened.removeAll(keepingCapacity: true) }

    /// Everything so far is in the file: nothing before it will be taken back.
    mutating func commit() { digits.drop(before: position.digits) }

    /// Adds a digit to the tags of the next fragment.
    mutating func note(_ digit: DigitNote) { digits.append(digit) }

    /// Whether digits wait for a fragment.
    var hasWaitingDigits: Bool { digits.hasMore(after: position.digits) }

    /// The next block starts a new fragment, whose tags have the digits that wait.
    mutating func endFragment() { position.fragmentIsOpen = false }

    /// Appends tags that name only the digits that wait, for a session that ends without another block.
    mutating func appendTrailingDigits(to output: inout [UInt8]) {
        while let value = digits.value(after: &position.digits) {
            output.append(contentsOf: FragmentTags.bytes(digits: value))
        }
    }

    /// RFC 9559 §10.2: track as one byte, time after the cluster's, key frame, no lacing. A block that is not a key frame
    /// is never the start of a fragment for consumers that cut streams on key frames.
    private mutating func appendBlockHead(
        size: Int, at milliseconds: Int64, serverMilliseconds: Int64, to output: inout [UInt8]
    ) {
        if !position.fragmentIsOpen || milliseconds - position.clusterMilliseconds >= Self.fragmentMilliseconds {
            openFragment(at: milliseconds, serverMilliseconds: serverMilliseconds, to: &output)
        }
        let time = UInt64(milliseconds - position.clusterMilliseconds)
        let tail = 0x81_0000_80 | time << 8
        if size + 4 < 0x3FFF {
            let head = 0xA3 << 48 | (0x4000 | UInt64(size + 4)) << 32 | tail
            withUnsafeBytes(of: head.bigEndian) {
                output.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[1...]))
            }
        } else {
            output.append(0xA3)
            output.appendElementSize(size + 4, length: 4)
            output.appendBigEndian(tail, count: 4)
        }
    }

    private mutating func openFragment(at timecode: Int64, serverMilliseconds: Int64, to output: inout [UInt8]) {
        let number: FragmentNumber
        if let last = position.lastNumber {
            position.serverMilliseconds = max(position.serverMilliseconds, serverMilliseconds)
            number = FragmentNumber(
                counter: last.counter &+ 1, epochMilliseconds: UInt64(position.serverMilliseconds),
                random: UInt32(truncatingIfNeeded: Self.advance(&random) >> 36))
        } else {
            number = startFragmentNumber
        }
        tags.prepare(
            number: number, serverMilliseconds: position.serverMilliseconds,
            producerMilliseconds: startedAtMilliseconds + timecode)
        let start = output.count
        if let value = digits.value(after: &position.digits) {
            output.append(contentsOf: tags.bytes(with: value))
        } else {
            output.append(contentsOf: tags.bytes)
        }
        opened.append(
            OpenedFragment(
                tags: start, cluster: output.count, number: number, timecode: timecode, previousEnd: position.blockEnd))
        output.appendElementID(MatroskaElement.cluster)
        output.appendUnknownSize()
        output.append(0xE7)
        output.append(0x88)
        output.appendBigEndian(UInt64(timecode), count: 8)
        position.lastNumber = number
        position.fragments += 1
        position.clusterMilliseconds = timecode
        position.fragmentIsOpen = true
    }

    /// SplitMix64: cheap, no state but the number; nothing secret hangs on it.
    private static func advance(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
