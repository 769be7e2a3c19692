import Foundation
import UnixSignals

/// Ctrl-C and SIGTERM for commands that run on.
enum CommandInterruption {
    /// Runs `body`; the first signal cancels its task, so that it can end properly, the second one ends the program.
    static func watching<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let work = Task { try await body() }
        let watch = Task {
            var count = 0
            for await _ in signals {
                count += 1
                if count > 1 { exit(130) }
                work.cancel()
            }
        }
        defer { watch.cancel() }
        return try await work.value
    }
}
