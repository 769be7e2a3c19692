import Foundation
import Glibc
import RecordingClient
import StreamSink

/// Reads one session to its end and prints a line for each fragment.
///
/// Owned by one task; cancelling the task ends the reading, and what has been read is kept.
final class StreamFollower {
    private let reader: StreamReader
    private let wavPath: String?
    private var writer: WaveWriter?
    /// Samples a second: 8,000 or, of a wideband leg, 16,000.
    private var rate = 8000
    private let isJSON: Bool
    private let patience: Double
    private var current: FragmentMeter?
    private var fragments = 0
    private var samples: Int64 = 0
    private var lags: [Double] = []
    /// The end of the file was reached once, so what comes now is new.
    private var isLive = false

    init(path: String, wavPath: String?, isJSON: Bool, patience: Double) throws {
        reader = try StreamReader(path: path)
        self.wavPath = wavPath
        self.isJSON = isJSON
        self.patience = patience
    }

    func follow() async throws {
        do {
            try await readAll()
        } catch {
            try? writer?.close()
            throw error
        }
        finishFragment()
        try writer?.close()
        let total = FragmentTotal(
            fragments: fragments, samples: samples, rate: rate, hasEnded: reader.hasEnded, lags: lags)
        StandardOutput.line(isJSON ? total.json : total.text)
    }

    // Not inlined: Swift 6.3.1 crashes while it splits the coroutine that the optimiser would make of both.
    @inline(never)
    private func readAll() async throws {
        while !Task.isCancelled, !reader.hasEnded {
            if let event = try reader.read() {
                try take(event)
                continue
            }
            isLive = true
            if let current, current.isWhole { finishFragment() }
            try checkGrowth()
            try? await Task.sleep(for: .milliseconds(15))
        }
    }

    private func take(_ event: StreamEvent) throws {
        switch event {
        case .opened(_, let track):
            guard track.codecID == "A_PCM/INT/LIT", track.channels == 1, track.bitDepth == 16,
                track.samplingFrequency == 8000 || track.samplingFrequency == 16_000
            else {
                throw Failure(
                    "earshot tail: \(reader.path) holds \(track.codecID); read are streams of the formats pcm and pcm16. "
                        + "ffmpeg and ffplay read it, unless its codec is one that nobody could decode")
            }
            rate = track.samplingFrequency == 16_000 ? 16_000 : 8000
            if let wavPath { writer = try WaveWriter(path: wavPath, sampleRate: UInt32(rate)) }
        case .fragment(let fragment):
            finishFragment()
            current = FragmentMeter(fragment, rate: rate)
        case .samples(let samples, let position):
            current?.add(samples, readAt: Date().timeIntervalSince1970 * 1000, isLive: isLive)
            self.samples += Int64(samples.count)
            try writer?.pad(to: position)
            try writer?.append(samples)
        // Only tracks other than PCM have payloads, and those are refused when the file is opened.
        case .payload, .ended:
            break
        }
    }

    private func finishFragment() {
        guard let meter = current, meter.samples > 0 else { return }
        current = nil
        fragments += 1
        if let lag = meter.lag { lags.append(lag) }
        StandardOutput.line(isJSON ? meter.json : meter.text)
        // Whoever opens the WAV meanwhile, or after a kill, finds all of it but the last second.
        try? writer?.sync()
    }

    /// A live session grows all the time, silence too. One that does not has lost its writer.
    private func checkGrowth() throws {
        var status = stat()
        guard stat(reader.path, &status) == 0 else {
            throw Failure("earshot tail: \(reader.path) is gone: it was removed while it was read")
        }
        let changed = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
        let age = Date().timeIntervalSince1970 - changed
        guard age > patience, !Task.isCancelled else { return }
        finishFragment()
        throw Failure(
            "earshot tail: \(reader.path) has no end and has not grown for \(Int(age)) s; the service stopped or lost its disk "
                + "(\(Double(samples) / Double(rate)) s were read; the service closes such files when it starts)")
    }
}
