import Logging
import NIOCore
import SIP

/// A SIP user agent over UDP, TCP and TLS: sockets, transactions, dialogs, admission.
///
/// It runs on one NIO event loop, which is also the executor of the actor: a datagram is read, matched and answered
/// without a hop. Calls are handed to the ``IncomingInvite`` closure given to ``start(onInvite:)``; calls are
/// placed with ``invite(_:)``. It is not reused after ``stop()``.
public actor SIPAgent {
    /// The methods that are understood, as the Allow header names them.
    public static let allowedMethods = RequestInspection.usualMethods.map(\.rawValue).joined(separator: ", ")
    /// The option tags that are supported (RFC 7866 §6.1.2, RFC 4028).
    public static let supportedExtensions = ["siprec", "timer"]
    /// The body types that are understood.
    public static let acceptedTypes =
        "application/sdp, application/rs-metadata+xml, application/rs-metadata, multipart/mixed"

    /// What it was made with.
    public nonisolated let configuration: UserAgentConfiguration
    nonisolated let eventLoop: any EventLoop
    nonisolated let logger: Logger
    let admission: any Admission
    /// Makes stateless To tags that nobody else can foretell.
    let tagSalt = UInt64.random(in: .min ... .max)

    /// What has been done and refused so far.
    public internal(set) var counters = UserAgentCounters()

    var onInvite: (@Sendable (IncomingInvite) async -> Void)?
    var phase = Phase.idle

    // Sockets.
    var datagramSockets: [DatagramSocket] = []
    var serverChannels: [(channel: any Channel, bound: SIPEndpoint)] = []
    var connections: [UInt64: StreamConnection] = [:]
    var connectionsByTarget: [ConnectionTarget: EventLoopFuture<UInt64>] = [:]
    var tls = TLSContexts()
    /// Why connections that we opened were lost, until somebody asks; see ``SIPAgent/explain(_:of:)``.
    var connectionFailures: [UInt64: String] = [:]

    // Transactions and calls.
    var lastID: UInt64 = 0
    var deadlines = DeadlineQueue()
    var timedOwners: [UInt64: TimedOwner] = [:]
    var wake: (deadline: ContinuousClock.Instant, task: Scheduled<Void>)?
    var serverTransactions: [TransactionKey: ServerTransaction] = [:]
    var mergedRequests: [MergedRequestKey: TransactionKey] = [:]
    var clientTransactions: [TransactionKey: ClientTransaction] = [:]
    var calls: [UInt64: Call] = [:]
    var dialogs: [DialogID: Call] = [:]

    enum Phase { case idle, running, draining, stopped }

    /// The event loop that everything runs on.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    /// Makes a user agent that does nothing until ``start(onInvite:)``.
    ///
    /// - Parameters:
    ///   - eventLoopGroup: one loop of it is used; it must outlive the user agent.
    ///   - logger: gets one line an event, at info level or below.
    public init(
        configuration: UserAgentConfiguration, admission: any Admission, eventLoopGroup: any EventLoopGroup,
        logger: Logger
    ) {
        self.configuration = configuration
        self.admission = admission
        self.logger = logger
        eventLoop = eventLoopGroup.next()
    }

    /// Binds every listener and begins to answer.
    ///
    /// `onInvite` is called in a task of its own for each INVITE that was admitted. An invitation that is dropped
    /// without a final answer is answered 500.
    /// - Returns: what was bound, in the order of the listeners; a `0.0.0.0` listener may give two.
    /// - Throws: ``UserAgentError`` or ``CertificateError``; then nothing stays open.
    public func start(onInvite: @escaping @Sendable (IncomingInvite) async -> Void) async throws -> [SIPEndpoint] {
        guard phase == .idle else { throw UserAgentError.notIdle }
        phase = .running
        self.onInvite = onInvite
        do {
            return try await bindListeners()
        } catch {
            await stop()
            throw error
        }
    }

    /// Refuses new calls from now on: INVITE and OPTIONS get 503, INVITE with `Retry-After: 30`, so that the peer's
    /// keep-alive sees it too. Calls in progress go on.
    public func beginDraining() {
        if phase == .running { phase = .draining }
    }

    /// Calls that are alive now.
    public var callCount: Int { calls.count }

    /// Closes everything at once. Calls still alive end with ``DialogEnd/transportFailed(_:)``; to end them politely,
    /// ``beginDraining()`` and BYE each first.
    public func stop() async {
        guard phase != .stopped else { return }
        phase = .stopped
        for call in Array(calls.values) { finish(call, .transportFailed("the user agent was stopped")) }
        for transaction in Array(clientTransactions.values) {
            forget(transaction)
            transaction.handler(self, .ended(.transportFailed))
        }
        serverTransactions.removeAll()
        mergedRequests.removeAll()
        timedOwners.removeAll()
        wake?.task.cancel()
        wake = nil
        let channels =
            datagramSockets.map(\.channel) + serverChannels.map(\.channel) + connections.values.map(\.channel)
        datagramSockets.removeAll()
        serverChannels.removeAll()
        for channel in channels {
            channel.close(promise: nil)
        }
        for channel in channels {
            // A TLS peer that does not answer the close is cut off after a few seconds by the TLS handler.
            try? await channel.closeFuture.get()
        }
        onInvite = nil
    }

    func nextID() -> UInt64 {
        lastID &+= 1
        return lastID
    }
}
