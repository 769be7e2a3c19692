import Foundation

/// `../shared/testdata` beside the package; absent on a plain checkout.
enum ThirdPartyData {
    static let folder: String? = {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = package.deletingLastPathComponent().appendingPathComponent("shared/testdata").path
        guard FileManager.default.fileExists(atPath: path) else {
            print("skipped: no ../shared/testdata")
            return nil
        }
        return path
    }()

    static var isPresent: Bool { folder != nil }

    /// Paths below `subfolder`, sorted; empty where the data is absent.
    static func files(_ subfolder: String, ending: String) -> [String] {
        guard let folder else { return [] }
        let all = FileManager.default.enumerator(atPath: folder + "/" + subfolder)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(ending) }.sorted().map { subfolder + "/" + $0 }
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        let folder = try require(folder)
        return try Array(Data(contentsOf: URL(fileURLWithPath: folder + "/" + path)))
    }

    struct Missing: Error {}

    private static func require(_ value: String?) throws -> String {
        guard let value else { throw Missing() }
        return value
    }
}
