internal import CAVFormat

/// Mono samples from one rate to another, on libswresample; output 0 is in time with input 0. Belongs to one task.
final class Resampler {
    private let handle: OpaquePointer
    private let from: Int
    private let to: Int

    init(from: Int, to: Int) throws(AudioLibraryError) {
        guard let handle = cav_resampler_open(Int32(clamping: from), Int32(clamping: to)) else {
            throw AudioLibraryError("resample from \(from) to \(to) Hz", -12)
        }
        self.handle = handle
        self.from = from
        self.to = to
    }

    deinit { cav_resampler_close(handle) }

    /// What is ready after these samples.
    func run(_ samples: [Int16]) throws(AudioLibraryError) -> [Int16] {
        guard !samples.isEmpty else { return [] }
        return try convert(samples, room: samples.count * to / from + 4096)
    }

    /// What was held back.
    func finish() throws(AudioLibraryError) -> [Int16] {
        try convert(nil, room: 8192)
    }

    private func convert(_ samples: [Int16]?, room: Int) throws(AudioLibraryError) -> [Int16] {
        var output = [Int16](repeating: 0, count: room)
        let count = cav_resampler_run(handle, samples, Int32(clamping: samples?.count ?? 0), &output, Int32(room))
        guard count >= 0 else { throw AudioLibraryError("resample from \(from) to \(to) Hz", count) }
        output.removeLast(room - Int(count))
        return output
    }
}
