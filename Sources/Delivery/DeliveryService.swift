import AsyncHTTPClient
import Logging
import ServiceLifecycle
import StreamSink
import Synchronization

/// Brings events, records and recordings to where they are wanted, from what the data directory holds.
///
/// The event log and the object folder are the spool: a target that is down costs no memory and loses nothing, and a
/// crash of the service at most sends again what was not written down as acknowledged. To be stopped after whatever
/// writes events, so that the last ones still go out.
public final class DeliveryService: Service {
    private let settings: DeliverySettings
    private let runners: [TargetRunner]
    private let client: HTTPClient
    private let logger: Logger

    /// Opens the cursors; a target without one begins here, so make the service before calls are taken.
    /// - Parameter dataDirectory: the data directory's path.
    public init(_ settings: DeliverySettings, dataDirectory: String, logger: Logger) throws(FileError) {
        self.settings = settings
        self.logger = logger
        let client = HTTPSender.makeClient()
        let factory = RunnerFactory(
            settings: settings, dataDirectory: dataDirectory, sender: HTTPSender(client: client), logger: logger)
        do throws(FileError) {
            runners = try factory.runners()
        } catch {
            client.shutdown { _ in }
            throw error
        }
        self.client = client
        for runner in runners {
            let letters = DeadLetter.count(in: "\(dataDirectory)/delivery/dead/\(runner.name).jsonl")
            guard letters > 0 else { continue }
            logger.warning(
                "there are dead letters of earlier runs",
                metadata: [
                    "target": "\(runner.name)", "count": "\(letters)", "file": "delivery/dead/\(runner.name).jsonl",
                ])
        }
    }

    /// The numbers of every target, in the order of the configuration.
    public var statistics: [TargetStatistics] { runners.map(\.statistics) }

    /// Works until the graceful shutdown, then sends what can still be sent within the grace.
    public func run() async throws {
        await withTaskGroup { group in
            for runner in runners { group.addTask { await runner.run() } }
            try? await gracefulShutdown()
            let deadline = ContinuousClock.now + settings.grace
            for runner in runners { await runner.finish(by: deadline) }
            // The runners end by themselves; a cancelled service takes its tasks with it.
            await group.waitForAll()
        }
        try? await client.shutdown()
        for one in statistics {
            logger.notice(
                "delivery ends",
                metadata: [
                    "target": "\(one.name)", "acknowledged": "\(one.acknowledged)", "failures": "\(one.failures)",
                    "deadLetters": "\(one.deadLetters)", "waiting": "\(one.waiting)", "lostLogs": "\(one.lostLogs)",
                    "lostMessages": "\(one.lostMessages)",
                ])
        }
        let left = statistics.reduce(0) { $0 + $1.waiting }
        if left > 0 { logger.notice("messages are left for the next start", metadata: ["count": "\(left)"]) }
    }
}
