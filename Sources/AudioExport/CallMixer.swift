/// The channels of a file, each the sum of some legs, interleaved; pulled piece by piece. Belongs to one task.
final class CallMixer {
    /// A piece: `frames` samples of each channel, interleaved.
    struct Piece {
        var samples: [Int16]
        var frames: Int
        var isSilent: Bool
    }

    /// Samples a second of each channel.
    let rate: Int
    private let channels: [[LegAudio]]
    private var isOver = false

    init(channels: [[LegAudio]], rate: Int) {
        self.channels = channels
        self.rate = rate
    }

    /// The next second or less; nil after the end of the longest leg.
    func next() throws(AudioLibraryError) -> Piece? {
        guard !isOver else { return nil }
        let count = rate
        var samples = [Int16](repeating: 0, count: count * channels.count)
        var frames = 0
        var isSilent = true
        for (channel, legs) in channels.enumerated() {
            for leg in legs {
                let piece = try leg.read(count)
                frames = max(frames, piece.valid)
                guard !piece.isSilent else { continue }
                isSilent = false
                var at = channel
                for sample in piece.samples {
                    // Where two parties share a channel they are heard together; too loud is cut.
                    samples[at] = Int16(clamping: Int32(samples[at]) + Int32(sample))
                    at += channels.count
                }
            }
        }
        if frames < count {
            isOver = true
            samples.removeLast((count - frames) * channels.count)
        }
        return frames > 0 ? Piece(samples: samples, frames: frames, isSilent: isSilent) : nil
    }
}
