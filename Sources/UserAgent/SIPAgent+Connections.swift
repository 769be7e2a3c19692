import Glibc
import Logging
import NIOCore
import NIOPosix

/// TCP and TLS connections: accepted, opened, used again, closed.
extension SIPAgent {
    /// Takes in an accepted connection, or throws, which closes it.
    func accept(_ channel: any Channel, transport: SIPTransport) throws {
        guard phase == .running || phase == .draining,
            let remote = SIPEndpoint(channel.remoteAddress, transport: transport),
            let local = SIPEndpoint(channel.localAddress, transport: transport)
        else { throw ChannelError.ioOnClosedChannel }
        guard admission.mayTalk(remote, now: .now) else {
            counters.droppedSources &+= 1
            throw ChannelError.ioOnClosedChannel
        }
        let isKnown = admission.knows(remote)
        guard connections.count < configuration.maximumConnections, isKnown || mayConnect(stranger: remote) else {
            counters.connectionsRefused &+= 1
            throw ChannelError.ioOnClosedChannel
        }
        if transport == .tls, let handler = tls.serverHandler() {
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        try register(channel, source: RequestSource(remote: remote, local: local), target: nil)
    }

    /// Connections from sources in no allow list have a small pool of their own, or they could take every place that the
    /// allowed ones need.
    private func mayConnect(stranger remote: SIPEndpoint) -> Bool {
        var strangers = 0
        var fromHere = 0
        for connection in connections.values where connection.target == nil {
            guard !admission.knows(connection.source.remote) else { continue }
            strangers += 1
            if connection.source.remote.address == remote.address { fromHere += 1 }
        }
        return strangers < Self.maximumStrangers && fromHere < Self.maximumStrangersPerAddress
    }

    static let maximumStrangers = 64
    static let maximumStrangersPerAddress = 4

    @discardableResult
    private func register(_ channel: any Channel, source: RequestSource, target: ConnectionTarget?) throws -> UInt64 {
        let id = nextID()
        let handler = StreamHandler(agent: self, id: id, isAccepted: target == nil, now: .now())
        try channel.pipeline.syncOperations.addHandler(handler)
        connections[id] = StreamConnection(channel: channel, handler: handler, source: source, target: target)
        counters.connectionsOpened &+= 1
        counters.connections = connections.count
        return id
    }

    /// A connection to `target`: one that we opened before, or a new one. Callers that come while it is being opened
    /// share it.
    func connection(to target: ConnectionTarget) async throws -> UInt64 {
        if let known = connectionsByTarget[target] {
            if let id = try? await known.get(), connections[id]?.channel.isActive == true { return id }
            // It was closed in between; another caller may already have opened a new one.
            if connectionsByTarget[target] === known { connectionsByTarget[target] = nil }
        }
        if let newer = connectionsByTarget[target] { return try await newer.get() }
        guard phase == .running || phase == .draining else { throw UserAgentError.stopped }
        let promise = eventLoop.makePromise(of: UInt64.self)
        connectionsByTarget[target] = promise.futureResult
        do {
            let id = try await open(target)
            promise.succeed(id)
            return id
        } catch {
            connectionsByTarget[target] = nil
            let failure = UserAgentError.connectFailed(endpoint: "\(target.endpoint)", reason: Self.words(for: error))
            promise.fail(failure)
            throw failure
        }
    }

    private func open(_ target: ConnectionTarget) async throws -> UInt64 {
        guard connections.count < configuration.maximumConnections else {
            counters.connectionsRefused &+= 1
            throw UserAgentError.noSocket("free connection")
        }
        let channel = try await ClientBootstrap(group: eventLoop)
            .connectTimeout(.seconds(10))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.writeBufferWaterMark, value: Self.writeWaterMark)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try self.assumeIsolated { agent in
                        guard target.endpoint.transport == .tls else { return }
                        let handler = try agent.tls.clientHandler(target.verification, host: target.host)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
            }
            .connect(to: target.endpoint.socketAddress).get()
        guard phase == .running || phase == .draining else {
            channel.close(promise: nil)
            throw UserAgentError.stopped
        }
        // A channel that is closed already has no address any more.
        guard let local = SIPEndpoint(channel.localAddress, transport: target.endpoint.transport) else {
            channel.close(promise: nil)
            throw ConnectionLost(transport: target.endpoint.transport)
        }
        return try register(channel, source: RequestSource(remote: target.endpoint, local: local), target: target)
    }

    /// The operating system's own words where it is its error.
    static func words(for error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }

    /// A connection broke: a failed handshake, a reset.
    func connectionFailed(_ id: UInt64, _ error: any Error) {
        guard let connection = connections[id], connection.target != nil, connectionFailures.count < 64 else { return }
        connectionFailures[id] = "\(error)"
    }

    /// A transport failure in words, when the connection left some: a certificate that was refused, for instance.
    func explain(_ error: any Error, of flow: Flow) -> any Error {
        guard case UserAgentError.transportFailed = error, case .connection(let id) = flow.socket,
            let reason = connectionFailures.removeValue(forKey: id)
        else { return error }
        return UserAgentError.connectFailed(endpoint: "\(flow.source.remote)", reason: reason)
    }

    /// The channel of a connection is closed.
    func connectionClosed(_ id: UInt64) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        counters.connections = connections.count
        if let target = connection.target { connectionsByTarget[target] = nil }
        // RFC 3261 §18.4: the transport user is told. Responses still to come are lost with the connection; requests
        // fail now.
        for transaction in Array(clientTransactions.values) where transaction.flow.socket == .connection(id) {
            transportFailed(transaction)
        }
    }
}

/// The peer, or the check of its certificate, ended a connection before it was of use.
private struct ConnectionLost: Error, CustomStringConvertible {
    let transport: SIPTransport

    var description: String {
        transport == .tls ? "it was closed in the TLS handshake" : "it was closed as soon as it was open"
    }
}
