public import Hummingbird
public import NIOCore

/// What travels with one request.
public struct InterfaceContext: RequestContext {
    /// Hummingbird's own part.
    public var coreContext: CoreRequestContextStorage
    /// The connection; only for what it says about the peer, and to ask for `100 Continue`.
    public let channel: any Channel
    /// The request's identifier, as in `x-amz-RequestId`.
    public let requestID: String
    /// Who asked; `nil` before the signature was checked.
    public var caller: Caller?
    /// What the caller was let in with; `nil` before the signature was checked.
    public internal(set) var permission: Permission?

    /// Makes the context of one request.
    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        requestID = RequestIdentifier.make()
    }

    /// Tells a client that waits for it that its body is wanted (RFC 9110 §10.1.1); others hear nothing.
    func wantBody(of request: Request) async throws {
        guard ConnectionGuard.waitsForContinue(request.head) else { return }
        try await channel.triggerUserOutboundEvent(ConnectionGuard.SendContinue()).get()
    }
}

/// Identifiers of requests: random, in the form of a UUID as AWS's are.
enum RequestIdentifier {
    static func make() -> String {
        var random = SystemRandomNumberGenerator()
        return make(using: &random)
    }

    static func make(using random: inout some RandomNumberGenerator) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for index in 0..<16 {
            var byte = random.next() as UInt8
            // RFC 9562 §5.4: version 4, variant 10.
            if index == 6 { byte = byte & 0x0F | 0x40 }
            if index == 8 { byte = byte & 0x3F | 0x80 }
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
