/// Why a file cannot be used as speech: what it is, and the command that makes one that can.
public enum WaveError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A file call failed.
    case file(path: String, reason: String)
    /// Not a RIFF/WAVE file; the first octets as text.
    case notWave(path: String, start: String)
    /// The file ends inside of what it needs.
    case cut(path: String, place: String)
    /// There is no chunk of that name.
    case missingChunk(path: String, name: String)
    /// A WAV of another format.
    case wrongFormat(path: String, found: WaveFormat)
    /// There is no sample in it.
    case silent(path: String)
    /// Larger than ``WaveAudio/maximumOctets``.
    case tooLarge(path: String)

    /// What was found, what is needed, and the command that makes it.
    public var description: String {
        switch self {
        case .file(let path, let reason): "cannot read \(path): \(reason)"
        case .notWave(let path, let start):
            "\(path) is not a WAV file (it starts with \(start)); \(Self.remedy(path))"
        case .cut(let path, let place): "\(path) is cut off: it ends inside \(place); make it anew"
        case .missingChunk(let path, let name): "\(path) is a WAV file without a “\(name)” chunk; \(Self.remedy(path))"
        case .wrongFormat(let path, let found):
            "\(path) is \(found); needed is 16-bit PCM, 8000 Hz, mono; \(Self.remedy(path))"
        case .silent(let path): "\(path) holds no audio; record or make something first"
        case .tooLarge(let path):
            "\(path) is larger than \(WaveAudio.maximumOctets >> 20) MB; cut it: ffmpeg -i \(Self.quoted(path)) -t 3600 "
                + Self.quoted(Self.converted(path))
        }
    }

    private static func remedy(_ path: String) -> String {
        "convert it: ffmpeg -i \(quoted(path)) -ar 8000 -ac 1 -c:a pcm_s16le \(quoted(converted(path)))"
    }

    /// `speech.wav` becomes `speech-8k.wav`, beside it.
    private static func converted(_ path: String) -> String {
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let name = path[slash...]
        let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name
        return path[..<slash] + (stem.isEmpty ? name : stem) + "-8k.wav"
    }

    /// The path as a shell takes it.
    private static func quoted(_ path: String) -> String {
        let isPlain = path.utf8.allSatisfy { octet in
            (0x30...0x39).contains(octet) || (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet)
                || "/._-+,@".utf8.contains(octet)
        }
        if isPlain, !path.isEmpty, !path.hasPrefix("-") { return path }
        return "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
