import CMediaSockets
import Glibc
import MediaCore

/// A UDP socket on the loopback interface, as small as a test needs it. Closed when it goes. Its address is one to which no
/// leg of another test sends reports.
final class LoopbackSocket {
    let descriptor: Int32
    let port: UInt16
    let isIPv6: Bool

    /// `receiveBuffer` in octets; the kernel's default where it is 0. Port 0: any that is free.
    init(isIPv6: Bool = false, port: UInt16 = 0, receiveBuffer: Int32 = 0) {
        self.isIPv6 = isIPv6
        let loopback: [UInt8] = isIPv6 ? [0, 0, 0, 0, 0, 1] : [255, 255, 127, 0, 0, 3]
        let address = [UInt8](repeating: 0, count: 10) + loopback
        descriptor = media_socket_open(isIPv6 ? 1 : 0, address, port, receiveBuffer)
        self.port = descriptor >= 0 ? media_socket_port(descriptor) : 0
    }

    deinit { if descriptor >= 0 { _ = close(descriptor) } }

    var address: MediaAddress {
        isIPv6 ? MediaAddress(high: 0, low: 1, port: port) : MediaAddress(ipv4: 0x7F00_0003, port: port)
    }

    /// False when the kernel does not take it.
    @discardableResult
    func send(_ octets: [UInt8], to other: LoopbackSocket) -> Bool {
        let address = other.address
        return media_socket_send_to(
            descriptor, isIPv6 ? 1 : 0, octets, octets.count, address.high, address.low, address.port) >= 0
    }

    /// The next datagram within a minute, and where it came from.
    func receive() -> (octets: [UInt8], sender: MediaAddress)? {
        var buffer = [UInt8](repeating: 0, count: 66_000)
        var source = media_source()
        let limit = media_clock_monotonic() + 60_000_000_000
        while media_clock_monotonic() < limit {
            let count = media_socket_take(descriptor, &buffer, buffer.count, &source)
            if count >= 0 {
                return (
                    Array(buffer.prefix(count)), MediaAddress(high: source.high, low: source.low, port: source.port)
                )
            }
            usleep(1_000)
        }
        return nil
    }

    /// Lets the process have as many sockets as it may.
    static func raiseLimit() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Rings and polls that the process has open.
    static var openBackEnds: Int {
        var count = 0
        for descriptor in 0..<16_384 {
            var name = [CChar](repeating: 0, count: 64)
            let length = readlink("/proc/self/fd/\(descriptor)", &name, name.count)
            guard length > 0 else { continue }
            let target = String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if target.contains("io_uring") || target.contains("eventpoll") { count += 1 }
        }
        return count
    }
}
