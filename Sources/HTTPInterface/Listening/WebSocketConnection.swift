import NIOCore
import NIOHTTP1
import NIOWebSocket
import Synchronization

/// A connection that became a WebSocket. Safe to use from any task; frames of one caller keep their order.
///
/// The HTTP handlers stay where they are: those of the WebSocket are put before them, next to the socket, and take all
/// that comes in.
final class WebSocketConnection: Sendable {
    /// The largest frame that a client may send, bytes; nothing here asks for more than a pong.
    private static let maximumFrame = 4096

    private let channel: any Channel
    private let frames: NIOLoopBound<WebSocketFrames>
    private let hasEnded: Atomic<Bool>

    private init(channel: any Channel, frames: NIOLoopBound<WebSocketFrames>) {
        self.channel = channel
        self.frames = frames
        hasEnded = Atomic(false)
    }

    /// Answers the handshake; from then on the connection speaks WebSocket.
    static func open(
        _ channel: any Channel, _ handshake: WebSocketHandshake, limits: HTTPLimits, counters: HTTPCounters
    ) async throws -> WebSocketConnection {
        let connection = try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
            let context = try pipeline.context(handler: encoder)
            let frames = WebSocketFrames(limits: limits, counters: counters)
            // In one turn of the loop: no byte can come between the answer and the new handlers.
            context.writeAndFlush(NIOAny(handshake.response), promise: nil)
            let decoder = ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: maximumFrame))
            try pipeline.addHandlers([WebSocketFrameEncoder(), decoder, frames], position: .before(encoder))
            return WebSocketConnection(channel: channel, frames: NIOLoopBound(frames, eventLoop: channel.eventLoop))
        }.get()
        channel.closeFuture.whenComplete { _ in connection.hasEnded.store(true, ordering: .releasing) }
        return connection
    }

    /// Whether the client said goodbye or went away.
    var isClosed: Bool { hasEnded.load(ordering: .acquiring) }

    /// Sends frames and returns when the socket has taken them all; throws when the connection is gone.
    ///
    /// The caller reads no more while it waits here: this is what bounds the memory of a slow reader.
    func send(_ messages: [WebSocketMessage]) async throws {
        let (frames, promise) = (frames, channel.eventLoop.makePromise(of: Void.self))
        channel.eventLoop.execute { frames.value.send(messages, promise) }
        try await promise.futureResult.get()
    }

    /// Ends the connection: a Close frame, the client's answer to it or the end of our patience.
    func close(_ code: WebSocketErrorCode, _ reason: String = "") async {
        let frames = frames
        channel.eventLoop.execute { frames.value.sendClose(code, reason: reason) }
        try? await channel.closeFuture.get()
    }
}

/// What the service sends.
enum WebSocketMessage: Sendable, Equatable {
    case text(String)
    case binary([UInt8])
    case ping
}

/// The service's side of the protocol, on the connection's loop: answers pings, notices a peer that is gone, closes.
final class WebSocketFrames: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// How often a client is asked whether it is there, and how long it may be silent.
    private static let pingTime = TimeAmount.seconds(20)
    private static let silenceTime = TimeAmount.seconds(60)
    /// How long the client's answer to a Close is waited for: one that is slow reads what it has before it.
    private static let closingTime = TimeAmount.seconds(30)
    /// The same when the service stops, or nobody deserves patience.
    private static let hastyClosingTime = TimeAmount.seconds(1)

    private let limits: HTTPLimits
    private let counters: HTTPCounters
    private var context: ChannelHandlerContext?
    private var isClosing = false
    private var lastHeard = NIODeadline.now()
    private var stall: Scheduled<Void>?
    private var pings: Scheduled<Void>?

    init(limits: HTTPLimits, counters: HTTPCounters) {
        self.limits = limits
        self.counters = counters
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        lastHeard = .now()
        schedulePing(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stop()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        lastHeard = .now()
        // RFC 6455 §5.1: a client masks every frame.
        guard frame.maskKey != nil else { return fail(.protocolError) }
        switch frame.opcode {
        case .ping:
            guard frame.length <= 125 else { return fail(.protocolError) }
            if !isClosing { write(.pong, frame.unmaskedData, context) }
        case .connectionClose:
            // RFC 6455 §5.5.1: the answer has the same status.
            if !isClosing {
                isClosing = true
                write(.connectionClose, frame.unmaskedData, context)
            }
            context.close(promise: nil)
        // Nothing is asked for by messages.
        case .text, .binary, .continuation, .pong: break
        default: fail(.protocolError)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // HTTP lets a client close its half and read on; here nothing can be answered any more.
        if case .inputClosed? = event as? ChannelEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? NIOWebSocketError else { return context.close(promise: nil) }
        fail(error == .invalidFrameLength ? .messageTooLarge : .protocolError)
    }

    /// Fulfils the promise when the socket has taken the last frame.
    func send(_ messages: [WebSocketMessage], _ promise: EventLoopPromise<Void>) {
        guard let context, !isClosing else { return promise.fail(ChannelError.ioOnClosedChannel) }
        for (index, message) in messages.enumerated() {
            context.write(wrapOutboundOut(Self.frame(message)), promise: index == messages.count - 1 ? promise : nil)
        }
        if messages.isEmpty { promise.succeed() }
        watch(promise.futureResult, context)
        context.flush()
    }

    func sendClose(_ code: WebSocketErrorCode, reason: String) {
        guard let context, !isClosing else { return }
        isClosing = true
        var data = context.channel.allocator.buffer(capacity: 128)
        data.write(webSocketErrorCode: code)
        // RFC 6455 §5.5: a control frame has at most 125 bytes.
        data.writeBytes(reason.utf8.prefix(120))
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: data)), promise: promise)
        watch(promise.futureResult, context)
        let patience = code == .normalClosure ? Self.closingTime : Self.hastyClosingTime
        // From when the socket has taken it: closed before, it would be lost, and with it what came before it.
        promise.futureResult.assumeIsolated().whenComplete { _ in
            context.eventLoop.assumeIsolated().scheduleTask(in: patience) { context.close(promise: nil) }
        }
    }

    private func schedulePing(_ context: ChannelHandlerContext) {
        // Runs on this connection's loop, where the handler lives.
        pings = context.eventLoop.assumeIsolated().scheduleTask(in: Self.pingTime) { self.ping() }
    }

    private func ping() {
        guard let context, !isClosing else { return }
        schedulePing(context)
        if lastHeard + Self.silenceTime < .now() { return context.close(promise: nil) }
        write(.ping, ByteBuffer(), context)
    }

    private func fail(_ code: WebSocketErrorCode) {
        sendClose(code, reason: "")
    }

    /// A reader that takes nothing is let go.
    private func watch(_ written: EventLoopFuture<Void>, _ context: ChannelHandlerContext) {
        stall?.cancel()
        let time = TimeAmount(limits.stallTime)
        let scheduled = context.eventLoop.assumeIsolated().scheduleTask(in: time) { [counters] in
            counters.add(\.stalledReaders)
            context.close(promise: nil)
        }
        stall = scheduled
        written.whenComplete { _ in scheduled.cancel() }
    }

    private func stop() {
        stall?.cancel()
        pings?.cancel()
        stall = nil
        pings = nil
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: nil)
    }

    private static func frame(_ message: WebSocketMessage) -> WebSocketFrame {
        switch message {
        case .text(let text): WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text))
        case .binary(let bytes): WebSocketFrame(fin: true, opcode: .binary, data: ByteBuffer(bytes: bytes))
        case .ping: WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer())
        }
    }

}
