import ArgumentParser
import Foundation
import StreamSink

/// Where the master keys are, for commands that read encrypted recordings.
struct StorageKeyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The file with the master keys of encrypted recordings.", valueName: "file"))
    var keyFile: String?
    @Option(help: ArgumentHelp("The environment variable that holds them.", valueName: "name"))
    var keyVariable: String?

    mutating func validate() throws {
        if keyFile != nil, keyVariable != nil {
            throw ValidationError("--key-file and --key-variable exclude each other")
        }
    }

    /// The keys; `nil` where none were named.
    func keys() throws(MasterKeysError) -> MasterKeys? {
        if let keyFile { return try MasterKeys(file: keyFile) }
        if let keyVariable { return try MasterKeys(environment: keyVariable) }
        return nil
    }

    /// Opens what is encrypted below a data folder, for all that this process reads there. Says why it cannot, and exits
    /// with 2.
    func open(_ data: String, for command: String) throws {
        do throws(MasterKeysError) {
            try keys()?.use(for: data)
        } catch {
            FileHandle.standardError.write(Data("earshot \(command): \(error)\n".utf8))
            throw ExitCode(2)
        }
    }
}

/// `earshot storage-keys`: the master keys of encrypted recordings.
struct StorageKeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage-keys", abstract: "Make and rotate the master keys of encrypted recordings.",
        discussion: """
            The file named by streams.encryption.keyFile has a line “id:key” for each master key; the first seals, all \
            open. To rotate: put a new line first (storage-keys new), start the service again, run storage-keys rewrap, \
            remove the old line and start the service again. Whoever loses the keys loses the recordings.
            """,
        subcommands: [New.self, Rewrap.self])

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new", abstract: "Print a line with a new master key; nothing is changed.")

        @Option(help: ArgumentHelp("Its name: letters, digits, “.”, “_” and “-”.", valueName: "id"))
        var id: String

        mutating func run() throws {
            do throws(MasterKeysError) { StandardOutput.line(try MasterKeys.newLine(id: id)) } catch {
                throw Self.failure(error)
            }
        }

        fileprivate static func failure(_ error: any Error) -> ExitCode {
            FileHandle.standardError.write(Data("earshot storage-keys: \(error)\n".utf8))
            return ExitCode(2)
        }
    }

    struct Rewrap: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rewrap", abstract: "Wrap every stream's key under the first master key.",
            discussion: """
                The recordings are not touched. May run beside the service, and again. Exit code 0: the other master \
                keys can be removed; 1: they cannot; 2: nothing was done.
                """)

        @OptionGroup
        var options: StorageKeyOptions
        @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
        var data = "./data"

        mutating func run() throws {
            let keys: MasterKeys?
            do throws(MasterKeysError) { keys = try options.keys() } catch { throw New.failure(error) }
            guard let keys else { throw ValidationError("name the master keys with --key-file or --key-variable") }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: "\(data)/streams", isDirectory: &isFolder), isFolder.boolValue
            else { throw ValidationError("\(data) is no data folder of a service") }
            let report = keys.rewrap(dataDirectory: data)
            StandardOutput.line(
                "\(report.streams) encrypted streams, \(report.rewrapped) keys wrapped anew under “\(keys.ids[0])”")
            for (id, count) in report.missing.sorted(by: { $0.key < $1.key }) {
                StandardOutput.line("\(count) keys need the master key “\(id)”, which is not there")
            }
            for problem in report.problems { StandardOutput.line(problem) }
            guard report.isComplete else { throw ExitCode(1) }
        }
    }
}
