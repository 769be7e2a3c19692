/// Turns one leg's samples into the bytes of a Matroska file that is readable while it grows.
///
/// The file is one Segment of unknown size: header, then for every fragment its `Tags` and a `Cluster` of unknown size.
/// Audio is laid on a grid of 20 ms blocks of 160 samples from the session's start; a block's time is its place on the
/// grid and nothing else, so a hole stays a hole. Pure: no file, no clock. Owned by one thread. Bytes are appended to
/// an array that the caller reuses; nothing is allocated once that array has grown.
public struct FragmentMuxer: ~Copyable, Sendable {
    /// Samples in a full block (20 ms at 8 kHz).
    public static let samplesPerBlock = 160
    /// Blocks in a full fragment (1 s).
    public static let blocksPerFragment = 50
    /// Samples per second.
    public static let sampleRate = 8000
    /// The bytes of one full block with its element head.
    static let blockLength = 7 + 2 * samplesPerBlock
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
        /// Samples written so far.
        public internal(set) var samples: Int64 = 0
        var clusterBlock: Int64 = 0
        var fragmentIsOpen = false
        var serverMilliseconds: Int64
    }

    /// The number of the first fragment, known before its first byte.
    public let startFragmentNumber: FragmentNumber
    /// What has been written so far.
    public private(set) var position: Position

    private let startedAtMilliseconds: Int64
    private let trackUID: UInt64
    private var tags: FragmentTags
    private var random: UInt64

    /// Prepares a session's file.
    /// - Parameters:
    ///   - startedAtMilliseconds: wall clock of sample 0, milliseconds since 1970; also the first fragment's server time.
    ///   - firstCounter: the first fragment's counter (`k * 1000 + 1`).
    ///   - seed: any number; it gives the random bits of the fragment numbers and the track's UID.
    public init(
        transactionID: String, connectorID: String, callID: String, startedAtMilliseconds: Int64, firstCounter: UInt64,
        seed: UInt64
    ) {
        random = seed
        // RFC 9559 §5.1.4.1.2: a TrackUID is not 0.
        trackUID = max(1, Self.advance(&random))
        self.startedAtMilliseconds = max(0, startedAtMilliseconds)
        tags = FragmentTags(transactionID: transactionID, connectorID: connectorID, callID: callID)
        startFragmentNumber = FragmentNumber(
            counter: firstCounter, epochMilliseconds: UInt64(max(0, startedAtMilliseconds)),
            random: UInt32(truncatingIfNeeded: Self.advance(&random) >> 36))
        position = Position(serverMilliseconds: self.startedAtMilliseconds)
    }

    /// Appends the EBML header, the Segment's head, `Info` and `Tracks`.
    public func appendHeader(to output: inout [UInt8]) {
        MatroskaHeader.append(startedAtMilliseconds: startedAtMilliseconds, trackUID: trackUID, to: &output)
    }

    /// Appends one block, and before it a new fragment's tags and cluster head when the open fragment is full.
    ///
    /// - Parameters:
    ///   - samples: 160 samples; fewer only in the last block of the session.
    ///   - serverMilliseconds: the wall clock, used when a fragment is opened; a clock that went back is held.
    public mutating func appendBlock(
        _ samples: Span<Int16>, serverMilliseconds: Int64, to output: inout [UInt8]
    ) {
        precondition(samples.count > 0 && samples.count <= Self.samplesPerBlock)
        if !position.fragmentIsOpen
            || position.nextBlock - position.clusterBlock >= Int64(Self.blocksPerFragment)
        {
            openFragment(serverMilliseconds: serverMilliseconds, to: &output)
        }
        output.append(0xA3)
        output.appendElementSize(4 + 2 * samples.count, length: 2)
        output.append(0x81)
        output.appendBigEndian(UInt64((position.nextBlock - position.clusterBlock) * 20), count: 2)
        // RFC 9559 §10.2: key frame, no lacing. A block that is not a key frame is never the start of a fragment for
        // consumers that cut streams on key frames.
        output.append(0x80)
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
        position.nextBlock += 1
        position.samples += Int64(samples.count)
    }

    /// Leaves a hole: the next block gets the given place on the grid and starts a new fragment.
    public mutating func skip(toBlock block: Int64) {
        precondition(block >= position.nextBlock)
        position.nextBlock = block
        position.fragmentIsOpen = false
    }

    /// Takes back what was written after `earlier`; the next block starts a new fragment, so that a reader finds the
    /// place after a damaged stretch by its tags.
    public mutating func rewind(to earlier: Position) {
        position = earlier
        position.fragmentIsOpen = false
    }

    private mutating func openFragment(serverMilliseconds: Int64, to output: inout [UInt8]) {
        let number: FragmentNumber
        if let last = position.lastNumber {
            position.serverMilliseconds = max(position.serverMilliseconds, serverMilliseconds)
            number = FragmentNumber(
                counter: last.counter &+ 1, epochMilliseconds: UInt64(position.serverMilliseconds),
                random: UInt32(truncatingIfNeeded: Self.advance(&random) >> 36))
        } else {
            number = startFragmentNumber
        }
        let timecode = position.nextBlock * 20
        tags.prepare(
            number: number, serverMilliseconds: position.serverMilliseconds,
            producerMilliseconds: startedAtMilliseconds + timecode)
        output.append(contentsOf: tags.bytes)
        output.appendElementID(MatroskaElement.cluster)
        output.appendUnknownSize()
        output.append(0xE7)
        output.append(0x88)
        output.appendBigEndian(UInt64(timecode), count: 8)
        position.lastNumber = number
        position.fragments += 1
        position.clusterBlock = position.nextBlock
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
