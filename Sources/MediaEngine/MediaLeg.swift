import CMediaSockets
import MediaCore

/// What a leg is opened or changed with.
public struct LegParameters: Sendable {
    /// Which payload type carries what.
    public var payloads: PayloadMap
    /// Where the offer says that media comes from; nil when it does not say.
    public var remote: MediaAddress?
    /// The host that the signalling came from; it may teach the port behind NAT.
    public var signalling: MediaAddress?
    /// Where receiver reports go; nil: the RTP port plus one, or the RTP port itself with `rtcp-mux`.
    public var remoteRTCP: MediaAddress?
    /// RTP and RTCP share the RTP port (RFC 5761).
    public var isMultiplexed = false

    /// RTCP goes to the port above, and is not multiplexed, until said otherwise.
    public init(payloads: PayloadMap, remote: MediaAddress?, signalling: MediaAddress?) {
        self.payloads = payloads
        self.remote = remote
        self.signalling = signalling
    }
}

/// A leg as its worker holds it. Everything in it is touched by that one thread only.
struct MediaLeg: ~Copyable {
    let id: UInt64
    let sockets: LegSockets
    let tap: any LegTap
    let ssrc: UInt32
    var timeline: LegTimeline
    var latch: SourceLatch
    var parameters: LegParameters
    var hasBegun = false
    var foreign: UInt64 = 0
    var malformed: UInt64 = 0
    var nextReport: Int64

    /// One datagram from the leg's RTP socket.
    mutating func receive(_ datagram: RawSpan, from sender: MediaAddress, arrival: Int64) {
        // RFC 5761 §4: on a shared port the second octet tells RTCP from RTP. A peer that sends RTCP here without
        // having offered it is understood all the same.
        if RTPHeader.isRTCP(datagram) { return receiveRTCP(datagram, from: sender, arrival: arrival) }
        let header: RTPHeader
        do throws(RTPParseError) {
            header = try RTPHeader(parsing: datagram)
        } catch {
            malformed += 1
            return
        }
        guard latch.accept(sender, arrival: arrival) else {
            foreign += 1
            return
        }
        if !hasBegun {
            hasBegun = true
            tap.observe(.mediaBegan)
        }
        switch timeline.receive(header, datagram, arrival: arrival) {
        case .accepted, .discarded, .eventBegan: break
        case .eventEnded(let event, let milliseconds): tap.observe(.digit(event, milliseconds: milliseconds))
        }
    }

    mutating func receiveRTCP(_ datagram: RawSpan, from sender: MediaAddress, arrival: Int64) {
        guard let source = latch.current, sender.hasHost(of: source) else {
            foreign += 1
            return
        }
        timeline.receiveRTCP(datagram, arrival: arrival)
    }

    mutating func drain() {
        // The tap is read before the time line is borrowed.
        let tap = tap
        timeline.drain { tap.append($0) }
    }

    /// A receiver report for the peer, into `packet`; nil while nobody has sent anything.
    mutating func report(now: Int64, into packet: inout [UInt8]) -> MediaAddress? {
        guard hasBegun, var destination = latch.current else { return nil }
        if let explicit = parameters.remoteRTCP {
            destination = explicit
        } else if !parameters.isMultiplexed {
            guard destination.port < .max else { return nil }
            destination.port += 1
        }
        packet.removeAll(keepingCapacity: true)
        RTCPCompound.appendReceiverReport(
            from: ssrc, reports: timeline.reportBlocks(at: now), canonicalName: Array("earshot".utf8), to: &packet)
        return destination
    }

    func snapshot(now: Int64) -> LegReport {
        var statistics = timeline.snapshot(at: now)
        statistics.foreign += foreign
        statistics.malformed += malformed
        statistics.kernelDrops = UInt64(media_socket_drops(sockets.rtp))
        return LegReport(
            id: id, samples: timeline.frontier, statistics: statistics, lastArrival: timeline.lastArrival)
    }
}

/// What became of a leg.
public struct LegReport: Sendable {
    /// The leg.
    public let id: UInt64
    /// Samples of its time line so far.
    public let samples: Int64
    /// What it received, lost and threw away.
    public let statistics: ReceptionStatistics
    /// When its newest packet came, on the arrival clock; nil when none ever did.
    public let lastArrival: Int64?
}
