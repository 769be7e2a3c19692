import Addressing
import Foundation
import Logging
import MediaCore
import MediaEngine
import NIOCore
import NIOPosix
import Provisioning
import Recorder
import ServiceLifecycle
import StreamSink
import UnixSignals
import UserAgent

/// The service of one machine, put together from its parts: started, run until it is asked to stop, drained.
struct RecordingNode: Service, CustomStringConvertible {
    /// Short, because it appears in logs.
    var description: String { "RecordingNode" }
    private let configuration: ServiceConfiguration
    private let logger: Logger
    private let directory: DataDirectory
    private let group: MultiThreadedEventLoopGroup
    private let messageLog: SIPMessageLog?

    /// Opens the data folder; binds and starts nothing.
    init(configuration: ServiceConfiguration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        directory = try DataDirectory(configuration.data)
        // All SIP runs on one loop; see docs/decisions.
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        messageLog =
            configuration.logging.sipMessages
            ? SIPMessageLog(
                path: directory.path + "/logs/sip.jsonl", region: configuration.node.region,
                // The log does not know whose call a message is of.
                redactsDigits: configuration.connectors.contains(where: \.streaming.redactDigits)) : nil
    }

    func run() async throws {
        // Before anything reads or writes a recording: without the keys that are asked for, nothing starts.
        let keys = try masterKeys
        keys?.use(for: directory.path)
        let recovered = CrashRecovery(directory: directory, logger: logger)
            .run(now: UTCTime(milliseconds: MediaClock.wall / 1_000_000))
        if !recovered.calls.isEmpty || recovered.repairedFiles > 0 {
            logger.warning(
                "the last run was cut short; its calls have been closed",
                metadata: ["calls": "\(recovered.calls.count)", "repairedFiles": "\(recovered.repairedFiles)"])
        }
        for problem in recovered.problems { logger.error("recovery", metadata: ["problem": "\(problem)"]) }
        let store = try FragmentStore(directory: directory, configuration: storeConfiguration(keys), logger: logger)
        let records = try RecordWriter(directory: directory, logger: logger)
        let companions = try await NodeCompanions(configuration, store: store, logger: logger)
        let media = try startMedia()
        let recorder = RecordingService(
            settings: await recorderSettings(), media: media, store: store, records: records, logger: logger)
        let agent = SIPAgent(
            configuration: agentConfiguration, admission: admission, eventLoopGroup: group, logger: logger)
        let bound = try await agent.start { await recorder.record($0) }
        announce(bound, httpPort: companions.httpPort)
        let watch = Task { await recorder.watch() }
        let log = logger
        let refusals = Task { await RefusalLog(agent: agent, logger: log).run() }
        try? await gracefulShutdown()
        await agent.beginDraining()
        logger.notice(
            "stopping: new calls are refused, live ones may end",
            metadata: ["calls": "\(recorder.callCount)", "limit": "\(configuration.shutdown.drain)"])
        // A second signal ends the calls now.
        let impatience = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { recorder.hurry() }
        }
        await recorder.drain(limit: configuration.shutdown.drain)
        impatience.cancel()
        // Both ask parts that end now, so they end first.
        for companion in [watch, refusals] {
            companion.cancel()
            await companion.value
        }
        await agent.stop()
        report(await media.workerReports())
        report(media.portReport())
        media.stop()
        await store.shutDown()
        await records.shutDown()
        await companions.stop()
        messageLog?.close()
        try? await group.shutdownGracefully()
        StandardOutput.line("drained")
    }

    /// The line that scripts wait for: what was bound, one endpoint a transport.
    private func announce(_ bound: [SIPEndpoint], httpPort: Int?) {
        var words: [String] = []
        for transport in [SIPTransport.udp, .tcp, .tls] {
            guard let endpoint = bound.first(where: { $0.transport == transport }) else { continue }
            words.append("\(transport.rawValue)=\(endpoint.address.hostText):\(endpoint.port)")
        }
        if let httpPort {
            let name = configuration.http.certificate == nil ? "http" : "https"
            words.append("\(name)=\(configuration.http.bind.hostText):\(httpPort)")
        }
        StandardOutput.line("ready " + words.joined(separator: " "))
        logger.info(
            "ready",
            metadata: [
                "listening": "\(words.joined(separator: " "))", "data": "\(directory.path)",
                "connectors": "\(configuration.connectors.map { $0.hostName(configuration.node.domain) })",
            ])
    }
}

extension RecordingNode {
    /// What recordings are encrypted with; `nil` where they are written in the clear.
    private var masterKeys: MasterKeys? {
        get throws {
            if let file = configuration.streams.encryptionKeyFile { return try MasterKeys(file: file) }
            if let variable = configuration.streams.encryptionKeyVariable {
                return try MasterKeys(environment: variable)
            }
            return nil
        }
    }

    private func storeConfiguration(_ keys: MasterKeys?) -> FragmentStore.Configuration {
        var result = FragmentStore.Configuration(
            region: configuration.node.region, accountID: configuration.node.accountId)
        result.flushInterval = configuration.streams.flushInterval
        result.syncInterval = configuration.streams.syncInterval
        result.encryption = keys
        return result
    }

