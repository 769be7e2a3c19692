public import AccessKeys
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
import NIOCore
import NIOSSL
public import ServiceLifecycle
public import StreamSink
import Synchronization

/// The one HTTP interface: an HTTP/1.1 server for everything that is not SIP.
///
/// A service of swift-service-lifecycle: at graceful shutdown it takes no more connections, drops half requests, ends
/// open reads within a quarter of a second (with their last fragment whole for every consumer), and returns when all
/// answers are out, or after ``HTTPLimits/shutdownTime``.
public final class HTTPService: Service {
    /// What is counted; read it at any time.
    public let counters: HTTPCounters
    private let settings: HTTPSettings
    private let logger: Logger
    private let responder: RouterResponder<InterfaceContext>
    private let port = Mutex<Int?>(nil)
    private let started: AsyncStream<Int>
    private let start: AsyncStream<Int>.Continuation

    /// Makes the service; nothing is opened before ``run()``.
    ///
    /// - Parameters:
    ///   - keys: must be there where ``HTTPSettings/requireSignatures`` is true; otherwise every request is refused.
    ///   - makers: who makes clips and HLS segments.
    ///   - health: what `/health` says.
    ///   - routes: further groups of routes, made with the gate that all requests go through.
    public init(
        settings: HTTPSettings, library: StreamLibrary, keys: AccessKeyStore?, makers: MediaMakers = MediaMakers(),
        logger: Logger, clock: InterfaceClock = .system,
        health: @escaping @Sendable () -> HealthReport = { HealthReport(isHealthy: true) },
        routes: @Sendable (RequestGate) -> [any InterfaceRoutes] = { _ in [] }
    ) {
        self.settings = settings
        self.logger = logger
        counters = HTTPCounters()
        (started, start) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let gate = RequestGate(
            access: settings.requireSignatures ? .keys(keys) : .open, clock: clock, limits: settings.limits,
            counters: counters)
        let router = Router(context: InterfaceContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ErrorAnswering(counters: counters))
        var groups: [any InterfaceRoutes] = [
            HealthRoutes(report: health),
            KinesisVideoRoutes(
                library: library, settings: settings, gate: gate, clock: clock, counters: counters, makers: makers,
                logger: logger),
        ]
        groups += routes(gate)
        for group in groups { group.register(on: router) }
        responder = router.buildResponder()
    }

    /// The port that was bound, once it is; with ``HTTPSettings/port`` 0 the system chose it.
    public var boundPort: Int? { port.withLock { $0 } }

    /// Waits until the service listens; `nil` when it ended before it did. One caller only.
    public func waitUntilListening() async -> Int? {
        if let port = boundPort { return port }
        for await port in started { return port }
        return nil
    }

    /// Listens and serves until the service group stops it.
    ///
    /// - Throws: ``HTTPServiceError`` for a certificate or key that cannot be used; NIO's error when the address
    ///   cannot be bound.
    public func run() async throws {
        defer { start.finish() }
        let configuration = ApplicationConfiguration(
            address: .hostname(settings.bind, port: settings.port), serverName: "Earshot", backlog: 1024,
            reuseAddress: true)
        let bounds = ConnectionBounds(
            descriptors: ConnectionBounds.descriptors, limits: settings.limits, connections: settings.connections,
            perAddress: settings.connectionsPerAddress)
        let application = Application(
            responder: responder, server: try server(), configuration: configuration,
            onServerRunning: { [self] channel in
                // Before anybody is told the port.
                try? await channel.pipeline.addHandler(
                    ConnectionAdmission(bounds, counters: counters), position: .first
                ).get()
                let bound = channel.localAddress?.port ?? settings.port
                port.withLock { $0 = bound }
                start.yield(bound)
            },
            logger: Self.quiet(logger))
        try await application.run()
    }

    private func server() throws -> HTTPServerBuilder {
        let limits = settings.limits
        let counters = counters
        let http = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: [ConnectionGuard(limits: limits, counters: counters)],
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes,
                    maxHeaderFieldCount: limits.headerFields)))
        guard settings.certificate != nil || settings.privateKey != nil else { return http }
        return try HTTPServerBuilder.tls(http, tlsConfiguration: try tls())
    }

    private func tls() throws(HTTPServiceError) -> TLSConfiguration {
        guard let certificate = settings.certificate, let key = settings.privateKey else {
            throw .halfIdentity
        }
        do {
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            tls.minimumTLSVersion = .tlsv12
            tls.applicationProtocols = ["http/1.1"]
            return tls
        } catch {
            throw .unusableIdentity(certificate: certificate, privateKey: key, reason: "\(error)")
        }
    }

    /// Hummingbird's own lines ("Server started") are Earshot's to say.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        if logger.logLevel == .info { logger.logLevel = .notice }
        return logger
    }
}

/// Why the HTTP interface cannot start.
public enum HTTPServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A certificate without its key, or a key without its certificate.
    case halfIdentity
    /// Certificate or key cannot be read, or do not belong together.
    case unusableIdentity(certificate: String, privateKey: String, reason: String)

    /// What, where and how to mend it.
    public var description: String {
        switch self {
        case .halfIdentity: "http: give both certificate and privateKey for TLS, or neither for plain HTTP"
        case .unusableIdentity(let certificate, let key, let reason):
            "http: certificate \(certificate) and key \(key) cannot be used: \(reason); both must be readable PEM files"
        }
    }
}
