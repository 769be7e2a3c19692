import NIOCore
import NIOSSL
import SIP

/// Cuts one TCP or TLS connection into messages and hands them to the user agent, on the event loop that both share.
///
/// It closes the connection when nothing moves for the idle time, when a message is not finished in time (a peer that
/// sends one octet a second must not hold a connection for ever), and when the stream cannot be framed any more.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let agent: SIPAgent
    private let id: UInt64
    private let idleTimeout: TimeAmount
    private let messageTimeout: TimeAmount
    private var framer = StreamFramer()
    private var lastActivity: NIODeadline
    /// Since when the peer owes us the rest of a message, or its first one.
    private var waitingSince: NIODeadline?
    private var check: RepeatedTask?
    private var isClosing = false

    init(agent: SIPAgent, id: UInt64, isAccepted: Bool, now: NIODeadline) {
        self.agent = agent
        self.id = id
        idleTimeout = TimeAmount(agent.configuration.connectionIdleTimeout)
        messageTimeout = TimeAmount(agent.configuration.messageTimeout)
        lastActivity = now
        waitingSince = isAccepted ? now : nil
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let interval = max(.milliseconds(50), TimeAmount.nanoseconds(min(idleTimeout, messageTimeout).nanoseconds / 2))
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        check = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (handler, context) = bound.value
            handler.closeIfLate(context: context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        check?.cancel()
        check = nil
    }

    /// Called by the user agent when it sends on the connection.
    func noteSent() {
        lastActivity = .now()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        let buffer = unwrapInboundIn(data)
        lastActivity = .now()
        framer.append(buffer.readableBytesView)
        var progressed = false
        while !isClosing {
            do throws(StreamFramingError) {
                guard let event = try framer.next() else { break }
                progressed = true
                let id = id
                switch event {
                case .message(let bytes): agent.assumeIsolated { $0.receivedStreamMessage(bytes, on: id) }
                case .keepAlive: agent.assumeIsolated { $0.receivedKeepAlive(on: id) }
                }
            } catch {
                fail(error, context: context)
            }
        }
        if framer.bufferedCount == 0 {
            waitingSince = nil
        } else if progressed || waitingSince == nil {
            waitingSince = lastActivity
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let id = id
        agent.assumeIsolated { $0.connectionClosed(id) }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let id = id
        let isHandshake = error is NIOSSLError || error is BoringSSLError
        agent.assumeIsolated { agent in
            if isHandshake { agent.counters.handshakeFailures &+= 1 }
            agent.connectionFailed(id, error)
        }
        context.close(promise: nil)
    }

    private func fail(_ error: StreamFramingError, context: ChannelHandlerContext) {
        isClosing = true
        let id = id
        agent.assumeIsolated { $0.framingFailed(error, on: id) }
        // Closing while octets wait unread makes the kernel send a reset, which takes our last answer with it: say that
        // nothing more comes, read on for a moment without looking, then close.
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }

    private func closeIfLate(context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        let isIdle = now - lastActivity >= idleTimeout
        let isSlow = waitingSince.map { now - $0 >= messageTimeout } ?? false
        guard isIdle || isSlow, !isClosing else { return }
        isClosing = true
        agent.assumeIsolated { $0.counters.connectionsTimedOut &+= 1 }
        context.close(promise: nil)
    }
}

extension TimeAmount {
    /// The same length of time; longer than 292 years is clamped.
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        self = overflow ? .nanoseconds(.max) : .nanoseconds(nanoseconds &+ attoseconds / 1_000_000_000)
    }
}
