import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import StreamSink

/// Watches one connection: requests that do not come, readers that take nothing, bodies that nobody reads any more,
/// and the end of the service.
///
/// Lives on the connection's event loop.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Outbound event: send `100 Continue` now.
    struct SendContinue: Sendable {}

    /// How long a connection that is to be closed goes on reading: a close with unread bytes would reset it, and the
    /// client would lose the answer.
    private static let lingerTime = TimeAmount.seconds(1)

    private let limits: HTTPLimits
    private let counters: HTTPCounters
    private var deadline: Scheduled<Void>?
    private var stallDeadline: Scheduled<Void>?
    /// Requests whose header has come, that have come whole, and whose answer has gone out whole.
    private var begun = 0
    private var read = 0
    private var answered = 0
    /// The head of an answer has gone out, and its end has not.
    private var isAnswering = false
    /// Bytes of a header have come that is not whole.
    private var hasHeaderBytes = false
    private var isClosing = false
    /// The guard has answered in the handlers' place; what they would say comes too late.
    private var hasRefused = false
    private var isStopping = false
    /// When the end of the last answer is with the socket.
    private var lastAnswer: EventLoopFuture<Void>?

    init(limits: HTTPLimits, counters: HTTPCounters) {
        self.limits = limits
        self.counters = counters
    }

    private var isIdle: Bool { begun == answered }
    /// No request has come whole that is not answered.
    private var isBetweenRequests: Bool { read <= answered }

    func handlerAdded(context: ChannelHandlerContext) {
        counters.add(\.connections)
        counters.add(\.openConnections)
        // No pipeline of a server is without a decoder; were this one, its bytes would still be bounded in time.
        let pipeline = context.pipeline.syncOperations
        try? pipeline.addHandler(FirstBytes(self, context), position: .first)
        if let decoder = try? pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self) {
            try? pipeline.addHandler(MessageRules(), position: .after(decoder))
        }
        // The first request's header must come in time, whether it has begun or not.
        wait(limits.headerTime, context) { $0.headerIsLate($1) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        stallDeadline?.cancel()
        counters.add(\.openConnections, -1)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nobody reads a refused request's rest, nor what follows it.
        if isClosing {
            if case .end = unwrapInboundIn(data) { context.close(promise: nil) }
            return
        }
        switch unwrapInboundIn(data) {
        case .head(let head):
            counters.add(\.requests)
            begun += 1
            hasHeaderBytes = false
            // A producer's body has no end in sight; its own idle time watches it.
            if head.path?.hasPrefix("/putMedia") == true {
                deadline?.cancel()
            } else {
                wait(limits.bodyTime, context) { $0.bodyIsLate($1) }
            }
        case .body: break
        case .end:
            read += 1
            deadline?.cancel()
        }
        context.fireChannelRead(data)
    }

    /// What cannot be understood: told as AWS tells it where no answer is under way, else the affair of whoever reads.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        if isClosing { return }
        guard isIdle else { return context.fireErrorCaught(error) }
        refuse(.malformed, context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if hasRefused {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            if head.status.kind != .informational { isAnswering = true }
        case .body: break
        case .end:
            isAnswering = false
            answered += 1
            let written = promise ?? context.eventLoop.makePromise()
            lastAnswer = written.futureResult
            context.write(data, promise: written)
            // The answer came before its request had: nobody will read that now.
            if read < answered, !isClosing {
                context.flush()
                return linger(context)
            }
            if isStopping, isBetweenRequests {
                context.flush()
                return close(context: context, mode: .all, promise: nil)
            }
            if isIdle, !isClosing { wait(limits.idleTime, context) { $1.close(promise: nil) } }
            return
        }
        context.write(data, promise: promise)
    }

    /// Not before the socket has taken the end of the last answer, nor while the connection lingers: a close throws
    /// away what waits.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .all, isClosing { return context.channel.closeFuture.cascade(to: promise) }
        guard mode == .all, let lastAnswer else { return context.close(mode: mode, promise: promise) }
        lastAnswer.assumeIsolated().whenComplete { _ in context.close(mode: mode, promise: promise) }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is SendContinue else { return context.triggerUserOutboundEvent(event, promise: promise) }
        let head = HTTPResponse(status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            isStopping = true
            // Only an answer that is under way, or about to be, is waited for; not what somebody may still send.
            if isBetweenRequests, !isAnswering { return context.close(promise: nil) }
            schedule(after: TimeAmount(limits.shutdownTime), context) { $0.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stallDeadline?.cancel()
        stallDeadline = nil
        if !context.channel.isWritable {
            stallDeadline = schedule(after: TimeAmount(limits.stallTime), context) { [counters] in
                counters.add(\.stalledReaders)
                $0.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    /// Bytes came, of whatever kind.
    fileprivate func bytesCame(_ context: ChannelHandlerContext) {
        guard isIdle, !hasHeaderBytes, !isClosing else { return }
        hasHeaderBytes = true
        // The first header's time runs from the connection's start.
        if begun > 0 { wait(limits.headerTime, context) { $0.headerIsLate($1) } }
    }

    private func headerIsLate(_ context: ChannelHandlerContext) {
        counters.add(\.slowRequests)
        // Who has said nothing has asked nothing.
        guard hasHeaderBytes else { return context.close(promise: nil) }
        refuse(.timeout, context)
    }

    private func bodyIsLate(_ context: ChannelHandlerContext) {
        counters.add(\.slowRequests)
        // Whoever reads the body answers; nobody may, or the answer be a long one.
        context.fireErrorCaught(BodyTimeout())
        schedule(after: Self.lingerTime, context) { $0.close(promise: nil) }
    }

    /// Answers in the place of a handler, and closes.
    private func refuse(_ error: ServiceError, _ context: ChannelHandlerContext) {
        let requestID = RequestIdentifier.make()
        let response = error.response(requestID: requestID)
        counters.countAnswer(status: error.status)
        hasRefused = true
        var fields = response.headers
        fields[.connection] = "close"
        fields[.amznRequestID] = requestID
        fields[.amzRequestID] = requestID
        let body = ByteBuffer(bytes: error.json.bytes)
        context.write(
            wrapOutboundOut(.head(HTTPResponse(status: response.status, headerFields: fields))), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        linger(context)
    }

    private func linger(_ context: ChannelHandlerContext) {
        isClosing = true
        deadline?.cancel()
        schedule(after: Self.lingerTime, context) { $0.close(promise: nil) }
    }

    /// Replaces what the connection is waited for.
    private func wait(
        _ time: Duration, _ context: ChannelHandlerContext,
        _ action: @escaping (ConnectionGuard, ChannelHandlerContext) -> Void
    ) {
        deadline?.cancel()
        deadline = schedule(after: TimeAmount(time), context) { [self] in action(self, $0) }
    }

    @discardableResult
    private func schedule(
        after time: TimeAmount, _ context: ChannelHandlerContext, _ action: @escaping (ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        // Runs on this connection's loop, where the handler lives.
        context.eventLoop.assumeIsolated().scheduleTask(in: time) { action(context) }
    }

    static func waitsForContinue(_ head: HTTPRequest) -> Bool {
        head.headerFields[values: .expect].contains { $0.lowercased() == "100-continue" }
    }
}

/// A body that did not come in time.
struct BodyTimeout: Error {}

/// Next to the socket: tells the guard that a header may have begun, which the decoder keeps to itself until it is
/// whole.
private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let owner: ConnectionGuard
    private let context: ChannelHandlerContext

    init(_ owner: ConnectionGuard, _ context: ChannelHandlerContext) {
        self.owner = owner
        self.context = context
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        owner.bytesCame(self.context)
        context.fireChannelRead(data)
    }
}
