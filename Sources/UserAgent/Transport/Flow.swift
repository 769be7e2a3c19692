import NIOCore

/// The socket and the two ends of a message: an answer goes back along the flow of its request (RFC 3261 §18.2.2).
struct Flow: Hashable, Sendable {
    enum Socket: Hashable, Sendable {
        case datagram(Int)
        case connection(UInt64)
    }

    let socket: Socket
    let source: RequestSource

    var isReliable: Bool { source.transport.isReliable }
}

/// A UDP socket that listens and sends. Owned by the user agent's event loop.
struct DatagramSocket {
    let channel: any Channel
    let bound: SIPEndpoint
}

/// An open TCP or TLS connection. Owned by the user agent's event loop.
struct StreamConnection {
    let channel: any Channel
    let handler: StreamHandler
    let source: RequestSource
    /// Set for a connection that we opened.
    let target: ConnectionTarget?

    func flow(id: UInt64) -> Flow { Flow(socket: .connection(id), source: source) }
}

/// What makes an outgoing connection fit to be used again: not only where it goes, but also how the far end was
/// checked.
struct ConnectionTarget: Hashable, Sendable {
    let endpoint: SIPEndpoint
    let host: String
    let verification: TLSVerification
}
