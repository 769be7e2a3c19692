import MediaCore

// Packets that leave again. In an extension of the worker and not of the leg, because two legs take part.
extension MediaWorker where BackEnd: ~Copyable {
    /// Sends an admitted packet out on the other leg of the bridge.
    mutating func relay(
        _ leg: UnsafeMutablePointer<MediaLeg>, _ header: RTPHeader, _ packet: UnsafeRawBufferPointer, now: Int64
    ) {
        guard let slot = leg.pointee.bridge.peer, let peer = slots[slot],
            let destination = peer.pointee.latch.current, packet.count + LegSecurity.maximumOverhead <= scratch.count
        else {
            leg.pointee.bridge.refused += 1
            return
        }
        // The time line and the forks want the packet as it came; what leaves is a copy.
        scratch.copyMemory(from: packet)
        let copy = UnsafeMutableRawBufferPointer(rebasing: scratch[..<packet.count])
        guard let rewriter = peer.pointee.bridge.outgoing, rewriter.pointee.rewrite(header, copy, at: now),
            let count = peer.pointee.security.protect(scratch, count: packet.count, isControl: false)
        else {
            leg.pointee.bridge.refused += 1
            return
        }
        send(UnsafeRawBufferPointer(rebasing: scratch[..<count]), on: peer, slot, to: destination, for: leg)
    }

    /// Sends a fax datagram out on the other leg, untouched.
    mutating func relayFax(_ leg: UnsafeMutablePointer<MediaLeg>, _ datagram: UnsafeRawBufferPointer) {
        guard let slot = leg.pointee.bridge.peer, let peer = slots[slot], peer.pointee.isFax,
            let destination = peer.pointee.latch.current
        else {
            leg.pointee.bridge.refused += 1
            return
        }
        send(datagram, on: peer, slot, to: destination, for: leg)
    }

    private mutating func send(
        _ octets: UnsafeRawBufferPointer, on peer: UnsafeMutablePointer<MediaLeg>, _ slot: Int,
        to destination: MediaAddress, for leg: UnsafeMutablePointer<MediaLeg>
    ) {
        let sockets = peer.pointee.sockets
        if backEnd.send(
            octets, from: sockets.rtp, token: Self.token(slot, isControl: false), to: destination,
            isIPv6: sockets.isIPv6)
        {
            leg.pointee.bridge.sent += 1
        } else {
            leg.pointee.bridge.refused += 1
        }
    }

    /// Copies an admitted packet to the leg's forks.
    mutating func fork(_ leg: UnsafeMutablePointer<MediaLeg>, _ packet: UnsafeRawBufferPointer) {
        // By index: walking over an array counts a reference to it.
        for index in leg.pointee.forks.indices { leg.pointee.forks[index].pointee.send(packet, scratch: scratch) }
    }

    mutating func bridge(_ first: UInt64, _ second: UInt64) {
        guard first != second, let one = slots.index(of: first), let other = slots.index(of: second) else { return }
        for index in [one, other] { unbridge(at: index) }
        slots[one]?.pointee.bridge.peer = other
        slots[other]?.pointee.bridge.peer = one
        bridges += 1
        rewrite(at: one, isNewSender: true)
        rewrite(at: other, isNewSender: true)
    }

    /// Ends the bridge of a leg, if it has one, on both sides.
    mutating func unbridge(at index: Int) {
        guard let leg = slots[index], let peer = leg.pointee.bridge.peer else { return }
        leg.pointee.bridge.peer = nil
        slots[peer]?.pointee.bridge.peer = nil
        for side in [index, peer] { slots[side]?.pointee.limitFax(to: .rtp) }
        bridges -= 1
    }

    /// Fits what leaves on a leg to what both legs negotiated.
    mutating func rewrite(at index: Int, isNewSender: Bool) {
        guard let leg = slots[index], let slot = leg.pointee.bridge.peer, let peer = slots[slot] else { return }
        leg.pointee.bridge.rewrite(
            from: peer.pointee.parameters.payloads, to: leg.pointee.parameters.payloads, isNewSender: isNewSender)
        peer.pointee.limitFax(to: leg.pointee.parameters.transport)
    }
}
