import StreamSink

/// Samples on the wall clock, silent where there is nothing: what a clip or a segment is made from.
public struct AudioLine: Sendable, Equatable {
    /// The most samples a line may have.
    public static let maximumSamples = AudioClip.maximumSamples

    /// Samples a second.
    public let sampleRate: Int
    /// Wall clock of the first sample, milliseconds since 1970.
    public let startMilliseconds: Int64
    /// The samples.
    public private(set) var samples: [Int16]

    /// Joins stored fragments of one stream, in order, also of several sessions.
    ///
    /// - Parameters:
    ///   - fragments: each the file's header (EBML to Tracks) and its own bytes (Tags and Cluster).
    ///   - sampleRate: wanted; nil for the highest of the fragments' own.
    /// - Throws: ``FragmentAudioError`` where bytes are damaged, a codec is unknown, or it would be longer than
    ///   ``maximumSamples``.
    public init(
        fragments: [(header: [UInt8], body: [UInt8])], sampleRate: Int? = nil
    ) throws(FragmentAudioError) {
        var runs: [Run] = []
        for fragment in fragments {
            if runs.last?.header != fragment.header { runs.append(try Run(header: fragment.header)) }
            try runs[runs.count - 1].read(fragment.body)
        }
        runs.removeAll { $0.blocks.isEmpty }
        let rate = sampleRate ?? runs.map(\.placer.rate).max() ?? 8000
        let starts = runs.map(\.startMilliseconds)
        let start = starts.min() ?? 0
        self.sampleRate = rate
        startMilliseconds = start
        samples = []
        for (run, runStart) in zip(runs, starts) {
            let offset = (runStart - start) * Int64(rate) / 1000
            let line = try run.line(rate: rate)
            let end = offset + Int64(line.count)
            guard end <= Int64(Self.maximumSamples) else { throw .tooLong }
            if samples.count < Int(end) { samples += [Int16](repeating: 0, count: Int(end) - samples.count) }
            samples.replaceSubrange(Int(offset)..<Int(end), with: line)
        }
    }

    /// The samples of a range that is counted from a moment (milliseconds since 1970): silence where the line has
    /// none. At most ``maximumSamples``.
    public func samples(_ range: Range<Int64>, from origin: Int64) -> [Int16] {
        let shift = (origin - startMilliseconds) * Int64(sampleRate) / 1000
        let count = min(range.count, Self.maximumSamples)
        var result = [Int16](repeating: 0, count: count)
        let wanted = range.lowerBound + shift..<range.lowerBound + shift + Int64(count)
        let found = wanted.clamped(to: 0..<Int64(samples.count))
        if !found.isEmpty {
            let at = Int(found.lowerBound - wanted.lowerBound)
            result.replaceSubrange(
                at..<at + found.count, with: samples[Int(found.lowerBound)..<Int(found.upperBound)])
        }
        return result
    }

    /// Two lines of one rate as a stereo recording: the moment at which the earlier one begins, and the samples, left
    /// first. Nil where the rates differ or it would be too long.
    public static func stereo(_ left: AudioLine, _ right: AudioLine) -> (startMilliseconds: Int64, samples: [Int16])? {
        guard left.sampleRate == right.sampleRate else { return nil }
        let start = min(left.startMilliseconds, right.startMilliseconds)
        let lengths = [left, right].map { line in
            (line.startMilliseconds - start) * Int64(line.sampleRate) / 1000 + Int64(line.samples.count)
        }
        let length = lengths.max() ?? 0
        guard length <= Int64(maximumSamples / 2) else { return nil }
        let lefts = left.samples(0..<length, from: start)
        let rights = right.samples(0..<length, from: start)
        var both: [Int16] = []
        both.reserveCapacity(2 * lefts.count)
        for (left, right) in zip(lefts, rights) {
            both.append(left)
            both.append(right)
        }
        return (start, both)
    }

    /// The fragments that share a header: one session's.
    private struct Run {
        let header: [UInt8]
        let sessionStart: Int64
        var placer: BlockPlacer
        var blocks: [AudioBlock] = []

        init(header: [UInt8]) throws(FragmentAudioError) {
            self.header = header
            var scanner = MatroskaScanner()
            scanner.append(header)
            var start: Int64?
            while let token = try Self.next(&scanner) {
                if case .info(let info) = token { start = info.startedAtMilliseconds }
                guard case .track(let track) = token else { continue }
                guard let placer = BlockPlacer(track) else { throw .codec(SessionAudio.name(of: track)) }
                self.placer = placer
                sessionStart = start ?? 0
                return
            }
            throw .noTrack
        }

        var startMilliseconds: Int64 {
            sessionStart + (blocks.first?.position ?? 0) * 1000 / Int64(placer.rate)
        }

        mutating func read(_ body: [UInt8]) throws(FragmentAudioError) {
            var scanner = MatroskaScanner()
            scanner.append(body)
            var cluster: Int64 = 0
            while let token = try Self.next(&scanner) {
                if case .timecode(let time) = token { cluster = time }
                guard case .block(let relative, let payload) = token else { continue }
                let time = max(0, cluster + Int64(relative))
                let block =
                    placer.isPCM
                    ? placer.place(scanner.samples(in: payload), at: time * Int64(placer.rate) / 1000)
                    : placer.place(packet: Array(scanner.buffer[payload]), at: time)
                if let block { blocks.append(block) }
            }
        }

        private static func next(_ scanner: inout MatroskaScanner) throws(FragmentAudioError) -> MatroskaScanner.Token?
        {
            do throws(MatroskaError) { return try scanner.next() } catch { throw .damaged(error) }
        }

        /// The blocks from the first one on, with their holes, at another rate where that is wanted.
        func line(rate: Int) throws(FragmentAudioError) -> [Int16] {
            guard let first = blocks.first, let last = blocks.last else { return [] }
            let length = last.position + Int64(last.samples.count) - first.position
            guard length <= Int64(AudioLine.maximumSamples) else { throw .tooLong }
            var line: [Int16] = []
            line.reserveCapacity(Int(length))
            for block in blocks {
                line += [Int16](repeating: 0, count: Int(block.position - first.position) - line.count)
                line += block.samples
            }
            guard rate != placer.rate else { return line }
            do throws(AudioLibraryError) {
                let resampler = try Resampler(from: placer.rate, to: rate)
                let wanted = line.count * rate / placer.rate
                let output = try resampler.run(line)
                return Array((output + (try resampler.finish())).prefix(wanted))
            } catch {
                throw .library(error)
            }
        }
    }
}

/// Why fragments cannot be made into samples.
public enum FragmentAudioError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A header without a track.
    case noTrack
    /// A codec that is not decoded here.
    case codec(String)
    /// Bytes that are no Matroska.
    case damaged(MatroskaError)
    /// More than ``AudioLine/maximumSamples``.
    case tooLong
    /// The resampler failed.
    case library(AudioLibraryError)

    /// One sentence.
    public var description: String {
        switch self {
        case .noTrack: "the fragment's header has no track"
        case .codec(let name): "\(name) cannot be decoded here"
        case .damaged(let error): error.description
        case .tooLong: "that is too much audio for one piece; ask for a shorter range"
        case .library(let error): error.description
        }
    }
}
