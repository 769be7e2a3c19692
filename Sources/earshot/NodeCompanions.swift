import AccessKeys
import Addressing
import AudioExport
import CallArchive
import Delivery
import Foundation
import HTTPInterface
import Logging
import NIOCore
import NIOPosix
import Provisioning
import ServiceLifecycle
import StreamSink

/// What runs beside the calls: HTTP, delivery, retention, the index of calls. They start before the first call and end
/// after the last one's records are written, so that those still go out.
final class NodeCompanions: Sendable {
    private let group: ServiceGroup
    private let running: Task<Void, any Error>
    private let retention: RetentionKeeper
    private let index: Task<Void, Never>
    /// Where HTTP listens; `nil` where it is off.
    let httpPort: Int?

    /// Starts them. Throws what keeps HTTP from listening, or delivery from opening its cursors.
    init(
        _ configuration: ServiceConfiguration, store: FragmentStore, logger: Logger
    ) async throws {
        let data = store.directory.path
        let library = StreamLibrary(store: store)
        for connector in configuration.connectors {
            try library.setRetention(
                connectorID: connector.id.description, hours: connector.streaming.dataRetentionInHours)
        }
        retention = try RetentionKeeper(
            library: library,
            settings: RetentionSettings(
                diskBudgetBytes: configuration.streams.diskBudget, interval: configuration.streams.retentionInterval),
            logger: logger)
        var services: [any Service] = []
        let settings = try DeliverySettings(configuration, dataDirectory: data)
        if !settings.isEmpty {
            services.append(try DeliveryService(settings, dataDirectory: data, logger: logger))
        }
        let http = try Self.http(configuration, library: library, store: store, logger: logger)
        if let http { services.append(http) }
        // The group ends its services in turn, the last one first: readers, then what is to be sent.
        let group = ServiceGroup(configuration: .init(services: services.map { .init(service: $0) }, logger: logger))
        self.group = group
        running = Task { try await group.run() }
        if let http {
            guard let port = await http.waitUntilListening() else {
                throw Failure("HTTP cannot be served on \(Self.place(configuration)): \(await Self.reason(running))")
            }
            httpPort = port
        } else {
            httpPort = nil
        }
        try retention.start()
        let calls = try CallIndex(dataDirectory: data, isOwner: true)
        // Reads and writes files, and must not hold a thread that tasks share.
        index = Task(executorPreference: BlockingExecutor()) {
            await calls.run(every: .seconds(5)) { logger.error("index of calls", metadata: ["problem": "\($0)"]) }
        }
    }

    private static func place(_ configuration: ServiceConfiguration) -> String {
        "\(configuration.http.bind.hostText):\(configuration.http.port ?? 0)"
    }

    /// Why HTTP ended, in words that name the key to change.
    private static func reason(_ running: Task<Void, any Error>) async -> String {
        do {
            try await running.value
            return "it ended by itself"
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            return "another program listens there; set http.port to another port, 0 for any, or off"
        } catch let error as IOError {
            return "\(String(cString: strerror(error.errnoCode))); look at http.bind and http.port"
        } catch {
            return "\(error)"
        }
    }

    /// Ends readers, sends what can still be sent, ends the rest.
    func stop() async {
        retention.stop()
        index.cancel()
        await index.value
        await group.triggerGracefulShutdown()
        try? await running.value
    }

    private static func http(
        _ configuration: ServiceConfiguration, library: StreamLibrary, store: FragmentStore, logger: Logger
    ) throws -> HTTPService? {
        guard let port = configuration.http.port else { return nil }
        let listener = configuration.http
        let data = store.directory.path
        let keys = try AccessKeyStore(dataDirectory: data)
        if listener.requireSignatures, keys.isEmpty { try makeFirstKey(keys, data: data) }
        let settings = HTTPSettings(
            bind: listener.bind.description, port: Int(port), certificate: listener.certificate,
            privateKey: listener.privateKey, publicURL: listener.publicURL,
            requireSignatures: listener.requireSignatures, region: configuration.node.region,
            accountID: configuration.node.accountId, connections: listener.connections,
            connectionsPerAddress: listener.connectionsPerAddress)
        return HTTPService(
            settings: settings, library: library, keys: keys, makers: .all(dataDirectory: data), logger: logger,
            health: { HealthReport(isHealthy: store.statistics.failingSessions == 0) },
            routes: { gate in
                [
                    ListeningRoutes(
                        library: library, gate: gate, keys: keys, settings: settings, audio: ListeningAudio(),
                        calls: ListenedCalls(finder: RecordingFinder(dataDirectory: data)))
                ]
            })
    }

    /// The first start makes the key of whoever started it. On a terminal its secret is shown, this once; elsewhere the
    /// output ends in logs, which are no place for secrets.
    private static func makeFirstKey(_ keys: AccessKeyStore, data: String) throws {
        let made = try keys.create(
            role: .admin, note: "made at the first start",
            nowMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        guard isatty(1) == 1 else {
            StandardOutput.line("access key \(made.key.id) made; its secret is in \(data)/credentials.json")
            return
        }
        StandardOutput.line(
            """
            An access key for the HTTP interface, shown this once (earshot keys makes others):
            AWS_ACCESS_KEY_ID=\(made.key.id)
            AWS_SECRET_ACCESS_KEY=\(made.secret.reveal())
            """)
    }
}

/// A thread for tasks that wait for a disk.
private final class BlockingExecutor: TaskExecutor {
    private let pool = NIOThreadPool(numberOfThreads: 1)

    init() { pool.start() }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Nobody shuts the pool down, so every job runs.
        pool.submit { [self] _ in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
