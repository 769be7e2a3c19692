import StreamSink

/// The samples of one session's file in their places, decoded where it holds packets. Belongs to one task.
final class SessionAudio {
    /// What the file holds.
    let track: MatroskaScanner.TrackDescription
    /// Wall clock of sample 0, milliseconds since 1970.
    let startedAtMilliseconds: Int64
    /// Samples a second of the blocks.
    let rate: Int
    /// Why the end of the file was not read.
    private(set) var problem: StreamReaderError?
    /// Blocks of which the codec could make nothing.
    private(set) var undecodedBlocks = 0

    private let reader: StreamReader
    private var placer: BlockPlacer

    /// Whether the session has been closed, and all of it read.
    var hasEnded: Bool { reader.hasEnded }

    /// Nil where the file has no header yet.
    init?(_ reader: StreamReader) throws(ExportError) {
        let opened: StreamEvent?
        do throws(StreamReaderError) { opened = try reader.read() } catch { throw .stream(error) }
        guard case .opened(let start, let track) = opened else { return nil }
        self.reader = reader
        self.track = track
        startedAtMilliseconds = start ?? 0
        guard let placer = BlockPlacer(track) else {
            throw .codec(path: reader.path, SessionAudio.name(of: track))
        }
        self.placer = placer
        rate = placer.rate
    }

    /// What people call a track's codec.
    static func name(of track: MatroskaScanner.TrackDescription) -> String {
        track.codecID == "A_EARSHOT/RTP" ? RTPDescription(track.codecPrivate).encoding : track.codecID
    }

    /// The next samples; nil when there are none, or none yet. Never two in the same place.
    func next() -> AudioBlock? {
        while problem == nil {
            let event: StreamEvent?
            do throws(StreamReaderError) {
                event = try reader.read()
            } catch {
                problem = error
                return nil
            }
            switch event {
            case nil, .ended: return nil
            case .opened, .fragment: continue
            case .samples(let samples, let position):
                if let block = placer.place(samples, at: position) { return block }
            case .payload(let packet, let milliseconds):
                let block = placer.place(packet: packet, at: milliseconds)
                if placer.hasFailed { undecodedBlocks += 1 }
                if let block { return block }
            }
        }
        return nil
    }
}
