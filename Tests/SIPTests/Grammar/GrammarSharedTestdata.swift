import Foundation

/// Third-party messages, kept beside the package and never copied into it.
enum SharedTestdata {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("shared/testdata")

    static let isPresent = FileManager.default.fileExists(atPath: folder.path)

    static func octets(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appendingPathComponent(path)))
    }

    /// The files of a folder in order of their names; none when it is absent.
    static func files(_ path: String) -> [String] {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(path).path)) ?? []
        return names.sorted().map { "\(path)/\($0)" }
    }
}
