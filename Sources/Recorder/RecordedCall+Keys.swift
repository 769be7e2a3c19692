import Logging
import MediaEngine
import SDP
import SIP
import SIPREC
import SecureMedia
import StreamSink
import UserAgent

extension RecordedCall {
    /// Our key for each encrypted stream of an offer, by ``RecordedMedia/leg``. A stream whose offer has no usable key
    /// gets none and is refused.
    func answerKeys(_ plan: MediaPlan) -> [Int: CryptoAttribute] {
        var generator = SystemRandomNumberGenerator()
        var keys: [Int: CryptoAttribute] = [:]
        for media in plan.needsKeys {
            guard let ours = StreamKeys.answer(to: media, using: &generator) else {
                logger.warning(
                    "a stream is refused: none of its keys can be used",
                    metadata: ["mediaIndex": "\(media.index)", "reason": "\(StreamKeys.reasons(media))"])
                continue
            }
            keys[media.leg] = ours
            logger.debug("stream encrypted", metadata: ["mediaIndex": "\(media.index)", "suite": "\(ours.suite)"])
        }
        return keys
    }

    /// The same where we offer.
    func offerKeys(_ plan: MediaPlan) -> [Int: CryptoAttribute] {
        var generator = SystemRandomNumberGenerator()
        return Dictionary(
            plan.needsKeys.map { ($0.leg, StreamKeys.offer(of: $0, using: &generator)) }, uniquingKeysWith: { $1 })
    }

    /// Why a call is refused in which every stream would have to be encrypted and none can be.
    static func reasonWithoutKeys(_ plan: MediaPlan, _ keys: [Int: CryptoAttribute]) -> String? {
        guard let first = plan.needsPorts.first,
            plan.needsPorts.allSatisfy({ $0.isSecure && keys[$0.leg] == nil })
        else { return nil }
        return "no a=crypto line of the SRTP offer can be used: " + StreamKeys.reasons(first)
    }

    /// The ACK: with our offer in the 200, it has the answer, and with SRTP the sender's keys.
    func receive(ack: SIPRequest) async {
        await endRetired()
        let changes = changes(by: ack)
        if !changes.isEmpty { await apply(changes, epoch: MediaClock.arrival) }
        let started = enterNewLegs()
        if !started.isEmpty {
            service.records.saveJournal(record)
            announce(started)
        }
        // An offer of ours that was answered with nothing that can be recorded.
        guard !session.media.isEmpty, record.legs.isEmpty, policy.isStreaming,
            !session.media.contains(where: { !$0.isRemoved && StreamKeys.isUsable($0) })
        else { return }
        logger.notice("call ended: our offer was not answered with a stream that can be recorded")
        await live.end(.noUsableMedia)
    }

    /// Apart and not asynchronous: an ACK comes in every call, and the room for what is large in it would be kept.
    @inline(never)
    private func changes(by ack: SIPRequest) -> [MediaChange] { session.receiveAck(ack.sessionBody).changes }
}