    private var mediaConfiguration: MediaConfiguration {
        var result = MediaConfiguration()
        let settings = configuration.media
        result.ports = settings.ports.first...settings.ports.last
        result.workers = settings.workers > 0 ? settings.workers : MediaConfiguration.availableProcessors
        result.backEnd =
            switch settings.backend {
            case .auto: .automatic
            case .ioUring: .ioUring
            case .epoll: .epoll
            }
        result.pinsWorkers = settings.pinWorkers
        result.timeline.jitterBuffer = settings.jitterBuffer.nanoseconds
        result.timeline.silenceLag = settings.jitterBuffer.nanoseconds + 260_000_000
        // A call has at most four streams; most have two.
        result.maximumLegs = settings.maxCalls * 4
        return result
    }

    /// Starts the media threads, and says in one line how they read datagrams and why not better.
    private func startMedia() throws -> MediaService {
        var configuration = mediaConfiguration
        let logger = logger
        configuration.notice = { logger.error("media", metadata: ["problem": "\($0)"]) }
        let media = try MediaService(configuration: configuration)
        if let fallback = media.backEnd.fallback {
            logger.notice("media.backend: epoll is used", metadata: ["reason": "\(fallback)"])
        } else {
            logger.info("media.backend: \(media.backEnd.kind.rawValue) is used")
        }
        return media
    }

    /// What the media workers threw away, for whoever looks for lost audio.
    private func report(_ workers: [WorkerReport]) {
        for (index, worker) in workers.enumerated() {
            logger.log(
                level: worker.isNoteworthy ? .warning : .info, "media worker",
                metadata: [
                    "worker": "\(index)", "received": "\(worker.received)", "sent": "\(worker.sent)",
                    "tooLong": "\(worker.truncated)", "sendsRefused": "\(worker.sendsRefused)",
                    "outOfBuffers": "\(worker.outOfBuffers)", "afterTheEnd": "\(worker.stale)",
                ])
        }
    }

    /// What still came to ports after their calls.
    private func report(_ ports: PortReport) {
        logger.info(
            "media ports",
            metadata: [
                "lateAfterRelease": "\(ports.lateAfterRelease)", "resting": "\(ports.resting)",
                "restsCutShort": "\(ports.cutShort)",
            ])
    }

    private func recorderSettings() async -> RecorderSettings {
        var connectors: [String: RecorderSettings.ConnectorPolicy] = [:]
        for connector in configuration.connectors {
            var policy = RecorderSettings.ConnectorPolicy(
                isStreaming: !connector.streaming.disabled, requiresEncryption: connector.requireEncryption)
            policy.stream =
                switch connector.streaming.format {
                case .pcm: .pcm
                case .pcm16: .pcm16
                case .opus: .opus
                case .payload: .payload
                }
            policy.redactsDigits = connector.streaming.redactDigits
            policy.retentionHours = connector.streaming.dataRetentionInHours
            connectors[connector.id.description] = policy
        }
        var settings = RecorderSettings(
            region: configuration.node.region, accountID: configuration.node.accountId,
            advertisedAddress: HostAddress.resolve(configuration.node.advertisedAddress, logger: logger),
            maximumCalls: configuration.media.maxCalls, idleTimeout: configuration.media.idleTimeout,
            connectors: connectors)
        settings.allowsNAT = configuration.media.allowsNAT
        return settings
    }

    private var admission: ConnectorAdmission {
        let rules = configuration.connectors.map { connector in
            AdmissionRule(
                connectorID: connector.id.description, hostName: connector.hostName(configuration.node.domain),
                allowed: connector.termination.cidrAllowedList,
                credentials: Dictionary(
                    connector.termination.credentials.map { ($0.username, $0.password.reveal()) },
                    uniquingKeysWith: { first, _ in first }),
                cpsLimit: connector.termination.cpsLimit, requireEncryption: connector.requireEncryption)
        }
        return ConnectorAdmission(rules: rules, ownHosts: [configuration.node.advertisedAddress])
    }

    private var agentConfiguration: UserAgentConfiguration {
        let sip = configuration.sip
        let host = sip.bind.description
        var listeners: [UserAgentConfiguration.Listener] = []
        if let port = sip.udp { listeners.append(.init(.udp, host: host, port: port)) }
        if let port = sip.tcp { listeners.append(.init(.tcp, host: host, port: port)) }
        if let port = sip.tls { listeners.append(.init(.tls, host: host, port: port)) }
        var result = UserAgentConfiguration(
            listeners: listeners, advertisedAddress: configuration.node.advertisedAddress)
        if let certificate = sip.certificate, let key = sip.privateKey {
            result.certificate = .files(certificatePath: certificate, privateKeyPath: key)
        } else {
            let names =
                [configuration.node.advertisedAddress]
                + configuration.connectors.map { $0.hostName(configuration.node.domain) }
            result.certificate = .selfSigned(directory: directory.path + "/tls", names: names)
            if sip.tls != nil {
                logger.notice(
                    "no certificate is configured: TLS uses a self-signed one, which peers must be told to trust",
                    metadata: ["folder": "\(directory.path)/tls"])
            }
        }
        if let messageLog { result.capture = { messageLog.append($0) } }
        return result
    }
}
