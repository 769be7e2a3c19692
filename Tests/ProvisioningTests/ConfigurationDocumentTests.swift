import Foundation
import Provisioning
import Testing

@Suite("The documents agree with the loader")
struct ConfigurationDocumentTests {
    /// The folder of the package; `nil` where the tests run without it.
    private static let root: URL? = {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let root = here.deletingLastPathComponent().deletingLastPathComponent()
        return FileManager.default.fileExists(atPath: root.appendingPathComponent("Package.swift").path) ? root : nil
    }()

    private func text(_ path: String) throws -> String {
        let root = try #require(Self.root)
        return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    @Test("docs/configuration.md has the table of keys as the loader knows them")
    func table() throws {
        let document = try text("docs/configuration.md")
        let table = ConfigurationTable.markdown()
        #expect(document.contains(table), "put this table into docs/configuration.md:\n\(table)")
    }

    @Test("earshot.example.yaml is a configuration without remarks, and names every key")
    func example() throws {
        let yaml = try text("earshot.example.yaml")
        let loaded = try ConfigurationLoader(environment: [:], isReadable: { _ in true })
            .load(yaml: yaml, name: "earshot.example.yaml", folder: nil)
        #expect(loaded.notices.isEmpty)
        for key in ConfigurationKey.all {
            let name = key.path.split(separator: ".").last ?? ""
            #expect(yaml.contains("\(name.prefix { $0 != "[" }):"), "\(key.path) is missing")
        }
    }

    @Test("Each YAML block of docs/configuration.md is a configuration")
    func blocks() throws {
        let parts = try text("docs/configuration.md").components(separatedBy: "```yaml\n").dropFirst()
        #expect(!parts.isEmpty)
        for part in parts {
            let yaml = part.components(separatedBy: "```").first ?? ""
            _ = try ConfigurationLoader(environment: [:], isReadable: { _ in true })
                .load(yaml: yaml, name: "docs/configuration.md", folder: nil)
        }
    }
}
