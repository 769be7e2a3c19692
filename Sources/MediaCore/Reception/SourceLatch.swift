/// An address that media comes from or goes to: 16 octets of IPv6, IPv4 mapped into it (RFC 4291 §2.5.5.2), and a port.
public struct MediaAddress: Hashable, Sendable {
    /// The first eight octets of the address.
    public var high: UInt64
    /// The last eight octets of the address.
    public var low: UInt64
    /// The UDP port.
    public var port: UInt16

    /// An IPv6 address, or a mapped IPv4 address.
    public init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    /// `address` as a 32-bit number in host order.
    public init(ipv4 address: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(address), port: port)
    }

    /// True when only the ports may differ.
    public func hasHost(of other: MediaAddress) -> Bool { high == other.high && low == other.low }
}

/// Decides from which address a leg takes media.
///
/// The offer's address is right by definition. Behind NAT the offer names an address that cannot be reached, so the
/// host that the signalling came from may teach the real port, too; nobody else ever can. The first packet from one of
/// the two decides, and from then on the source is strict: a stranger who sprays the port range (RTP bleed and inject,
/// CVE-2025-53399) changes nothing and is counted. A new offer opens the latch again, and so does silence: when the
/// source has sent nothing for two seconds, another port of the same two hosts may take over, because some peers move
/// without saying so and their audio must not be lost.
public struct SourceLatch: Sendable {
    private var offered: MediaAddress?
    private var signalling: MediaAddress?
    private var source: MediaAddress?
    private var lastArrival: Int64 = 0
    /// Nanoseconds of silence after which an allowed host may move to another port.
    static let patience: Int64 = 2_000_000_000

    /// `offered` is the address of the SDP (nil when it names none), `signalling` the host that sent it (port unused).
    public init(offered: MediaAddress?, signalling: MediaAddress?) {
        self.offered = offered
        self.signalling = signalling
    }

    /// The address in use, where receiver reports go.
    public var current: MediaAddress? { source ?? offered }

    /// True when a packet from `sender` belongs to the leg.
    public mutating func accept(_ sender: MediaAddress, arrival: Int64) -> Bool {
        if let source {
            if sender == source {
                lastArrival = arrival
                return true
            }
            guard arrival - lastArrival > Self.patience else { return false }
        }
        guard mayTeach(sender) else { return false }
        source = sender
        lastArrival = arrival
        return true
    }

    private func mayTeach(_ sender: MediaAddress) -> Bool {
        if let offered, sender.hasHost(of: offered) { return true }
        if let signalling, sender.hasHost(of: signalling) { return true }
        return false
    }
}
