import Glibc

/// Writes a WAV file of 16-bit mono PCM as samples come; its sizes are right after every ``sync()`` and after
/// ``close()``.
///
/// Owned by one task. Dropping it closes the file, with the sizes of the last ``sync()``.
public final class WaveWriter {
    /// A WAV file cannot be longer: its sizes have 32 bits.
    public static let maximumSamples = (Int64(UInt32.max) - 36) / 2

    /// The file.
    public let path: String
    /// Samples so far.
    public private(set) var sampleCount: Int64 = 0
    private static let headerLength: Int64 = 44
    private var descriptor: Int32

    /// Makes the file, or empties it.
    /// - Parameter sampleRate: samples a second.
    public init(path: String, sampleRate: UInt32 = 8000) throws(WaveWriterError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw WaveWriterError(path: path, reason: WaveAudio.reason(errno)) }
        var header = Array("RIFF".utf8) + WaveWriter.word(36) + Array("WAVEfmt ".utf8) + WaveWriter.word(16)
        header += [1, 0, 1, 0] + WaveWriter.word(sampleRate) + WaveWriter.word(sampleRate &* 2) + [2, 0, 16, 0]
        try write(header + Array("data".utf8) + WaveWriter.word(0), at: 0)
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Adds samples at the end; those beyond ``maximumSamples`` are an error.
    public func append(_ samples: some Collection<Int16>) throws(WaveWriterError) {
        guard sampleCount + Int64(samples.count) <= Self.maximumSamples else {
            throw WaveWriterError(path: path, reason: "a WAV file cannot be longer than 4 GB")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(samples.count * 2)
        for sample in samples {
            bytes.append(UInt8(truncatingIfNeeded: sample))
            bytes.append(UInt8(truncatingIfNeeded: sample >> 8))
        }
        try write(bytes, at: Self.headerLength + sampleCount * 2)
        sampleCount += Int64(samples.count)
    }

    /// Adds silence until there are `count` samples. It takes no room on the disk.
    public func pad(to count: Int64) throws(WaveWriterError) {
        guard count > sampleCount else { return }
        guard count <= Self.maximumSamples else {
            throw WaveWriterError(path: path, reason: "a WAV file cannot be longer than 4 GB")
        }
        guard ftruncate(descriptor, Int(Self.headerLength + count * 2)) == 0 else {
            throw WaveWriterError(path: path, reason: WaveAudio.reason(errno))
        }
        sampleCount = count
    }

    /// Makes the sizes in the header right.
    public func sync() throws(WaveWriterError) {
        let octets = UInt32(clamping: sampleCount * 2)
        for (offset, value) in [(4, octets &+ 36), (40, octets)] {
            guard pwrite(descriptor, WaveWriter.word(value), 4, offset) == 4 else {
                throw WaveWriterError(path: path, reason: WaveAudio.reason(errno))
            }
        }
    }

    /// Makes the sizes right and closes the file. Nothing can be added afterwards.
    public func close() throws(WaveWriterError) {
        guard descriptor >= 0 else { return }
        try sync()
        let result = Glibc.close(descriptor)
        descriptor = -1
        guard result == 0 else { throw WaveWriterError(path: path, reason: WaveAudio.reason(errno)) }
    }

    private func write(_ bytes: [UInt8], at offset: Int64) throws(WaveWriterError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let place = Int(offset) + bytes.count - rest.count
            let count = rest.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, place) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw WaveWriterError(path: path, reason: WaveAudio.reason(errno)) }
            rest = rest.dropFirst(count)
        }
    }

    private static func word(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}

/// A WAV file that cannot be written.
public struct WaveWriterError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file.
    public let path: String
    /// Why.
    public let reason: String

    /// One sentence.
    public var description: String { "cannot write \(path): \(reason)" }
}
