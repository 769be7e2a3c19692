import ArgumentParser

/// The program: every subcommand is a file of its own.
@main
struct EarshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "earshot",
        abstract: "A self-hosted Voice Connector: SIPREC calls become live, tagged audio streams and their records.",
        subcommands: [
            ServeCommand.self, CallCommand.self, TailCommand.self, StreamsCommand.self, SearchCommand.self,
            ExportCommand.self, ListenCommand.self, VerifyCommand.self, KeysCommand.self,
            StorageKeysCommand.self, DoctorCommand.self,
        ])
}
