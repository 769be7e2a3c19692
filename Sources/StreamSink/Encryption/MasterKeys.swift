import Glibc

/// The keys under which each stream's own key is kept; they come from a file or an environment variable.
///
/// Both hold lines `id:base64 of 32 bytes`; empty lines and such that begin with `#` are passed over, and in a variable a
/// comma also ends a line. The first seals, all open: to rotate, put a new line first, run
/// ``rewrap(dataDirectory:)``, and remove the old line. Never described.
public struct MasterKeys: Sendable, CustomStringConvertible {
    struct Key: Sendable {
        let id: String
        let bytes: [UInt8]
    }

    /// More are refused.
    public static let limit = 100
    let keys: [Key]

    /// Reads a file; it must be a plain file of this user (or root), mode 0600 or stricter.
    public init(file path: String) throws(MasterKeysError) {
        let place = "the file \(path)"
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .unreadable(place, FileError.reason(errno)) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .unreadable(place, FileError.reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(place, "it is not a plain file") }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw .unreadable(place, "it belongs to another user; make it the service user's")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw .unreadable(place, "others may read it; run: chmod 600 \(path)")
        }
        let bytes: [UInt8]
        do throws(FileError) { bytes = try FileContents.read(path, limit: 64 << 10) } catch {
            throw .unreadable(place, "\(FileError.reason(error.code))")
        }
        try self.init(lines: String(decoding: bytes, as: UTF8.self), place: place)
    }

    /// Reads an environment variable.
    public init(environment variable: String) throws(MasterKeysError) {
        let place = "the environment variable \(variable)"
        guard let value = getenv(variable) else { throw .unreadable(place, "it is not set") }
        try self.init(lines: String(cString: value), place: place)
    }

    /// - Parameters:
    ///   - lines: see above.
    ///   - place: where they come from, for errors.
    init(lines: String, place: String) throws(MasterKeysError) {
        var keys: [Key] = []
        let separated = lines.split(omittingEmptySubsequences: false) { $0.isNewline || $0 == "," }
        for (index, line) in separated.enumerated() {
            let text = line.drop { $0 == " " || $0 == "\t" }
            if text.isEmpty || text.hasPrefix("#") { continue }
            guard let colon = text.firstIndex(of: ":") else { throw .malformed(place, line: index + 1) }
            let id = String(text[..<colon])
            guard Self.isUsable(id), let bytes = Base64.decode(text[text.index(after: colon)...]),
                bytes.count == SealCipher.keyLength
            else { throw .malformed(place, line: index + 1) }
            guard !keys.contains(where: { $0.id == id }), keys.count < Self.limit else {
                throw .repeated(place, id: id)
            }
            keys.append(Key(id: id, bytes: bytes))
        }
        guard !keys.isEmpty else { throw .empty(place) }
        self.keys = keys
    }

    /// A line with a new key, to be put first in the file or the variable.
    /// - Parameter id: 1 to 64 letters, digits, `.`, `_` or `-`.
    public static func newLine(id: String) throws(MasterKeysError) -> String {
        guard isUsable(id) else { throw .unusableID(String(id.prefix(80))) }
        return "\(id):\(Base64.encode(SealCipher.random(SealCipher.keyLength)))"
    }

    private static func isUsable(_ id: String) -> Bool {
        !id.isEmpty && id.utf8.count <= 64 && StreamDescription.isPlain(id)
    }

    /// The keys' ids; the first seals.
    public var ids: [String] { keys.map(\.id) }

    /// The ids alone.
    public var description: String { "master keys \(ids.joined(separator: ", "))" }

    func key(_ id: String) -> Key? { keys.first { $0.id == id } }

    /// Opens every encrypted session below a directory with these keys from now on, whoever reads it in this process.
    ///
    /// To be called before anything in the directory is opened (``FragmentStore``, ``CrashRecovery``, ``StreamReader``, …).
    /// What is written is encrypted only where ``FragmentStore/Configuration/encryption`` says so.
    public func use(for dataDirectory: String) { KeyVault.add(self, for: dataDirectory) }
}

/// Why there are no master keys. Never holds a key.
public enum MasterKeysError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where they should be, and why they cannot be read.
    case unreadable(String, String)
    /// A line that is not `id:base64`.
    case malformed(String, line: Int)
    /// Two lines with one id, or more than a hundred.
    case repeated(String, id: String)
    /// There is no line.
    case empty(String)
    /// An id that cannot be one.
    case unusableID(String)

    /// One sentence, with the remedy.
    public var description: String {
        switch self {
        case .unreadable(let place, let reason): "the master keys cannot be read from \(place): \(reason)"
        case .malformed(let place, let line):
            "line \(line) of \(place) is no master key: it must be “id:key”, the id of letters, digits, “.”, “_” and “-”, "
                + "the key 32 bytes in base64 (openssl rand -base64 32)"
        case .repeated(let place, let id): "\(place) has the master key “\(id)” twice, or more than \(MasterKeys.limit)"
        case .empty(let place): "\(place) has no master key; add a line “id:key” (openssl rand -base64 32)"
        case .unusableID(let id):
            "“\(id)” cannot be a master key's id: 1 to 64 letters, digits, “.”, “_” or “-”"
        }
    }
}

/// Base64 with padding (RFC 4648 §4).
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let piece = bytes[start..<min(start + 3, bytes.count)]
            let word = piece.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - piece.count))
            for digit in 0..<4 {
                text.append(digit <= piece.count ? digits[word >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `nil` for anything else; white space at the end is passed over.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var digits = Array(text.utf8)
        while let last = digits.last, last == 0x20 || last == 0x09 || last == 0x0D { digits.removeLast() }
        guard digits.count % 4 == 0, digits.count <= 4096 else { return nil }
        let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        var word: UInt32 = 0
        for (index, digit) in digits.dropLast(padding).enumerated() {
            guard let value = Self.digits.firstIndex(of: digit) else { return nil }
            word = word << 6 | UInt32(value)
            if index % 4 == 1 { bytes.append(UInt8(truncatingIfNeeded: word >> 4)) }
            if index % 4 == 2 { bytes.append(UInt8(truncatingIfNeeded: word >> 2)) }
            if index % 4 == 3 { bytes.append(UInt8(truncatingIfNeeded: word)) }
        }
        return bytes
    }
}
