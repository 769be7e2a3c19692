import AccessKeys
import ArgumentParser
import Foundation

/// `earshot keys`: who may use the HTTP interface.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make, list and revoke the access keys of the HTTP interface.",
        discussion: """
            The keys are in credentials.json in the service's data folder, which only its owner may read; run this as the \
            service's user. A running service takes every change at once.
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make an access key and print its secret, this once.",
            discussion: """
                admin may do everything; consumer reads media and lists streams and events; auditor reads records, \
                searches and exports metadata, hears nothing and changes nothing.
                """)

        @Option(help: ArgumentHelp("What the key is for: admin, consumer or auditor.", valueName: "role"))
        var role: AccessRole
        @Option(help: ArgumentHelp("Whom it is for; shown by list.", valueName: "text"))
        var note = ""
        @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
        var data = "./data"
        @Flag(help: "A JSON object instead of text.")
        var json = false

        mutating func run() throws {
            let (role, note, data) = (role, note, data)
            let made = try KeyFailure.named {
                try KeyFailure.store(data).create(
                    role: role, note: note, nowMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
            }
            if json {
                var fields = KeyFields(made.key)
                fields.secretAccessKey = made.secret.reveal()
                try StandardOutput.line(fields.json)
            } else {
                StandardOutput.line(
                    """
                    AWS_ACCESS_KEY_ID=\(made.key.id)
                    AWS_SECRET_ACCESS_KEY=\(made.secret.reveal())
                    """)
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the access keys, without their secrets.")

        @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
        var data = "./data"
        @Flag(help: "A JSON object a line instead of a table.")
        var json = false

        mutating func run() throws {
            let data = data
            let keys = try KeyFailure.named { try KeyFailure.store(data).list() }
            if json {
                for key in keys { try StandardOutput.line(KeyFields(key).json) }
            } else if keys.isEmpty {
                StandardOutput.line("no access keys in \(data); make one with earshot keys create --role admin")
            } else {
                StandardOutput.line(Self.table(keys))
            }
        }

        private static func table(_ keys: [AccessKey]) -> String {
            let rows =
                [["ACCESS KEY", "ROLE", "CREATED (UTC)", "NOTE"]]
                + keys.map { [$0.id, $0.role.rawValue, KeyFields($0).created, $0.note] }
            let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
            return rows.map { row in
                let cells = zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) } + [row[3]]
                return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
            }.joined(separator: "\n")
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Take an access key away; the next request signed with it is refused.")

        @Argument(help: ArgumentHelp("The access key, as list shows it.", valueName: "id"))
        var id: String
        @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
        var data = "./data"

        mutating func run() throws {
            let (id, data) = (id, data)
            let key = try KeyFailure.named { try KeyFailure.store(data).revoke(id) }
            StandardOutput.line("revoked \(key.id) (\(key.role.rawValue))")
        }
    }
}

extension AccessRole: ExpressibleByArgument {}

/// The failures of `earshot keys`, in one form.
private enum KeyFailure {
    static func named<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as AccessKeyError {
            throw Failure("earshot keys: \(error)")
        }
    }

    static func store(_ data: String) throws -> AccessKeyStore {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: data, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure("earshot keys: there is no folder \(data); give the service's data folder with --data")
        }
        return try AccessKeyStore(dataDirectory: data)
    }
}

/// A key as `--json` prints it; the secret only where it was just made.
private struct KeyFields: Encodable {
    let accessKeyId: String
    var secretAccessKey: String?
    let role: String
    let note: String
    let created: String

    init(_ key: AccessKey) {
        accessKeyId = key.id
        role = key.role.rawValue
        note = key.note
        created = Date(timeIntervalSince1970: Double(key.createdAtMilliseconds / 1000))
            .formatted(.iso8601)
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
