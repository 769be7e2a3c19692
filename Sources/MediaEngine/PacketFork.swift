import CMediaSockets
import MediaCore
import SecureMedia

/// A copy of a leg's RTP packets for another recorder, from ports of its own. Owned by the leg's worker.
///
/// Packets leave as they came, decrypted where the leg is encrypted and protected with the fork's own key where it has
/// one. What the kernel has no room for is dropped and counted; nothing waits.
struct PacketFork: ~Copyable {
    let number: UInt64
    let sockets: LegSockets
    private let destination: MediaAddress
    private var security = LegSecurity()
    private(set) var sent: UInt64 = 0
    private(set) var dropped: UInt64 = 0

    init(number: UInt64, sockets: LegSockets, destination: MediaAddress, sending: SDESKey?) {
        self.number = number
        self.sockets = sockets
        self.destination = destination
        security.use(receiving: nil, sending: sending)
    }

    /// `scratch` has room for what protection adds.
    mutating func send(_ packet: UnsafeRawBufferPointer, scratch: UnsafeMutableRawBufferPointer) {
        guard packet.count + LegSecurity.maximumOverhead <= scratch.count else {
            dropped += 1
            return
        }
        scratch.copyMemory(from: packet)
        guard let count = security.protect(scratch, count: packet.count, isControl: false),
            sockets.sendRTP(UnsafeRawBufferPointer(rebasing: scratch[..<count]), to: destination)
        else {
            dropped += 1
            return
        }
        sent += 1
    }

    func report(leg: UInt64) -> TapReport {
        TapReport(id: TapID(leg: leg, number: number), sent: sent, dropped: dropped)
    }
}

extension LegSockets {
    /// False where the kernel has no room, or the way is closed.
    func sendRTP(_ octets: UnsafeRawBufferPointer, to destination: MediaAddress) -> Bool {
        var address = (destination.high.bigEndian, destination.low.bigEndian)
        let bytes = octets.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return withUnsafeBytes(of: &address) { host in
            media_socket_send(
                rtp, isIPv6 ? 1 : 0, bytes, octets.count, host.baseAddress?.assumingMemoryBound(to: UInt8.self),
                destination.port)
        } >= 0
    }
}
