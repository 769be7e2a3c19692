import ArgumentParser
import Foundation
import Logging
import Provisioning
import ServiceLifecycle
import UnixSignals

/// `earshot serve`: the service, until Ctrl-C or SIGTERM.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the service until Ctrl-C or SIGTERM; live calls are then given time to end.")

    @Option(help: "The configuration file (YAML). Without one, only this machine may place calls.")
    var config: String?

    @Option(help: "The folder of streams, records and logs; overrides the file's data.")
    var data: String?

    mutating func run() async throws {
        let loaded = try ConfigurationFile.load(config)
        var configuration = loaded.configuration
        if let data { configuration.data = data }
        var logger = Logger(label: "earshot", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = Logger.Level(configuration.logging.level)
        for notice in loaded.notices { logger.warning("configuration", metadata: ["notice": "\(notice)"]) }
        // Each leg takes two sockets and a file; the soft limit of most machines is too low for a thousand calls.
        _ = OpenFileLimit.raise()
        let service: RecordingNode
        do {
            service = try RecordingNode(configuration: configuration, logger: logger)
        } catch {
            throw Failure("earshot serve: \(error)")
        }
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch {
            throw Failure("earshot serve: \(error)")
        }
    }
}

/// Ends the program with a sentence for people on standard error and exit code 1.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The configuration of every subcommand that needs one.
enum ConfigurationFile {
    /// - Throws: ``Failure`` that names every mistake with key, line and remedy.
    static func load(_ path: String?) throws -> LoadedConfiguration {
        do {
            return try ConfigurationLoader().load(file: path)
        } catch {
            throw Failure("\(error)")
        }
    }
}

extension Logger.Level {
    init(_ level: LoggingSettings.Level) { self = Logger.Level(rawValue: level.rawValue) ?? .info }
}
