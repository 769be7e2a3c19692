import Logging
import NIOCore

/// A configured address that may be a host name.
enum HostAddress {
    /// The IP address of `host`, looked up once, at start; nil (and a warning) when it has none.
    static func resolve(_ host: String, logger: Logger) -> String? {
        do {
            return try SocketAddress.makeAddressResolvingHost(host, port: 0).ipAddress
        } catch {
            logger.warning(
                "node.advertisedAddress cannot be resolved; answers name the address that each call reaches",
                metadata: ["advertisedAddress": "\(host)", "reason": "\(error)"])
            return nil
        }
    }
}
