import Addressing
import Logging
import NIOCore
import NIOPosix

/// Binding the listeners.
extension SIPAgent {
    func bindListeners() async throws -> [SIPEndpoint] {
        if configuration.listeners.contains(where: { $0.transport == .tls }) { try loadCertificate() }
        var bound: [SIPEndpoint] = []
        for listener in configuration.listeners {
            let address = try await resolve(host: listener.host, port: listener.port, transport: listener.transport)
            let first = try await bind(listener.transport, to: address, isV6Only: !address.address.isIPv4)
            bound.append(first)
            // A wildcard is meant for both families (one socket each, so that an IPv4 peer is never seen as IPv6).
            guard address.address.isUnspecified else { continue }
            let isIPv4 = address.address.isIPv4
            let other = SIPEndpoint(
                address: isIPv4 ? IPAddress(high: 0, low: 0) : IPAddress(ipv4: 0), port: first.port,
                transport: listener.transport)
            do {
                bound.append(try await bind(listener.transport, to: other, isV6Only: isIPv4))
            } catch {
                // A machine or container without the other family is no fault; nor is a port that is free in one only.
                logger.info(
                    "listening on one address family only", metadata: ["missing": "\(other)", "reason": "\(error)"])
            }
        }
        return bound
    }

    private func loadCertificate() throws {
        switch configuration.certificate {
        case .files(let certificatePath, let privateKeyPath):
            try tls.loadServer(certificatePath: certificatePath, privateKeyPath: privateKeyPath)
        case .selfSigned(let directory, let names):
            let files = try CertificateFiles(selfSignedIn: directory, names: names)
            try tls.loadServer(certificatePath: files.certificatePath, privateKeyPath: files.privateKeyPath)
            logger.info(
                "serving TLS with a self-signed certificate",
                metadata: ["certificate": "\(files.certificatePath)", "made": "\(files.wasGenerated)"])
        case nil:
            throw UserAgentError.noCertificate
        }
    }

    private func bind(_ transport: SIPTransport, to endpoint: SIPEndpoint, isV6Only: Bool) async throws -> SIPEndpoint {
        do {
            let channel =
                transport == .udp
                ? try await bindDatagram(endpoint, isV6Only: isV6Only)
                : try await bindStream(endpoint, isV6Only: isV6Only)
            guard let bound = SIPEndpoint(channel.localAddress, transport: transport) else {
                throw UserAgentError.bindFailed(listener: "\(endpoint)", reason: "the socket has no address")
            }
            if transport == .udp {
                datagramSockets.append(DatagramSocket(channel: channel, bound: bound))
            } else {
                serverChannels.append((channel, bound))
            }
            return bound
        } catch let error as IOError {
            throw UserAgentError.bindFailed(listener: "\(endpoint)", reason: Self.words(for: error))
        }
    }

    private func bindDatagram(_ endpoint: SIPEndpoint, isV6Only: Bool) async throws -> any Channel {
        let index = datagramSockets.count
        var bootstrap = DatagramBootstrap(group: eventLoop)
            // Eight datagrams of the largest size in one read.
            .channelOption(.datagramVectorReadMessageCount, value: 8)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 8 * 65_536)
            )
            .channelOption(.receivePacketInfo, value: true)
            // A burst of INVITEs must not be lost while a TLS handshake keeps the loop busy; the kernel caps it.
            .channelOption(.socketOption(.so_rcvbuf), value: 4 << 20)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(agent: self, socket: index))
                }
            }
        if isV6Only {
            bootstrap = bootstrap.channelOption(Self.v6Only, value: 1)
        }
        return try await bootstrap.bind(to: endpoint.socketAddress).get()
    }

    private func bindStream(_ endpoint: SIPEndpoint, isV6Only: Bool) async throws -> any Channel {
        let transport = endpoint.transport
        var bootstrap = ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: Self.writeWaterMark)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try self.assumeIsolated { try $0.accept(channel, transport: transport) }
                }
            }
        if isV6Only {
            bootstrap = bootstrap.serverChannelOption(Self.v6Only, value: 1)
        }
        return try await bootstrap.bind(to: endpoint.socketAddress).get()
    }

    /// IPPROTO_IPV6 and IPV6_V6ONLY by their Linux numbers; the C constants have different Swift types on different
    /// libraries.
    private static let v6Only = ChannelOptions.Types.SocketOption(level: 41, name: 26)

    /// A peer that does not read holds at most 1 MB of ours before its connection is closed.
    static let writeWaterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 256 << 10, high: 1 << 20)
}
