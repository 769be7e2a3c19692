import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Watches one connection: requests that do not come, readers that take nothing, bodies that nobody reads any more.
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
    private var requestDeadline: Scheduled<Void>?
    private var stallDeadline: Scheduled<Void>?
    private var requestIsOpen = false
    private var isClosing = false

    init(limits: HTTPLimits, counters: HTTPCounters) {
        self.limits = limits
        self.counters = counters
    }

    func handlerAdded(context: ChannelHandlerContext) {
        counters.add(\.connections)
        counters.add(\.openConnections)
        // The first request's header must come in time; a kept connection's next one is the idle time's affair.
        expectRequest(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        counters.add(\.openConnections, -1)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            counters.add(\.requests)
            requestIsOpen = true
            // A producer's body has no end in sight; its own idle time watches it.
            if head.path?.hasPrefix("/putMedia") == true { requestDeadline?.cancel() } else { expectRequest(context) }
        case .body:
            // Nobody reads a refused request's body.
            if isClosing { return }
        case .end:
            requestIsOpen = false
            requestDeadline?.cancel()
            if isClosing { return context.close(promise: nil) }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data), requestIsOpen, !isClosing {
            isClosing = true
            requestDeadline?.cancel()
            context.writeAndFlush(data, promise: promise)
            schedule(after: Self.lingerTime, context) { $0.close(promise: nil) }
            return
        }
        context.write(data, promise: promise)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is SendContinue else { return context.triggerUserOutboundEvent(event, promise: promise) }
        let head = HTTPResponse(status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: promise)
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

    private func expectRequest(_ context: ChannelHandlerContext) {
        requestDeadline?.cancel()
        requestDeadline = schedule(after: TimeAmount(limits.requestTime), context) { [counters] in
            counters.add(\.slowRequests)
            $0.close(promise: nil)
        }
    }

    private func stop() {
        requestDeadline?.cancel()
        stallDeadline?.cancel()
        requestDeadline = nil
        stallDeadline = nil
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
