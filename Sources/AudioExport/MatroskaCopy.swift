import CallArchive
import StreamSink

/// Copies the blocks of a call's sessions, untouched, into one Matroska file: a track a session, one time line for
/// all.
final class MatroskaCopy {
    private struct Source {
        var reader: StreamReader
        var track: MatroskaOutputTrack
        var tags: [(name: String, value: String)]
        /// Milliseconds from the call's first sample.
        var offset: Int64
        var next: (time: Int64, payload: [UInt8], milliseconds: Double)?
        var problem: StreamReaderError?
        var description: MatroskaScanner.TrackDescription
    }

    private let sink: FileSink
    private var sources: [Source] = []
    private var cluster = MatroskaBytes()
    private var clusterTime: Int64 = -1
    private var cues: [(time: Int64, offset: Int64)] = []
    private var end = 0.0
    private var segmentStart: Int64 = 0
    private var durationOffset: Int64 = 0
    private var tagsOffset: Int64 = 0
    /// Wall clock of time 0, milliseconds since 1970.
    let origin: Int64

    /// Milliseconds of the last block that was written.
    private(set) var position: Int64 = 0
    /// What could not be read to its end.
    var problems: [StreamReaderError] { sources.compactMap(\.problem) }
    /// Whether every session was closed.
    var isWhole: Bool { sources.allSatisfy(\.reader.hasEnded) }
    /// The length so far, in milliseconds.
    var milliseconds: Int64 { Int64(end) }

    private static let clusterMilliseconds: Int64 = 5000
    /// Room for the SeekHead that is written over it at the end.
    private static let seekHeadRoom = 128

    init(
        _ recording: CallRecording, path: String, open: SessionOpener, comments: [(name: String, value: String)]
    ) throws(ExportError) {
        sink = try FileSink(path)
        var opened: [(Int64, Source)] = []
        for leg in recording.legs {
            for session in leg.sessions {
                let reader: StreamReader
                let first: StreamEvent?
                do throws(StreamReaderError) {
                    reader = try open(session.path)
                    first = try reader.read()
                } catch {
                    throw .stream(error)
                }
                guard case .opened(let start, let track) = first else { continue }
                opened.append((start ?? 0, Self.source(reader, track, leg, session, number: opened.count + 1)))
            }
        }
        guard let origin = opened.map(\.0).min() else { throw .noAudio(recording.transactionID) }
        self.origin = origin
        for (start, var source) in opened {
            source.offset = start - origin
            sources.append(source)
        }
        for index in sources.indices { advance(index) }
        try writeHeader(comments)
    }

    private static func source(
        _ reader: StreamReader, _ track: MatroskaScanner.TrackDescription, _ leg: CallRecording.Leg,
        _ session: CallRecording.Session, number: Int
    ) -> Source {
        var delay: UInt64 = 0
        if track.codecID == "A_OPUS", track.codecPrivate.count >= 12 {
            let skip = UInt64(track.codecPrivate[10]) | UInt64(track.codecPrivate[11]) << 8
            delay = skip * 1_000_000_000 / 48_000
        }
        var tags = [(name: "TITLE", value: leg.name), (name: "StreamName", value: session.streamName)]
        if let label = leg.label { tags.append(("MediaLabel", label)) }
        return Source(
            reader: reader,
            track: MatroskaOutputTrack(
                number: number, name: leg.name, codecID: track.codecID, codecPrivate: track.codecPrivate,
                codecDelayNanoseconds: delay, samplingFrequency: track.samplingFrequency, channels: track.channels,
                bitDepth: track.bitDepth),
            tags: tags, offset: 0, next: nil, problem: nil, description: track)
    }

    private func writeHeader(_ comments: [(name: String, value: String)]) throws(ExportError) {
        var bytes = MatroskaBytes()
        bytes.addDocument("matroska")
        bytes.add(id: MatroskaID.segment)
        bytes.add(bigEndian: 0x01FF_FFFF_FFFF_FFFF, count: 8)
        segmentStart = Int64(bytes.bytes.count)
        bytes.add(MatroskaID.void, [UInt8](repeating: 0, count: Self.seekHeadRoom - 2))
        bytes.add(MatroskaID.info) { info in
            // First, so that its place is known: after the Info's identifier and size.
            info.add(MatroskaID.duration, 0.0)
            info.add(0x2AD7B1, 1_000_000 as UInt64)
            info.add(0x4D80, "Earshot")
            info.add(0x5741, "Earshot")
            info.add(id: 0x4461)
            info.add(size: 8)
            // RFC 9559 §5.1.2: nanoseconds since 2001.
            info.add(bigEndian: UInt64(bitPattern: (origin - 978_307_200_000) &* 1_000_000), count: 8)
        }
        durationOffset = segmentStart + Int64(Self.seekHeadRoom) + 5
        bytes.add(MatroskaID.tracks) { tracks in for source in sources { tracks.add(source.track) } }
        tagsOffset = Int64(bytes.bytes.count) - segmentStart
        bytes.add(MatroskaID.tags) { tags in
            tags.addTag(track: nil, comments)
            for source in sources { tags.addTag(track: source.track.number, source.tags) }
        }
        try sink.write(bytes.bytes)
    }

