/// The bytes before a session's first fragment, and the places in them that are filled in when the file is closed.
enum MatroskaHeader {
    private static let application = "Earshot"

    static func append(
        startedAtMilliseconds: Int64, trackUID: UInt64, track description: MatroskaTrack, to output: inout [UInt8]
    ) {
        var ebml: [UInt8] = []
        ebml.appendElement(MatroskaElement.ebmlVersion, unsigned: 1)
        ebml.appendElement(MatroskaElement.ebmlReadVersion, unsigned: 1)
        ebml.appendElement(MatroskaElement.ebmlMaxIDLength, unsigned: 4)
        ebml.appendElement(MatroskaElement.ebmlMaxSizeLength, unsigned: 8)
        ebml.appendElement(MatroskaElement.docType, text: "matroska")
        ebml.appendElement(MatroskaElement.docTypeVersion, unsigned: 4)
        ebml.appendElement(MatroskaElement.docTypeReadVersion, unsigned: 2)
        output.appendElement(MatroskaElement.ebml, body: ebml)

        output.appendElementID(MatroskaElement.segment)
        output.appendUnknownSize()

        var info: [UInt8] = []
        info.appendElement(MatroskaElement.timestampScale, unsigned: 1_000_000)
        // Eleven bytes, exactly a Duration's: written over when the length is known.
        info.appendElement(MatroskaElement.void, body: [UInt8](repeating: 0, count: 9))
        info.appendElement(MatroskaElement.muxingApp, text: application)
        info.appendElement(MatroskaElement.writingApp, text: application)
        info.appendElementID(MatroskaElement.dateUTC)
        info.appendElementSize(8)
        let sinceEpoch = startedAtMilliseconds &- MatroskaElement.dateEpochMilliseconds
        info.appendBigEndian(UInt64(bitPattern: sinceEpoch &* 1_000_000), count: 8)
        output.appendElement(MatroskaElement.info, body: info)

        var audio: [UInt8] = []
        audio.appendElement(MatroskaElement.samplingFrequency, float: description.samplingFrequency)
        audio.appendElement(MatroskaElement.channels, unsigned: description.channels)
        if let depth = description.bitDepth { audio.appendElement(MatroskaElement.bitDepth, unsigned: depth) }
        var track: [UInt8] = []
        track.appendElement(MatroskaElement.trackNumber, unsigned: 1)
        track.appendElementID(MatroskaElement.trackUID)
        track.appendElementSize(8)
        track.appendBigEndian(trackUID, count: 8)
        track.appendElement(MatroskaElement.trackType, unsigned: 2)
        track.appendElement(MatroskaElement.flagLacing, unsigned: 0)
        // Without it a player would take the speech for English.
        track.appendElement(MatroskaElement.language, text: "und")
        track.appendElement(MatroskaElement.name, text: description.name)
        track.appendElement(MatroskaElement.codecID, text: description.codecID)
        if !description.codecPrivate.isEmpty {
            track.appendElement(MatroskaElement.codecPrivate, body: description.codecPrivate)
        }
        if description.codecDelay > 0 {
            track.appendElement(MatroskaElement.codecDelay, unsigned: description.codecDelay)
        }
        if description.seekPreRoll > 0 {
            track.appendElement(MatroskaElement.seekPreRoll, unsigned: description.seekPreRoll)
        }
        track.appendElement(MatroskaElement.audio, body: audio)
        var tracks: [UInt8] = []
        tracks.appendElement(MatroskaElement.trackEntry, body: track)
        output.appendElement(MatroskaElement.tracks, body: tracks)
    }

    /// The Duration element (milliseconds) that replaces the eleven-byte Void.
    static func duration(milliseconds: Double) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendElement(MatroskaElement.duration, float: milliseconds)
        return bytes
    }

    /// A Segment's size in eight bytes; it also tells readers that the session has ended.
    static func segmentSize(_ size: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendElementSize(Int(size), length: 8)
        return bytes
    }

    /// Bytes from the start of the file to the Segment's first child.
    static let segmentDataOffset = FragmentMuxer.segmentSizeOffset + 8
    /// Where the Void (later Duration) lies: after the Info's head (4 + 1) and TimestampScale (3 + 1 + 3).
    static let durationOffset = segmentDataOffset + 5 + 7
}
