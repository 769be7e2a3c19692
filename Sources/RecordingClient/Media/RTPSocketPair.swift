import Addressing
import CPacedSender
import UserAgent

/// The two UDP sockets of one stream: RTP on an even port, RTCP on the next (RFC 3550 §11). Closed when it is dropped.
public final class RTPSocketPair: Sendable {
    /// The local RTP port; RTCP has the next one.
    public let port: UInt16
    let rtp: Int32
    let rtcp: Int32

    /// Opens two neighbouring ports that the kernel has free.
    public init(local: IPAddress) throws(RTPSocketError) {
        var descriptors: [Int32] = [-1, -1]
        var port: UInt16 = 0
        let result = paced_pair_open(local.octets, &descriptors, &port)
        guard result == 0 else { throw RTPSocketError(what: "open RTP ports on \(local)", code: -result) }
        self.port = port
        rtp = descriptors[0]
        rtcp = descriptors[1]
    }

    deinit {
        paced_close(rtp)
        paced_close(rtcp)
    }

    /// Fixes where the stream goes; nothing is received from elsewhere afterwards.
    public func connect(
        rtp receiver: (address: IPAddress, port: UInt16), rtcp reports: (address: IPAddress, port: UInt16)?
    ) throws(RTPSocketError) {
        let result = paced_connect(rtp, receiver.address.octets, receiver.port)
        guard result == 0 else {
            throw RTPSocketError(what: "send RTP to \(receiver.address.hostText):\(receiver.port)", code: -result)
        }
        guard let reports else { return }
        // RTCP is extra: a server that has no place for it is no failure.
        _ = paced_connect(rtcp, reports.address.octets, reports.port)
    }
}

/// A socket call for media failed.
public struct RTPSocketError: Error, Equatable, Sendable, CustomStringConvertible {
    let what: String
    let code: Int32

    /// What was tried, why it failed, and the remedy where there is one.
    public var description: String {
        let isLimit = code == 24 || code == 23
        let remedy = isLimit ? "; raise the limit of open files (ulimit -n) or place fewer calls" : ""
        return "cannot \(what): \(WaveAudio.reason(code))\(remedy)"
    }
}

extension IPAddress {
    /// Sixteen octets in network order, IPv4 mapped into IPv6.
    var octets: [UInt8] {
        [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - $0 * 8)) } }
    }

    /// Reads ``octets`` again.
    init(octets: [UInt8]) {
        let words = [octets.prefix(8), octets.dropFirst(8).prefix(8)].map {
            $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        self.init(high: words[0], low: words[1])
    }

    /// The first address of a name, or the address that `host` is. Blocks while it asks the resolver.
    static func resolve(_ host: String) -> IPAddress? {
        if let address = IPAddress(parsing: host) { return address }
        var octets = [UInt8](repeating: 0, count: 16)
        return paced_resolve(host, &octets) == 0 ? IPAddress(octets: octets) : nil
    }

    /// The address of this machine that the kernel uses towards this one.
    var localAddressTowards: IPAddress? {
        var local = [UInt8](repeating: 0, count: 16)
        return paced_source_address(octets, &local) == 0 ? IPAddress(octets: local) : nil
    }
}