    /// Copies about a second; false at the end.
    func step() throws(ExportError) -> Bool {
        let until = position + 1000
        while true {
            var first: Int?
            for index in sources.indices {
                guard let next = sources[index].next else { continue }
                if let chosen = first, let time = sources[chosen].next?.time, time <= next.time { continue }
                first = index
            }
            guard let first, let block = sources[first].next else { return false }
            try write(block.time, track: sources[first].track.number, block.payload)
            end = max(end, Double(block.time) + block.milliseconds)
            position = block.time
            advance(first)
            if block.time >= until { return true }
        }
    }

    private func write(_ time: Int64, track: Int, _ payload: [UInt8]) throws(ExportError) {
        if clusterTime < 0 || time - clusterTime >= Self.clusterMilliseconds {
            try closeCluster()
            clusterTime = time
        }
        cluster.addBlock(track: track, relativeMilliseconds: Int16(clamping: time - clusterTime), payload)
    }

    private func closeCluster() throws(ExportError) {
        guard !cluster.bytes.isEmpty else { return }
        cues.append((clusterTime, sink.length - segmentStart))
        var bytes = MatroskaBytes()
        bytes.add(MatroskaID.cluster) { body in
            body.add(MatroskaID.timecode, UInt64(clusterTime))
            body.add(raw: cluster.bytes)
        }
        cluster.removeAll()
        try sink.write(bytes.bytes)
    }

    private func advance(_ index: Int) {
        let source = sources[index]
        sources[index].next = nil
        while true {
            let event: StreamEvent?
            do throws(StreamReaderError) {
                event = try source.reader.read()
            } catch {
                sources[index].problem = error
                return
            }
            switch event {
            case nil, .ended: return
            case .opened, .fragment: continue
            case .samples(let samples, let position):
                let rate = max(1, source.description.samplingFrequency)
                let milliseconds = Int64((Double(position) * 1000 / rate).rounded())
                sources[index].next = (
                    source.offset + milliseconds, [UInt8](littleEndian: samples), Double(samples.count) * 1000 / rate
                )
                return
            case .payload(let payload, let milliseconds):
                sources[index].next = (
                    source.offset + milliseconds, payload, source.description.milliseconds(of: payload[...])
                )
                return
            }
        }
    }

    /// Writes the index, and what the header could not know.
    func finish() throws(ExportError) {
        try closeCluster()
        let cuesOffset = sink.length - segmentStart
        var index = MatroskaBytes()
        index.add(MatroskaID.cues) { body in
            for cue in cues {
                body.add(0xBB) { point in
                    point.add(0xB3, UInt64(cue.time))
                    point.add(0xB7) { place in
                        place.add(0xF7, 1 as UInt64)
                        place.add(0xF1, UInt64(cue.offset))
                    }
                }
            }
        }
        if !cues.isEmpty { try sink.write(index.bytes) }
        try sink.patch(seekHead(cues: cues.isEmpty ? nil : cuesOffset), at: segmentStart)
        var duration = MatroskaBytes()
        duration.add(MatroskaID.duration, end)
        try sink.patch(duration.bytes, at: durationOffset)
        var size = MatroskaBytes()
        size.add(size: Int(sink.length - segmentStart), length: 8)
        try sink.patch(size.bytes, at: segmentStart - 8)
        try sink.finish()
    }

    private func seekHead(cues: Int64?) -> [UInt8] {
        let info = Int64(Self.seekHeadRoom)
        var places: [(UInt32, Int64)] = [(MatroskaID.info, info), (MatroskaID.tags, tagsOffset)]
        if let cues { places.append((MatroskaID.cues, cues)) }
        var bytes = MatroskaBytes()
        bytes.add(MatroskaID.seekHead) { head in
            for (id, offset) in places {
                head.add(0x4DBB) { seek in
                    seek.add(0x53AB) { $0.add(id: id) }
                    seek.add(0x53AC, UInt64(offset))
                }
            }
        }
        // The rest of the room stays an element that is passed over.
        let left = Self.seekHeadRoom - bytes.bytes.count
        bytes.add(MatroskaID.void, [UInt8](repeating: 0, count: left - 2))
        return bytes.bytes
    }
}
