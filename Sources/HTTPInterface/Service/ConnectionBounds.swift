import Glibc
import NIOCore

/// How many connections there may be: most of the process's descriptors are for calls.
///
/// A connection takes one descriptor and, with the file that a reader or a producer has open, two. An eighth of the
/// descriptors as connections is therefore at most a quarter of them.
public struct ConnectionBounds: Sendable, Equatable {
    /// All of them.
    public let total: Int
    /// From one address; of IPv6 one network of 64 bits, which one host has to itself.
    public let perAddress: Int

    /// Decides.
    /// - Parameters:
    ///   - descriptors: what the process may have open (`RLIMIT_NOFILE`).
    ///   - connections: as configured; brought down to a quarter of the descriptors where it is more.
    ///   - perAddress: as configured; without it half of all, so that no one address keeps the others out.
    public init(descriptors: Int, limits: HTTPLimits, connections: Int? = nil, perAddress: Int? = nil) {
        let most = connections.map { min($0, descriptors / 4) } ?? min(limits.connections, descriptors / 8)
        total = max(8, most)
        self.perAddress = min(total, max(4, perAddress ?? total / 2))
    }

    /// What the process may have open now.
    static var descriptors: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }
}

/// Lets connections in up to the bounds, and closes the others at once. Stands at the head of the listening socket's
/// pipeline, on that socket's loop, before anything is made for a connection.
final class ConnectionAdmission: ChannelInboundHandler, Sendable {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel

    private let quota: ConnectionQuota
    private let counters: HTTPCounters

    init(_ bounds: ConnectionBounds, counters: HTTPCounters) {
        quota = ConnectionQuota(perStream: bounds.perAddress, total: bounds.total)
        self.counters = counters
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = unwrapInboundIn(data)
        guard let place = quota.enter(Self.network(of: channel.remoteAddress?.ipAddress)) else {
            counters.add(\.excessConnections)
            return channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { _ in place.release() }
        context.fireChannelRead(data)
    }

    /// What counts as one address; `nil` for a peer that has none.
    static func network(of address: String?) -> String {
        guard let address else { return "local" }
        guard address.utf8.contains(UInt8(ascii: ":")) else { return address }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, address, &bytes) == 1 else { return address }
        // RFC 4291 §2.5.5.2: an IPv4 address on a socket of IPv6.
        if bytes.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) {
            return bytes.suffix(4).map(String.init).joined(separator: ".")
        }
        return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":")
    }
}
