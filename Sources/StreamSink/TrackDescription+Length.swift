extension MatroskaScanner.TrackDescription {
    /// Whether blocks are 16-bit little-endian PCM.
    public var isPCM: Bool { codecID == MatroskaTrack.pcmCodecID && (bitDepth == 16 || bitDepth == 0) }

    /// The sampling frequency where the file's is possible, else 8,000.
    var rate: Int64 { samplingFrequency >= 1 && samplingFrequency <= 1_000_000 ? Int64(samplingFrequency) : 8000 }

    /// How long a block's audio is, in milliseconds; 0 where only the codec could say.
    public func milliseconds(of payload: ArraySlice<UInt8>) -> Double {
        if isPCM { return Double(payload.count / 2) * 1000 / Double(rate) }
        switch codecID {
        case MatroskaTrack.opusCodecID: return Self.opusMilliseconds(payload)
        case MatroskaTrack.waveCodecID:
            // WAVEFORMATEX: the bytes a second are a little-endian number from byte 8 on.
            guard codecPrivate.count >= 12 else { return 0 }
            let rate = codecPrivate[8..<12].reversed().reduce(0) { $0 << 8 | Int($1) }
            return rate > 0 ? Double(payload.count) * 1000 / Double(rate) : 0
        default: return 0
        }
    }

    /// The same in samples at the track's frequency.
    func samples(of payload: ArraySlice<UInt8>) -> Int64 {
        if isPCM { return Int64(payload.count / 2) }
        // At most a megabyte of one byte a second: no number here can overflow.
        return Int64((milliseconds(of: payload) * Double(rate) / 1000).rounded())
    }

    /// RFC 6716 §3.1: the first octet has the frames' length and, with the second, their number.
    private static func opusMilliseconds(_ packet: ArraySlice<UInt8>) -> Double {
        guard let toc = packet.first else { return 0 }
        let configuration = Int(toc >> 3)
        let frame: Double =
            switch configuration {
            case 0..<12: [10, 20, 40, 60][configuration & 3]
            case 12..<16: [10, 20][configuration & 1]
            default: [2.5, 5, 10, 20][configuration & 3]
            }
        switch toc & 3 {
        case 0: return frame
        case 1, 2: return 2 * frame
        default: return packet.count > 1 ? frame * Double(packet[packet.startIndex + 1] & 0x3F) : 0
        }
    }
}
