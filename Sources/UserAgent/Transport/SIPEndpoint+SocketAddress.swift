import Addressing
import Glibc
import NIOCore

/// Socket addresses are read and written as octets at the offsets of RFC 3493 §3.3, which every Linux keeps.
extension IPAddress {
    /// The address of a socket; nil for a Unix domain socket.
    init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        let words: (high: UInt64, low: UInt64)? = address.withSockAddr { pointer, size in
            let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
            switch address {
            case .v4:
                guard size >= 8 else { return nil }
                let bits = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                return (0, 0xFFFF_0000_0000 | UInt64(bits))
            case .v6:
                guard size >= 24 else { return nil }
                return (
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
                )
            case .unixDomainSocket:
                return nil
            }
        }
        guard let words else { return nil }
        self.init(high: words.high, low: words.low)
    }
}

extension SIPEndpoint {
    /// The endpoint of a socket; nil for a Unix domain socket.
    init?(_ address: SocketAddress?, transport: SIPTransport) {
        guard let address, let ip = IPAddress(address) else { return nil }
        var zone: UInt32 = 0
        if case .v6 = address {
            zone = address.withSockAddr { pointer, size in
                let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
                return size >= 28 ? bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self) : 0
            }
        }
        self.init(
            address: ip, port: UInt16(truncatingIfNeeded: address.port ?? 0), transport: transport, zone: zone)
    }

    /// The socket address, for a socket of the matching family.
    var socketAddress: SocketAddress {
        var octets = [UInt8](repeating: 0, count: 28)
        return octets.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            if address.isIPv4 {
                bytes.storeBytes(of: UInt16(AF_INET), toByteOffset: 0, as: UInt16.self)
                bytes.storeBytes(
                    of: UInt32(truncatingIfNeeded: address.low).bigEndian, toByteOffset: 4, as: UInt32.self)
                return SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self))
            }
            bytes.storeBytes(of: UInt16(AF_INET6), toByteOffset: 0, as: UInt16.self)
            bytes.storeBytes(of: address.high.bigEndian, toByteOffset: 8, as: UInt64.self)
            bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 16, as: UInt64.self)
            bytes.storeBytes(of: zone, toByteOffset: 24, as: UInt32.self)
            return SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self))
        }
    }
}
