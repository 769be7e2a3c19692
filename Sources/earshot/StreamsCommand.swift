import ArgumentParser
import Foundation
import StreamSink

/// `earshot streams`: what is in a data folder.
struct StreamsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "streams", abstract: "List the streams of a data folder: which are live, and their last calls.",
        discussion: """
            STATE is live while a session is recorded, closed when the last one has ended, cut when it has no end but does \
            not grow any more (the service puts that right when it starts), empty when there is no session. STARTED (UTC), \
            LENGTH and SIZE are of the last session.
            """)

    @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
    var data = "./data"
    @OptionGroup
    var storage: StorageKeyOptions
    @Option(help: ArgumentHelp("Only the streams of this connector.", valueName: "id"))
    var connector: String?
    @Flag(help: "A JSON array instead of a table.")
    var json = false

    mutating func run() throws {
        try storage.open(data, for: "streams")
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: data, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure("earshot streams: there is no folder \(data); give the service's data folder with --data")
        }
        guard FileManager.default.isReadableFile(atPath: data) else {
            throw Failure("earshot streams: \(data) cannot be read; only the service's user may")
        }
        let rows = StreamCatalog.list(dataDirectory: data)
            .filter { connector == nil || $0.connectorID == connector }
            .map { StreamRow($0, now: Date().timeIntervalSince1970) }
        if json {
            StandardOutput.line(JSONValue.array(rows.map(\.json)).text)
        } else if rows.isEmpty {
            StandardOutput.line("no streams\(connector.map { " of the connector \($0)" } ?? "") in \(data)")
        } else {
            StandardOutput.line(StreamTable(rows: rows, width: StreamTable.terminalWidth).text)
        }
    }
}
