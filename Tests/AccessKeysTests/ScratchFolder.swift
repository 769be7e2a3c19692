import Foundation

/// A folder of a test's own, removed with it.
final class ScratchFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "earshot-keys-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var keysPath: String { path + "/credentials.json" }

    func content() throws -> String { try String(contentsOfFile: keysPath, encoding: .utf8) }

    /// Writes the file in place, mode 0600.
    func write(_ text: String) throws {
        try text.write(toFile: keysPath, atomically: false, encoding: .utf8)
        chmod(keysPath, 0o600)
    }

    var mode: UInt32 {
        var status = stat()
        return lstat(keysPath, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}
