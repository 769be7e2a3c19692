import Addressing
import Glibc

/// The doctor's questions to the sockets and the resolver of this machine.
///
/// The only file of the module with pointers: each is valid for the one call that it is passed to.
enum SocketProbe {
    /// Binds a port as the service would, and closes it again; `nil`: it worked.
    static func bindFailure(
        _ address: IPAddress, _ port: UInt16, _ kind: DoctorProbes.PortKind
    ) -> DoctorProbes.BindFailure? {
        let type: __socket_type = kind == .udp ? SOCK_DGRAM : SOCK_STREAM
        let family = address.isIPv4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return failure(errno) }
        defer { close(descriptor) }
        if kind == .tcp {
            // Without it, connections of a service that stopped a minute ago would look like another process.
            var on: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        let result: Int32
        if address.isIPv4 {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
            result = withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        } else {
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &name.sin6_addr) { bytes in
                bytes.storeBytes(of: address.high.bigEndian, toByteOffset: 0, as: UInt64.self)
                bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            result = withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
        return result == 0 ? nil : failure(errno)
    }

    /// The addresses of a host name, without repeats.
    static func addresses(of host: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let first = list else { return [] }
        defer { freeaddrinfo(first) }
        var found: [IPAddress] = []
        var next: UnsafeMutablePointer<addrinfo>? = first
        while let entry = next {
            if let address = address(at: entry.pointee.ai_addr), !found.contains(address) { found.append(address) }
            next = entry.pointee.ai_next
        }
        return found
    }

    /// The addresses of this machine's interfaces that are up.
    static func interfaceAddresses() -> [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0, let first = list else { return [] }
        defer { freeifaddrs(first) }
        var found: [IPAddress] = []
        var next: UnsafeMutablePointer<ifaddrs>? = first
        while let entry = next {
            if let address = address(at: entry.pointee.ifa_addr), !found.contains(address) { found.append(address) }
            next = entry.pointee.ifa_next
        }
        return found
    }

    private static func address(at pointer: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
        guard let pointer else { return nil }
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                .v4(UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
            }
        case AF_INET6:
            return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                withUnsafeBytes(of: $0.pointee.sin6_addr) { IPAddress(octets: Array($0)) }
            }
        default:
            return nil
        }
    }

    private static func failure(_ code: Int32) -> DoctorProbes.BindFailure {
        switch code {
        case EADDRINUSE: .inUse
        case EACCES, EPERM: .notPermitted
        case EADDRNOTAVAIL, EAFNOSUPPORT: .noSuchAddress
        default: .other(String(cString: strerror(code)))
        }
    }
}
