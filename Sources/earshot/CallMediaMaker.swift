import AudioExport
import CallArchive
import HTTPInterface
import StreamSink

/// Makes clips and HLS segments of stored fragments.
struct CallMediaMaker: ClipMaking, HLSMaking {
    /// What is cached of an initialisation segment is nothing: it takes a millisecond.
    func clip(_ request: ClipRequest) async throws -> [UInt8] {
        var lines: [AudioLine] = []
        for leg in request.legs {
            let fragments = try leg.map { try request.library.bytes(of: $0) }
            lines.append(try line(fragments))
        }
        guard let first = lines.first else { throw MediaMakingError.invalidMedia("The clip has no fragments.") }
        var samples = first.samples
        var channels = 1
        if lines.count > 1 {
            // The legs of a call may have different rates.
            let rate = lines.map(\.sampleRate).max() ?? first.sampleRate
            let both = try request.legs.prefix(2).map { leg in
                try line(leg.map { try request.library.bytes(of: $0) }, rate: rate)
            }
            guard let stereo = AudioLine.stereo(both[0], both[1]) else {
                throw MediaMakingError.invalidMedia("The clip is too long. Ask for a shorter time.")
            }
            samples = stereo.samples
            channels = 2
            return try make(request.format, samples, rate: rate, channels: channels)
        }
        return try make(request.format, samples, rate: first.sampleRate, channels: channels)
    }

    private func make(_ format: ClipFormat, _ samples: [Int16], rate: Int, channels: Int) throws -> [UInt8] {
        switch format {
        case .wav: return AudioClip.wave(samples, sampleRate: rate, channels: channels)
        case .mp4:
            do throws(AudioLibraryError) {
                return try AudioClip.mp4(samples, sampleRate: rate, channels: channels)
            } catch {
                throw MediaMakingError.invalidMedia("\(error)")
            }
        }
    }

    func initialization(for fragment: FragmentBytes) async throws -> [UInt8] {
        try segments(line([fragment]).sampleRate).initialization()
    }

    /// The segment of a fragment from sample `s` to `e` has the frames from `s / 1024 - 1` to `e / 1024 - 1`: one frame
    /// early, because a frame's packet is complete only with the samples of the frame behind it, which are in the next
    /// fragment.
    func segment(_ request: HLSSegmentRequest) async throws -> [UInt8] {
        let own = try line([request.fragment])
        let rate = Int64(own.sampleRate)
        let maker = try segments(own.sampleRate)
        let length = Int64(AACSegments.frameLength)
        let start = request.offsetMilliseconds * rate / 1000
        let end = start + Int64(own.samples.count)
        let first = max(0, start / length - 1)
        let frames = first..<max(first + 1, end / length - 1)
        let fragments = (request.previous.map { [$0] } ?? []) + [request.fragment]
        let audio = try line(fragments, rate: own.sampleRate)
        let origin = request.fragment.fragment.producerMilliseconds - request.offsetMilliseconds
        return try maker.segment(
            frames: frames, sequence: Int(clamping: request.sequence),
            samples: audio.samples(AACSegments.samples(for: frames), from: origin))
    }

    private func segments(_ rate: Int) throws(MediaMakingError) -> AACSegments {
        guard let maker = AACSegments(sampleRate: rate, channels: 1) else {
            throw .unsupportedMedia("AAC has no rate of \(rate) samples a second.")
        }
        return maker
    }

    private func line(_ fragments: [FragmentBytes], rate: Int? = nil) throws(MediaMakingError) -> AudioLine {
        do throws(FragmentAudioError) {
            return try AudioLine(fragments: fragments.map { ($0.header, $0.body) }, sampleRate: rate)
        } catch {
            throw .unsupportedMedia("\(error)")
        }
    }
}

extension MediaMakers {
    /// Everything that this program can make of what is in a data directory.
    static func all(dataDirectory: String) -> MediaMakers {
        let finder = RecordingFinder(dataDirectory: dataDirectory)
        return MediaMakers(clips: CallMediaMaker(), hls: CallMediaMaker()) { fragment in
            let transaction = fragment.session.transactionID
            guard let call = try? finder.recording(transactionID: transaction) else { return nil }
            let other = call.legs.first { leg in
                !leg.sessions.contains {
                    $0.number == fragment.session.session && $0.mediaIndex == fragment.session.mediaIndex
                }
            }
            guard let other, let session = other.sessions.first else { return nil }
            return OtherLeg(
                stream: .name(session.streamName), transactionID: transaction, isRight: other.isCaller != true)
        }
    }
}
