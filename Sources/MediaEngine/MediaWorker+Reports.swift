import CMediaSockets
import MediaCore

extension MediaWorker where BackEnd: ~Copyable {
    /// Sends the leg's RTCP: a sender report where it sends media, a receiver report where it does not.
    mutating func sendReport(_ leg: UnsafeMutablePointer<MediaLeg>, now: Int64) {
        guard let destination = leg.pointee.controlDestination else { return }
        leg.pointee.timeline.reportBlocks(at: now, into: &blocks)
        leg.pointee.control.report(
            now: now, ntp: NetworkTime.ntp(unixNanoseconds: MediaClock.wall), blocks: blocks,
            sent: leg.pointee.bridge.outgoing?.pointee.sentMedia(at: now), into: &report)
        sendControl(leg, to: destination)
    }

    /// Tells the peer that the leg leaves, RFC 3550 §6.3.7.
    mutating func sendGoodbye(_ leg: UnsafeMutablePointer<MediaLeg>) {
        guard let destination = leg.pointee.controlDestination else { return }
        leg.pointee.control.goodbye(into: &report)
        sendControl(leg, to: destination)
    }

    private mutating func sendControl(_ leg: UnsafeMutablePointer<MediaLeg>, to destination: MediaAddress) {
        guard report.count + LegSecurity.maximumOverhead <= scratch.count else { return }
        report.withUnsafeBytes { scratch.copyMemory(from: $0) }
        guard let count = leg.pointee.security.protect(scratch, count: report.count, isControl: true) else { return }
        var sockets = leg.pointee.sockets
        if !leg.pointee.parameters.isMultiplexed { sockets.rtp = sockets.rtcp }
        // A report that cannot be sent is lost like any datagram; the next one follows.
        _ = sockets.sendRTP(UnsafeRawBufferPointer(rebasing: scratch[..<count]), to: destination)
    }

    /// Where the senders of a call's legs share a clock, as those of one session border controller do, their reports say
    /// what belongs together: a leg whose first packets were delayed more than the other's is moved to its place.
    mutating func align(_ leg: UnsafeMutablePointer<MediaLeg>) {
        guard let offset = leg.pointee.timeline.senderOffsetNanoseconds else { return }
        var least = offset
        for index in slots.members(of: leg.pointee.group) {
            guard let other = slots[index]?.pointee.timeline.senderOffsetNanoseconds else { continue }
            least = min(least, other)
        }
        let late = offset - least
        // Under 5 ms is the precision of the measurement; half a second and more are two clocks that were never set.
        guard late > 5_000_000, late < 500_000_000 else { return }
        let rate = Int64(leg.pointee.parameters.format.sampleRate)
        _ = leg.pointee.timeline.align(by: -(late * rate / 1_000_000_000))
    }
}
