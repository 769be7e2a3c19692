import CPacedSender

/// The streams of one call while they are sent. Made by a caller, handed over, then owned by the sender's thread.
///
/// Unchecked for that reason: the mailbox passes it on, and nobody else keeps it.
final class Playback: @unchecked Sendable {
    let id: UInt64
    /// When the next report is due, monotonic nanoseconds.
    var nextReport: Int64 = .max
    private let streams: [PacedStream]
    private let packets: Int
    private let done: @Sendable (PacedResult) -> Void
    private var sent = 0
    private var result = PacedResult()
    private var lost: [UInt32: Int32] = [:]

    init(id: UInt64, streams: [PacedStream], packets: Int, done: @escaping @Sendable (PacedResult) -> Void) {
        self.id = id
        self.streams = streams
        self.packets = packets
        self.done = done
    }

    var count: Int { streams.count }

    /// All packets were sent, and the last one has had its time when the next would be due.
    var isOver: Bool { sent >= packets }

    /// Appends the next packet of every stream.
    func appendNext(samples: Int, to batch: inout [paced_packet]) {
        // The first packet of a stretch of talk has the marker (RFC 3551 §4.1).
        let marker: UInt8 = sent == 0 ? 0x80 : 0
        let ticks = UInt32(truncatingIfNeeded: sent &* samples)
        for stream in streams {
            let offset = stream.audio.count >= samples ? sent &* samples % stream.audio.count : 0
            var packet = paced_packet(
                payload: stream.audio.bytes + offset, ssrc: stream.ssrc, timestamp: stream.firstTimestamp &+ ticks,
                descriptor: stream.sockets.rtp, sequence: stream.firstSequence &+ UInt16(truncatingIfNeeded: sent),
                octets: UInt16(min(samples, stream.audio.count - offset)),
                type: stream.audio.codec.payloadType | marker, is_whole: 0, error: 0)
            stream.protection?.protect(&packet)
            batch.append(packet)
        }
        sent += 1
    }

    func note(_ packet: paced_packet) {
        switch packet.error {
        case 0: result.packetsSent += 1
        case 111:
            // ECONNREFUSED is told by the packet after the one that met nobody; that one was sent again.
            result.packetsSent += 1
            result.refusals += 1
        default: result.packetsFailed += 1
        }
    }

    /// Reports to the receiver, and takes what it reports.
    func exchangeReports(samples: Int, wallClock: Int64, isLast: Bool) {
        for stream in streams {
            var report = SenderReport.make(
                ssrc: stream.ssrc, wallClock: wallClock,
                timestamp: stream.firstTimestamp &+ UInt32(truncatingIfNeeded: sent &* samples),
                packets: UInt32(truncatingIfNeeded: sent), octets: UInt32(truncatingIfNeeded: sent &* samples),
                name: stream.canonicalName, isLast: isLast)
            stream.protection?.protectControl(&report)
            _ = paced_send_datagram(stream.sockets.rtcp, report, report.count)
            var datagram = [UInt8](repeating: 0, count: 1500)
            // At most as many as can have come since the last time, with room for a server that reports often.
            for _ in 0..<32 {
                let count = paced_receive(stream.sockets.rtcp, &datagram, datagram.count)
                if count == -111 { continue }
                guard count > 0 else { break }
                let length = stream.protection?.openControl(&datagram, count: count) ?? count
                guard let found = SenderReport.reception(of: stream.ssrc, in: datagram[..<length]) else { continue }
                lost[stream.ssrc] = found.lost
            }
        }
    }

    func finish(isComplete: Bool) {
        result.isComplete = isComplete
        if !lost.isEmpty { result.reportedLost = lost.values.reduce(0) { $0 + max(0, Int($1)) } }
        done(result)
    }
}
