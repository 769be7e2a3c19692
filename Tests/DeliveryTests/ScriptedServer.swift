import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on the loopback that does what a script says, misbehaviour included.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        var number: Int
        var method: String
        var uri: String
        var headers: HTTPHeaders
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    indirect enum Reply: Sendable {
        case status(Int, headers: [(String, String)] = [], body: String = "")
        /// Answers after a while.
        case slow(Duration, Reply)
        /// Never answers.
        case silence
        /// Closes without an answer.
        case hangUp
        /// Sends bytes that are no HTTP and closes.
        case garbage
        static let ok = Reply.status(200)
    }

    /// What a script may do while a body is still coming.
    enum Early: Sendable {
        case readOn, hangUp
    }

    /// A long answer that goes along with the body.
    typealias Conversation = @Sendable (Conversing) -> Void
    /// The far end of a PutMedia: pieces of the body come in, text and the end go out.
    final class Conversing {
        let head: HTTPRequestHead
        var onPiece: (ByteBuffer) -> Void = { _ in }
        var onEnd: () -> Void = {}
        var write: (String) -> Void = { _ in }
        var finish: () -> Void = {}
        var hangUp: () -> Void = {}
        init(head: HTTPRequestHead) { self.head = head }
    }

    struct Script: Sendable {
        var reply: @Sendable (Request) -> Reply = { _ in .ok }
        var early: @Sendable (_ uri: String, _ bytes: Int) -> Early = { _, _ in .readOn }
        var conversation: @Sendable (HTTPRequestHead) -> Conversation? = { _ in nil }
    }

    private let channel: any Channel
    private let received: Received
    var requests: [Request] { received.log.withLock { $0 } }
    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }

    init(port: Int = 0, _ script: Script) async throws {
        let received = Received()
        self.received = received
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline(
                    withPipeliningAssistance: false, withErrorHandling: false
                ).flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(Handler(script: script, received: received))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.port = channel.localAddress?.port ?? 0
    }

    func stop() async { try? await channel.close() }

    /// Shared by all connections.
    fileprivate final class Received: Sendable {
        let log = Mutex<[Request]>([])
    }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let script: ScriptedServer.Script
    private let received: ScriptedServer.Received
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isClosed = false
    private var conversing: ScriptedServer.Conversing?

    init(script: ScriptedServer.Script, received: ScriptedServer.Received) {
        self.script = script
        self.received = received
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            if let start = script.conversation(head) { converse(context, head, start) }
        case .body(let piece):
            if let conversing { return conversing.onPiece(piece) }
            body += Array(piece.readableBytesView)
            if !isClosed, case .hangUp = script.early(head?.uri ?? "", body.count) {
                isClosed = true
                context.close(promise: nil)
            }
        case .end:
            if let conversing { return conversing.onEnd() }
            guard let head, !isClosed else { return }
            let request = received.log.withLock { log in
                let request = ScriptedServer.Request(
                    number: log.count, method: head.method.rawValue, uri: head.uri, headers: head.headers, body: body)
                log.append(request)
                return request
            }
            answer(context, script.reply(request))
        }
    }

    private func answer(_ context: ChannelHandlerContext, _ reply: ScriptedServer.Reply) {
        switch reply {
        case .status(let status, let headers, let text):
            var fields = HTTPHeaders([("Content-Length", "\(text.utf8.count)")])
            for header in headers { fields.add(name: header.0, value: header.1) }
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: fields)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .slow(let time, let reply):
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .init(time)) { bound.value.0.answer(bound.value.1, reply) }
        case .silence: break
        case .hangUp: context.close(promise: nil)
        case .garbage:
            let channel = context.channel
            _ = context.pipeline.syncOperations
            channel.pipeline.context(handlerType: HTTPResponseEncoder.self).whenSuccess { encoder in
                encoder.writeAndFlush(NIOAny(ByteBuffer(string: "SSH-2.0-OpenSSH\r\n")), promise: nil)
                channel.close(promise: nil)
            }
        }
    }

    private func converse(
        _ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ start: ScriptedServer.Conversation
    ) {
        let conversing = ScriptedServer.Conversing(head: head)
        self.conversing = conversing
        let answer = HTTPResponseHead(
            version: .http1_1, status: .ok,
            headers: ["Transfer-Encoding": "chunked", "Content-Type": "application/json"])
        context.writeAndFlush(wrapOutboundOut(.head(answer)), promise: nil)
        conversing.write = { text in
            context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
        conversing.finish = { context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil) }
        // A moment later, as a reset would take with it what was written before.
        conversing.hangUp = {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .milliseconds(50)) { bound.value.close(promise: nil) }
        }
        start(conversing)
    }
}
