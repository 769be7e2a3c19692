import Addressing
import Glibc
import NIOCore
import NIOPosix
import SIP

/// From messages to octets on a socket, and which socket.
extension SIPAgent {
    /// Hands octets to the socket of a flow. `failed` is called on the event loop when they could not be sent, at once
    /// or later.
    func send(_ bytes: [UInt8], along flow: Flow, failed: (@Sendable (isolated SIPAgent) -> Void)? = nil) {
        configuration.capture?(
            CapturedMessage(direction: .sent, remote: flow.source.remote, local: flow.source.local, bytes: bytes))
        let written: EventLoopFuture<Void>
        switch flow.socket {
        case .datagram(let index):
            guard datagramSockets.indices.contains(index) else { return sendFailed(failed) }
            let envelope = AddressedEnvelope(
                remoteAddress: flow.source.remote.socketAddress, data: ByteBuffer(bytes: bytes))
            written = datagramSockets[index].channel.writeAndFlush(envelope)
        case .connection(let id):
            guard let connection = connections[id], connection.channel.isActive else { return sendFailed(failed) }
            guard connection.channel.isWritable else {
                // The peer does not read: rather lose its connection than hold its backlog.
                counters.connectionsTimedOut &+= 1
                connection.channel.close(promise: nil)
                return sendFailed(failed)
            }
            connection.handler.noteSent()
            written = connection.channel.writeAndFlush(ByteBuffer(bytes: bytes))
        }
        counters.messagesSent &+= 1
        written.whenFailure { [self] _ in
            assumeIsolated { $0.sendFailed(failed) }
        }
    }

    private func sendFailed(_ failed: (@Sendable (isolated SIPAgent) -> Void)?) {
        counters.sendFailures &+= 1
        failed?(self)
    }

    /// The flow for a response: RFC 3261 §18.2.2 and RFC 3581 §4.
    ///
    /// Always the address that the request came from; `maddr` is not followed, since it would let anybody aim our
    /// answers at a third host.
    func responseFlow(for request: SIPRequest, along flow: Flow) -> Flow {
        guard flow.source.transport == .udp, let via = request.via, !via.wantsRport else { return flow }
        var remote = flow.source.remote
        let port = via.port ?? SIPTransport.udp.defaultPort
        guard port != 0, port != remote.port else { return flow }
        remote.port = port
        return Flow(socket: flow.socket, source: RequestSource(remote: remote, local: flow.source.local))
    }

    // MARK: Finding the way to a peer

    /// The flow for a new request to `endpoint`: the datagram socket of its family, or a connection.
    func flow(to target: ConnectionTarget) async throws -> Flow {
        guard target.endpoint.transport == .udp else {
            let id = try await connection(to: target)
            guard let connection = connections[id] else { throw UserAgentError.transportFailed }
            return connection.flow(id: id)
        }
        let index = datagramSockets.firstIndex { $0.bound.address.isIPv4 == target.endpoint.address.isIPv4 }
        guard let index else {
            throw UserAgentError.noSocket(target.endpoint.address.isIPv4 ? "UDP IPv4" : "UDP IPv6")
        }
        var local = datagramSockets[index].bound
        if local.address.isUnspecified { local.address = Self.sourceAddress(towards: target.endpoint) ?? local.address }
        return Flow(socket: .datagram(index), source: RequestSource(remote: target.endpoint, local: local))
    }

    /// Where a request inside a dialog goes (RFC 3261 §12.2.1.1), given the flow its INVITE came or went along.
    func flow(toNextHop hop: SIPURI, of origin: Flow, isSecure: Bool) async throws -> Flow {
        let endpoint = try await resolve(hop, isSecure: isSecure, usual: origin.source.transport)
        if case .connection(let id) = origin.socket, connections[id]?.channel.isActive == true,
            endpoint.address == origin.source.remote.address
        {
            // The peer's own connection, which also passes its firewall (as RFC 5923 does, within one dialog), and
            // which never takes a call off TLS because a Contact forgot to say so.
            return origin
        }
        if case .datagram = origin.socket, endpoint.transport == .udp {
            // Out of the socket that the dialog came in by, which the way back is open for.
            return Flow(socket: origin.socket, source: RequestSource(remote: endpoint, local: origin.source.local))
        }
        do {
            return try await flow(
                to: ConnectionTarget(
                    endpoint: endpoint, host: hop.host, verification: configuration.dialogVerification))
        } catch {
            // A Contact behind NAT cannot be reached, but the connection the call came by may still be there.
            guard case .connection(let id) = origin.socket, connections[id]?.channel.isActive == true else {
                throw error
            }
            return origin
        }
    }

