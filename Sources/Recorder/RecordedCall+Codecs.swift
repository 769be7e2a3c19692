import Logging
import MediaCore
import MediaEngine
import SDP
import SIPREC
import StreamSink

// A stream's file holds one codec, or what is decoded. Where a change of codec asks for more, the stream ends and another
// begins: at ports of its own where the peer offers the change, so that what is under way to the former ones is known
// for what it is, and at the same ports where it answers our offer with it, since that has named them already.
extension RecordedCall {
    /// Streams of a re-offer whose codec the stream as it is cannot hold: each gets new ports for another stream, and
    /// the former goes on at its ports while packets may be under way to them. None on hold, and none where too many
    /// were opened already.
    func replace(_ plan: MediaPlan, _ keys: [Int: CryptoAttribute]) -> [Int: LocalMedia] {
        guard policy.isStreaming else { return [:] }
        let changed = plan.open.filter { media in
            media.isActive && (!media.isSecure || keys[media.leg] != nil)
                && legs.contains { $0.number == media.leg && $0.isStarted && $0.format?.holds(media.codec) == false }
        }
        guard !changed.isEmpty, record.legs.count + changed.count <= Self.maximumStreams else { return [:] }
        do throws(MediaEngineError) {
            let reserved = try service.media.reserve(changed.count, isIPv6: isIPv6, besides: legs.first?.reserved.id)
            var ports: [Int: LocalMedia] = [:]
            for (media, leg) in zip(changed, reserved) {
                logger.notice(
                    "the codec has changed: another stream begins",
                    metadata: ["mediaIndex": "\(media.index)", "codec": "\(media.codec.map(\.description) ?? "")"])
                ports[media.leg] = LocalMedia(port: leg.port, rtcpPort: leg.port + 1)
                let former = legs.filter { $0.number == media.leg }
                retired += former
                legs.removeAll { $0.number == media.leg }
                legs.append(RecordedLeg(number: media.leg, reserved: leg, following: former.last?.reserved.id))
            }
            return ports
        } catch {
            logger.error("a stream cannot follow the change of codec", metadata: ["reason": "\(error)"])
            return [:]
        }
    }

    /// More streams in one call are not opened for changes of codec.
    private static let maximumStreams = 32

    /// Ends streams that others have replaced. The sender has the answer: what it sent to the former ports before is
    /// under way no longer than this waits.
    func endRetired() async {
        guard !retired.isEmpty else { return }
        try? await ContinuousClock().sleep(for: .milliseconds(200))
        for leg in retired { await end(leg, at: MediaClock.arrival) }
    }

    /// Whether `media`, as the peer answered our offer, has a codec that the stream as it is cannot hold and another can.
    func isChanged(_ media: RecordedMedia, _ leg: RecordedLeg) -> Bool {
        policy.isStreaming && media.isActive && leg.format?.holds(media.codec) == false
            && record.legs.count < Self.maximumStreams
    }

    /// Ends a stream and begins another at the same ports. Few packets are in the wrong one: those that the peer sent
    /// between our offer and the end of this.
    func follow(_ index: Int, _ media: RecordedMedia, epoch: Int64) async {
        logger.notice(
            "the codec has changed with the answer to our offer: another stream begins",
            metadata: ["mediaIndex": "\(media.index)", "codec": "\(media.codec.map(\.description) ?? "")"])
        let former = legs[index]
        legs[index] = RecordedLeg(succeeding: former)
        let (parameters, tap) = open(index, media)
        let report = await service.media.restart(former.reserved.id, parameters, epoch: epoch, tap: tap)
        await end(former, report)
    }
}
