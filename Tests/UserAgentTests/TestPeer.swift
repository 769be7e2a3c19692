import Addressing
import NIOCore
import NIOPosix
import NIOSSL
import SIP
import Synchronization
import Testing

@testable import UserAgent

/// A raw SIP peer: a socket and what came in on it.
final class TestPeer: Sendable {
    let transport: SIPTransport
    private let channel: any Channel
    private let inbox: Inbox

    final class Inbox: Sendable {
        let messages = Mutex<[[UInt8]]>([])
        let isClosed = Atomic(false)
    }

    private init(transport: SIPTransport, channel: any Channel, inbox: Inbox) {
        self.transport = transport
        self.channel = channel
        self.inbox = inbox
    }

    /// Connects to, or aims at, `server`.
    static func open(to server: SIPEndpoint, from address: String? = nil) async throws -> TestPeer {
        let inbox = Inbox()
        let group = MultiThreadedEventLoopGroup.singleton
        if server.transport == .udp {
            let local = try SocketAddress(ipAddress: address ?? (server.address.isIPv4 ? "127.0.0.1" : "::1"), port: 0)
            let channel = try await DatagramBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramCollector(inbox: inbox))
                    }
                }
                .bind(to: local).get()
            try await channel.connect(to: server.socketAddress).get()
            return TestPeer(transport: .udp, channel: channel, inbox: inbox)
        }
        var bootstrap = ClientBootstrap(group: group)
        if let address { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: address, port: 0)) }
        let channel =
            try await bootstrap
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if server.transport == .tls {
                        var configuration = TLSConfiguration.makeClientConfiguration()
                        configuration.certificateVerification = .none
                        let context = try NIOSSLContext(configuration: configuration)
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: nil))
                    }
                    try channel.pipeline.syncOperations.addHandler(StreamCollector(inbox: inbox))
                }
            }
            .connect(to: server.socketAddress).get()
        return TestPeer(transport: server.transport, channel: channel, inbox: inbox)
    }

    var port: UInt16 { UInt16(channel.localAddress?.port ?? 0) }
    var host: String { IPAddress(channel.localAddress)?.hostText ?? "" }
    var isClosed: Bool { inbox.isClosed.load(ordering: .relaxed) }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        let buffer = ByteBuffer(bytes: bytes)
        if transport == .udp, let remote = channel.remoteAddress {
            try await channel.writeAndFlush(AddressedEnvelope(remoteAddress: remote, data: buffer))
        } else {
            try await channel.writeAndFlush(buffer)
        }
    }

    /// The next message; fails the test when none comes.
    func receive(
        within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SIPMessage {
        let bytes = await next(within: limit)
        let found = try #require(bytes, "no message within \(limit)", sourceLocation: sourceLocation)
        return try SIPMessage(parsingDatagram: found)
    }

    /// The next response.
    func response(
        within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SIPResponse {
        while true {
            guard case .response(let response) = try await receive(within: limit, sourceLocation: sourceLocation) else {
                continue
            }
            return response
        }
    }

    /// The next final response; 1xx are passed over.
    func finalResponse(sourceLocation: SourceLocation = #_sourceLocation) async throws -> SIPResponse {
        while true {
            let response = try await response(sourceLocation: sourceLocation)
            if response.status >= 200 { return response }
        }
    }

    /// The next final response to the latest request of `call`; copies of earlier answers are passed over.
    func finalResponse(
        to call: TestCall, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SIPResponse {
        while true {
            let response = try await finalResponse(sourceLocation: sourceLocation)
            if response.callID == call.callID, response.cSeq?.number == UInt32(call.sequence) { return response }
        }
    }

    /// The next request; responses are passed over.
    func request(
        within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SIPRequest {
        while true {
            guard case .request(let request) = try await receive(within: limit, sourceLocation: sourceLocation) else {
                continue
            }
            return request
        }
    }

    func next(within limit: Duration) async -> [UInt8]? {
        let end = ContinuousClock.now + limit
        while true {
            let message: [UInt8]? = inbox.messages.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            if let message { return message }
            if ContinuousClock.now >= end { return nil }
            try? await Task.sleep(for: .milliseconds(3))
        }
    }

    func waitUntilClosed(within limit: Duration = .seconds(10)) async -> Bool {
        let end = ContinuousClock.now + limit
        while !isClosed, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
        return isClosed
    }

    func close() async { try? await channel.close() }
}

private final class DatagramCollector: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let inbox: TestPeer.Inbox

    init(inbox: TestPeer.Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
        inbox.messages.withLock { $0.append(bytes) }
    }
}

private final class StreamCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let inbox: TestPeer.Inbox
    private var framer = StreamFramer()

    init(inbox: TestPeer.Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if buffer.readableBytes == 2 {
            // The answer to a keep-alive, which the framer would take for half of a ping.
            inbox.messages.withLock { $0.append(Array(buffer.readableBytesView)) }
            return
        }
        framer.append(buffer.readableBytesView)
        while let event = try? framer.next() {
            if case .message(let bytes) = event { inbox.messages.withLock { $0.append(bytes) } }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { inbox.isClosed.store(true, ordering: .relaxed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
