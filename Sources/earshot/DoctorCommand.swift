import ArgumentParser
import Foundation
import Provisioning

/// `earshot doctor`: what is wrong on this machine and how to mend it.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check ports, limits, certificate, addresses and disk, and say how to mend them.")

    @Option(help: "The configuration file (YAML).")
    var config: String?

    @Flag(help: "One JSON object instead of text.")
    var json = false

    mutating func run() throws {
        let loaded = try ConfigurationFile.load(config)
        let report = Doctor(loaded.configuration, probes: .system()).examine()
        print(json ? report.json() : "\(report)")
        if !report.isHealthy { throw ExitCode(1) }
    }
}