    /// The transport and address of a URI: RFC 3263 without NAPTR and SRV records, which peers inside dialogs do not
    /// need.
    ///
    /// - Parameter usual: the transport where the URI names none.
    func resolve(_ uri: SIPURI, isSecure: Bool, usual: SIPTransport) async throws -> SIPEndpoint {
        let named = uri.transport.flatMap(SIPTransport.init(rawValue:)) ?? usual
        let transport = isSecure || uri.scheme == .sips ? SIPTransport.tls : named
        return try await resolve(host: uri.host, port: uri.port ?? transport.defaultPort, transport: transport)
    }

    /// Looks a name up, off the event loop; an address needs no look-up.
    func resolve(host: String, port: UInt16, transport: SIPTransport) async throws -> SIPEndpoint {
        if let endpoint = SIPEndpoint(ip: host, port: port, transport: transport) { return endpoint }
        let address = try? await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(host, port: Int(port))
        }
        guard let endpoint = SIPEndpoint(address, transport: transport) else {
            throw UserAgentError.unresolved(host: host)
        }
        return endpoint
    }

    /// The address this machine uses towards `endpoint`: what the kernel picks for a connected datagram socket.
    private static func sourceAddress(towards endpoint: SIPEndpoint) -> IPAddress? {
        let family = endpoint.address.isIPv4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        let connected = endpoint.socketAddress.withSockAddr { address, size in
            connect(descriptor, address, socklen_t(size)) == 0
        }
        guard connected else { return nil }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer -> IPAddress? in
            let raw = UnsafeMutableRawPointer(pointer)
            guard getsockname(descriptor, raw.assumingMemoryBound(to: sockaddr.self), &length) == 0 else { return nil }
            return family == AF_INET
                ? IPAddress(SocketAddress(raw.load(as: sockaddr_in.self)))
                : IPAddress(SocketAddress(raw.load(as: sockaddr_in6.self)))
        }
    }

    // MARK: What we call ourselves

    /// The host and port that the peer of a flow reaches us by: the advertised address where its family fits, and the
    /// port we listen on with that transport.
    func localHost(for flow: Flow) -> (host: String, port: UInt16) {
        let local = flow.source.local
        var host = local.address.description
        if let advertised = configuration.advertisedAddress {
            let address = IPAddress(parsing: advertised)
            if address.map({ $0.isIPv4 == local.address.isIPv4 }) ?? true { host = advertised }
        }
        // The local port of a connection that we opened accepts nothing; name a listener when there is one.
        let listening = serverChannels.map(\.bound).filter {
            $0.transport == local.transport && $0.address.isIPv4 == local.address.isIPv4
        }
        guard let first = listening.first, !listening.contains(where: { $0.port == local.port }) else {
            return (host, local.port)
        }
        return (host, first.port)
    }

    /// Our Via for a new request, with a fresh branch and `rport` (RFC 3581 §3).
    func makeVia(for flow: Flow) -> Via {
        let (host, port) = localHost(for: flow)
        var generator = SystemRandomNumberGenerator()
        return Via(
            transport: flow.source.transport.viaName, host: Self.unbracketed(host), port: port,
            parameters: [Parameter("branch", SIPIdentifier.branch(using: &generator)), Parameter("rport")])
    }

    /// Our Contact towards the peer of a flow.
    func makeContact(for flow: Flow, isSecure: Bool, parameters: [Parameter]) -> NameAddress {
        let (host, port) = localHost(for: flow)
        var uri = SIPURI(host: Self.unbracketed(host), port: port, scheme: isSecure ? .sips : .sip)
        if flow.source.transport != .udp && !isSecure {
            uri.parameters.append(Parameter("transport", flow.source.transport.rawValue))
        }
        return NameAddress(uri: uri.description, parameters: parameters)
    }

    private static func unbracketed(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }
}
