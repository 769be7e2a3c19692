/// One direction of a T.38 relay over UDPTL: says for each datagram whether it goes on, and counts. It never changes
/// an octet, and leaves redundancy, parity, doubles and order to the two gateways, whose matter they are.
///
/// Owned by one media worker; where datagrams may come from is the latch's matter, as with RTP. Allocates nothing.
public struct FaxRelay: ~Copyable {
    /// What to do with a datagram.
    public enum Decision: Sendable, Equatable {
        /// Send it on as it is.
        case forward
        /// It is no UDPTL: RTP that is still under way after the switch to fax, or rubbish.
        case refuseMalformed(UDPTLParseError)
        /// Larger than the receiver takes.
        case refuseOversized(octets: Int, limit: Int)
    }

    /// The largest UDPTL packet that the receiver takes, octets: its `T38FaxMaxDatagram` (T.38 Annex D). Nil where it
    /// named none; then ``unnamedLimit`` holds. A limit above ``largestDatagram`` is taken as that.
    public var maximumDatagram: Int?
    /// Counters so far.
    public private(set) var counters = FaxCounters()

    private var window = UDPTLWindow()

    /// Octets that are sent to a receiver that names no limit: more does not fit an Ethernet frame.
    public static let unnamedLimit = 1_472
    /// Octets of the largest UDPTL datagram that is relayed at all. A receiver's limit above it must not be passed on to
    /// the other gateway as it is. Fax needs less: 40 ms of the fastest, V.34, are 168 octets, and eleven more packets of
    /// them fit as redundancy.
    public static let largestDatagram = 2_048

    /// A direction in which nothing has been sent. A limit of zero or less is taken as none.
    public init(maximumDatagram: Int? = nil) {
        self.maximumDatagram = maximumDatagram.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Takes a datagram of the sending gateway.
    public mutating func receive(_ datagram: RawSpan) -> Decision {
        let packet: UDPTLPacket
        do throws(UDPTLParseError) {
            packet = try UDPTLPacket(parsing: datagram)
        } catch {
            counters.malformed += 1
            return .refuseMalformed(error)
        }
        return receive(packet, datagram)
    }

    /// The same where the datagram is known not to be UDPTL.
    public mutating func noteMalformed() { counters.malformed += 1 }

    /// The same where the caller has read `packet` from the datagram.
    public mutating func receive(_ packet: UDPTLPacket, _ datagram: RawSpan) -> Decision {
        let limit = min(maximumDatagram ?? Self.unnamedLimit, Self.largestDatagram)
        note(packet, datagram)
        guard datagram.byteCount <= limit else {
            counters.oversized += 1
            return .refuseOversized(octets: datagram.byteCount, limit: limit)
        }
        counters.packets += 1
        counters.octets += UInt64(datagram.byteCount)
        return .forward
    }

    private mutating func note(_ packet: UDPTLPacket, _ datagram: RawSpan) {
        switch window.receive(packet.sequenceNumber, counting: &counters) {
        case .duplicate: counters.duplicates += 1
        case .late: counters.late += 1
        case .reordered: counters.reordered += 1
        case .restarted: counters.restarts += 1
        case .next: break
        }
        switch packet.recovery {
        case .redundancy(let fields):
            guard fields > 0 else { return }
            counters.redundancyPackets += 1
            var carried: UInt64 = 0
            // A field may be empty: it stands for a packet that its sender no longer has.
            packet.visitFields(of: datagram) { index, field in
                if index < 64, !field.isEmpty { carried |= UInt64(1) << UInt64(index) }
            }
            window.recover(before: packet.sequenceNumber, carried: carried, counting: &counters)
        case .parity(let span, let fields):
            guard fields > 0 else { return }
            counters.parityPackets += 1
            window.recover(before: packet.sequenceNumber, span: span, fields: fields, counting: &counters)
        }
    }
}
