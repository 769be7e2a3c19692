import SIP
import Testing

@Suite("Accepted INVITE")
struct AcceptedInviteTests {
    private let success = CallMessages.response(200, to: CallMessages.invite(cSeq: 3))

    @Test("The 2xx is repeated from T1 doubling to T2 and given up after 64·T1 (RFC 3261 §13.3.1.4)")
    func retransmission() {
        var accepted = AcceptedInvite(response: success, at: CallMessages.start)
        var sent: [Duration] = []
        var end: Duration?
        while let deadline = accepted.nextDeadline, sent.count < 100 {
            switch accepted.expire(at: deadline) {
            case .send(let bytes):
                #expect(bytes == success.serialized())
                sent.append(deadline.elapsed)
            case .gaveUp: end = deadline.elapsed
            case .acknowledged, nil: Issue.record("nothing was due at \(deadline.elapsed)")
            }
        }
        #expect(sent == milliseconds(500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500))
        #expect(end == .seconds(32))
    }

    @Test("Only the ACK with the INVITE's number stops it, and only once (§13.3.1.4)")
    func acknowledgement() {
        var accepted = AcceptedInvite(response: success, at: CallMessages.start)
        let other = accepted.receive(CallMessages.request(.ack, cSeq: 2))
        #expect(other == nil)
        let acknowledgement = CallMessages.request(.ack, cSeq: 3)
        let right = accepted.receive(acknowledgement)
        #expect(right == .acknowledged(acknowledgement))
        let copy = accepted.receive(acknowledgement)
        #expect(copy == nil)
        #expect(accepted.nextDeadline == nil)
        let late = accepted.expire(at: after(.seconds(40)))
        #expect(late == nil)
    }
}
