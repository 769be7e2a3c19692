import Glibc
import MediaCore
import SecureMedia

/// What one peer sends: 20 ms of its codec each time it is asked to, with all that a network does to it. In every second
/// of 50 packets three are lost, two change places, one comes twice, four come at once, one comes with a forged twin,
/// and one from another source; every other second a digit is pressed and there is comfort noise for 60 ms; each second
/// there is a sender report.
///
/// Used by the load's thread only, once it runs; it may allocate.
final class LegFeed: @unchecked Sendable {
    private let path: AllocationPath
    private let socket: Int32
    private let port: UInt16
    private let ssrc: UInt32
    private let payloads: [[UInt8]]
    private var sender: SRTPSender?
    private var count: Int
    private var waiting: [[UInt8]] = []
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)

    /// `payloads` repeat. Legs begin at different places of their second, so that not everything happens at once.
    init(_ path: AllocationPath, number: Int, socket: Int32, port: UInt16, key: SDESKey?, payloads: [[UInt8]]) throws {
        self.path = path
        self.socket = socket
        self.port = port
        self.payloads = payloads
        ssrc = 0x1000 + UInt32(truncatingIfNeeded: number)
        count = number * 7 % 50
        if let key { sender = try SRTPSender(key) }
    }

    deinit { buffer.deallocate() }

    func tick() {
        let place = count % 50
        let isDigit = (60..<66).contains(count % 100)
        let isPause = (80..<83).contains(count % 100)
        let packet = isDigit ? event(count % 100 - 60) : isPause ? comfortNoise() : audio(from: ssrc)
        switch place {
        case 5, 35, 36: break
        case 20, 40, 41, 42: waiting.append(packet)
        case 21, 43:
            // Two change places; four come at once, in their order.
            if place == 21 { send(packet, to: port) }
            for late in waiting { send(late, to: port) }
            waiting.removeAll(keepingCapacity: true)
            if place == 43 { send(packet, to: port) }
        case 30:
            send(packet, to: port)
            send(packet, to: port)
        case 45:
            var forged = packet
            forged[forged.count - 1] ^= 1
            if path.suite != nil { send(forged, to: port) }
            send(packet, to: port)
        case 48:
            send(packet, to: port)
            send(audio(from: ssrc + 0x1_0000), to: port)
        default: send(packet, to: port)
        }
        if place == 0 { send(report(), to: port + 1) }
        count += 1
    }

    private var timestamp: UInt32 { UInt32(truncatingIfNeeded: count) &* path.codec.ticks }

    private func audio(from source: UInt32) -> [UInt8] {
        packet(path.codec.payloadType, timestamp, payloads[count % payloads.count], from: source)
    }

    /// RFC 3389 §3: a level and nothing else.
    private func comfortNoise() -> [UInt8] { packet(13, timestamp, [40]) }

    /// Packet `step` (0 to 5) of a digit; the last three say that it is over (RFC 4733 §2.5.1.4).
    private func event(_ step: Int) -> [UInt8] {
        let start = timestamp &- UInt32(step) &* path.codec.ticks
        let duration = UInt32(min(step + 1, 4)) * path.codec.ticks
        return packet(
            AllocationPath.eventType, start,
            [5, step >= 3 ? 0x8A : 0x0A, UInt8(duration >> 8 & 255), UInt8(duration & 255)])
    }

    private func packet(
        _ payloadType: UInt8, _ timestamp: UInt32, _ payload: [UInt8], from source: UInt32? = nil
    ) -> [UInt8] {
        var octets: [UInt8] = [0x80, payloadType, UInt8(count >> 8 & 255), UInt8(count & 255)]
        append(timestamp, to: &octets)
        append(source ?? ssrc, to: &octets)
        octets += payload
        return protected(octets, isControl: false)
    }

    /// A sender report with a block about nobody, RFC 3550 §6.4.1.
    private func report() -> [UInt8] {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var octets: [UInt8] = [0x81, 200, 0, 12]
        append(ssrc, to: &octets)
        append(UInt32(truncatingIfNeeded: time.tv_sec &+ 2_208_988_800), to: &octets)
        append(UInt32(truncatingIfNeeded: (time.tv_nsec << 32) / 1_000_000_000), to: &octets)
        append(timestamp, to: &octets)
        append(UInt32(truncatingIfNeeded: count), to: &octets)
        append(UInt32(truncatingIfNeeded: count * 160), to: &octets)
        for _ in 0..<6 { append(7, to: &octets) }
        return protected(octets, isControl: true)
    }

    private func append(_ word: UInt32, to octets: inout [UInt8]) {
        for shift in [24, 16, 8, 0] as [UInt32] { octets.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    private func protected(_ octets: [UInt8], isControl: Bool) -> [UInt8] {
        guard sender != nil else { return octets }
        buffer.copyBytes(from: octets)
        let length =
            isControl
            ? try? sender?.protectControl(buffer, count: octets.count)
            : try? sender?.protect(buffer, count: octets.count)
        return Array(buffer.prefix(length ?? 0))
    }

    private func send(_ octets: [UInt8], to port: UInt16) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(socket, octets, octets.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
