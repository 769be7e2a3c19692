import NIOCore
import NIOHTTP1

/// What HTTP/1 demands of messages and the layers above cannot see: versions, Host, framing, and answers to HEAD.
///
/// Stands right behind the decoder, on the connection's loop. A request that two readers could understand differently
/// is refused before anything is done with it.
final class MessageRules: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private struct OpenRequest {
        /// HTTP/1.0: knows no chunks, and no interim answers.
        var isOld: Bool
        /// The answer has no body, whatever its fields say.
        var isHead: Bool
        /// The connection ends with the answer.
        var closes: Bool
        var isRead = false
    }

    /// Requests whose answer has not ended, the oldest first. As many as the readers above let in.
    private var open: [OpenRequest] = []
    private var isRefusing = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefusing else { return }
        let part = unwrapInboundIn(data)
        switch part {
        case .head(let head):
            guard Self.isSound(head) else {
                isRefusing = true
                return context.fireErrorCaught(HTTPParserError.strictModeAssertion)
            }
            let isOld = Self.isOld(head.version)
            open.append(OpenRequest(isOld: isOld, isHead: head.method == .HEAD, closes: isOld || !head.isKeepAlive))
        case .body: break
        case .end: if !open.isEmpty { open[open.count - 1].isRead = true }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let request = open.first else { return context.write(data, promise: promise) }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            if head.isInformational {
                // RFC 9110 §15.2: a client of HTTP/1.0 does not know them.
                if request.isOld { promise?.succeed() } else { context.write(data, promise: promise) }
                return
            }
            if request.isOld { head.version = .http1_0 }
            if request.closes { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            if request.isHead { promise?.succeed() } else { context.write(data, promise: promise) }
        case .end:
            open.removeFirst()
            // RFC 9110 §9.3.2. The empty piece keeps the promise in its place.
            let nothing = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer()))
            let end = request.isHead ? wrapOutboundOut(nothing) : data
            // With the rest of a request unread the connection would be reset, and the answer lost.
            guard request.closes, request.isRead else { return context.write(end, promise: promise) }
            let written = promise ?? context.eventLoop.makePromise()
            written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            context.writeAndFlush(end, promise: written)
        }
    }

    private static func isOld(_ version: HTTPVersion) -> Bool { version.major < 1 || version.minor < 1 }

    /// RFC 9112 §3.2 (Host) and §6.1 to §6.3 (framing).
    private static func isSound(_ head: HTTPRequestHead) -> Bool {
        let hosts = head.headers["Host"]
        guard hosts.count == 1 || (hosts.isEmpty && isOld(head.version)) else { return false }
        let codings = head.headers["Transfer-Encoding"]
        let lengths = head.headers["Content-Length"]
        guard codings.isEmpty || lengths.isEmpty, codings.count <= 1, lengths.count <= 1 else { return false }
        if let coding = codings.first {
            guard !isOld(head.version), coding.lowercased() == "chunked" else { return false }
        }
        if let length = lengths.first {
            // 18 digits are more than any body here and fit into 64 bits.
            guard (1...18).contains(length.utf8.count), length.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return false
            }
        }
        return true
    }
}

extension HTTPResponseHead {
    /// An interim answer; another one follows.
    fileprivate var isInformational: Bool { (100..<200).contains(status.code) && status.code != 101 }
}
