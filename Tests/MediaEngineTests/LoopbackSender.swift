import CMediaSockets
import Glibc
import MediaCore
import MediaEngine

/// A UDP socket on the loopback address that speaks RTP. Closed when it goes.
final class LoopbackSender {
    let socket: Int32
    private let isIPv6: Bool
    private static let ipv4: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1]
    private static let ipv6: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    private static let other: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 2]

    private let local: [UInt8]

    init(isIPv6: Bool = false, fromOtherHost: Bool = false, port: UInt16 = 0) {
        self.isIPv6 = isIPv6
        local = isIPv6 ? Self.ipv6 : fromOtherHost ? Self.other : Self.ipv4
        socket = media_socket_open(isIPv6 ? 1 : 0, local, port, 0)
    }

    deinit { close(socket) }

    /// A sender and a listener on the port above it, as RTP and RTCP have them.
    static func pair() -> (rtp: LoopbackSender, rtcp: LoopbackSender)? {
        for port in stride(from: UInt16(24_000), to: 24_400, by: 2) {
            let pair = (rtp: LoopbackSender(port: port), rtcp: LoopbackSender(port: port + 1))
            if pair.rtp.socket >= 0, pair.rtcp.socket >= 0 { return pair }
        }
        return nil
    }

    /// The loopback host, as the signalling would name it.
    var host: MediaAddress {
        isIPv6 ? MediaAddress(high: 0, low: 1, port: 0) : MediaAddress(ipv4: 0x7F00_0001, port: 0)
    }

    /// Where it sends from.
    var address: MediaAddress {
        var name = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let port = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
            return UnsafeRawPointer($0).loadUnaligned(fromByteOffset: 2, as: UInt16.self).bigEndian
        }
        let high = local[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = local[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return MediaAddress(high: high, low: low, port: port)
    }

    func send(_ bytes: [UInt8], to port: UInt16) {
        let destination = isIPv6 ? Self.ipv6 : Self.ipv4
        _ = media_socket_send(socket, isIPv6 ? 1 : 0, bytes, bytes.count, destination, port)
    }

    func sendRTP(_ sequence: UInt16, octet: UInt8 = 0x12, to port: UInt16) {
        var bytes: [UInt8] = [0x80, 0, UInt8(sequence >> 8), UInt8(sequence & 255)]
        let timestamp = UInt32(sequence) * 160
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: timestamp >> shift)) }
        send(bytes + [0, 0, 0, 9] + [UInt8](repeating: octet, count: 160), to: port)
    }

    /// True when a datagram waits.
    func receiveNow(into buffer: inout [UInt8]) -> Bool {
        var source = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        return media_socket_receive(socket, &buffer, buffer.count, &source, &port) >= 0
    }

    /// The next datagram. A minute is for what never comes: the first report comes within three seconds, and a machine
    /// that is busy with other things may take its time for anything.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 2_048)
        var source = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        let limit = MediaClock.arrival + 60_000_000_000
        while MediaClock.arrival < limit {
            let count = media_socket_receive(socket, &buffer, buffer.count, &source, &port)
            if count > 0 { return Array(buffer.prefix(count)) }
            usleep(1_000)
        }
        return nil
    }
}
