import NIOCore

/// Hands each datagram of one UDP socket to the user agent, on the event loop that both share.
final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let agent: SIPAgent
    private let socket: Int

    init(agent: SIPAgent, socket: Int) {
        self.agent = agent
        self.socket = socket
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let socket = socket
        agent.assumeIsolated { $0.received(envelope, on: socket) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A datagram socket outlives the errors of single datagrams (ICMP unreachable, truncation).
        agent.assumeIsolated { $0.counters.sendFailures &+= 1 }
    }
}
