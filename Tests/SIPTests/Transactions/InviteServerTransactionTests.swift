import SIP
import Testing

@Suite("INVITE server transaction")
struct InviteServerTransactionTests {
    private let invite = CallMessages.invite()

    private func transaction(reliable: Bool = false) -> InviteServerTransaction {
        InviteServerTransaction(request: invite, reliable: reliable, at: CallMessages.start)
    }

    /// Lets virtual time run; the times of everything sent, and how it ended.
    private func run(_ transaction: inout InviteServerTransaction) -> (
        sent: [Duration], end: Duration?, TransactionEnd?
    ) {
        var sent: [Duration] = []
        for _ in 0..<100 {
            guard let deadline = transaction.nextDeadline else { break }
            switch transaction.expire(at: deadline) {
            case .send: sent.append(deadline.elapsed)
            case .terminated(let reason): return (sent, deadline.elapsed, reason)
            case .deliver, nil: break
            }
        }
        return (sent, nil, nil)
    }

    @Test("100 Trying is sent by itself after 200 ms without an answer, once (RFC 3261 §17.2.1)")
    func trying() throws {
        var transaction = transaction()
        #expect(transaction.nextDeadline == after(.milliseconds(200)))
        let early = transaction.expire(at: after(.milliseconds(199)))
        #expect(early == nil)
        let action = transaction.expire(at: after(.milliseconds(200)))
        #expect(action == .send(invite.response(100).serialized()))
        #expect(transaction.nextDeadline == nil)
    }

    @Test("An answer within 200 ms makes 100 Trying needless (§17.2.1)")
    func noTrying() {
        var transaction = transaction()
        let ringing = CallMessages.response(180, to: invite)
        let action = transaction.respond(ringing, at: after(.milliseconds(10)))
        #expect(action == .send(ringing.serialized()))
        #expect(transaction.nextDeadline == nil)
        #expect(transaction.isProceeding == true)
    }

    @Test("A copy of the INVITE gets the latest provisional response again, or 100 (§17.2.1)")
    func retransmittedInvite() {
        var transaction = transaction()
        let first = transaction.receive(invite, at: after(.milliseconds(50)))
        #expect(first == .send(invite.response(100).serialized()))
        let ringing = CallMessages.response(180, to: invite)
        let sent = transaction.respond(ringing, at: after(.milliseconds(60)))
        #expect(sent == .send(ringing.serialized()))
        let second = transaction.receive(invite, at: after(.milliseconds(70)))
        #expect(second == .send(ringing.serialized()))
    }

    @Test("Timer G doubles from T1 up to T2, Timer H ends the wait for the ACK (§17.2.1)")
    func timersGAndH() {
        var transaction = transaction()
        _ = transaction.respond(CallMessages.response(486, to: invite), at: CallMessages.start)
        let (sent, end, reason) = run(&transaction)
        #expect(sent == milliseconds(500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500))
        #expect(end == .seconds(32))
        #expect(reason == .acknowledgementTimedOut)
        #expect(transaction.isTerminated == true)
    }

    @Test("Over a reliable transport nothing is sent again, but Timer H still runs (§17.2.1)")
    func reliable() {
        var transaction = transaction(reliable: true)
        _ = transaction.respond(CallMessages.response(486, to: invite), at: CallMessages.start)
        let (sent, end, reason) = run(&transaction)
        #expect(sent.isEmpty && end == .seconds(32) && reason == .acknowledgementTimedOut)
    }

    @Test(
        "The ACK stops Timer G; Timer I absorbs its copies for T4, or not at all over TCP (§17.2.1)",
        arguments: [
            (false, 6000), (true, 1000),
        ])
    func confirmed(reliable: Bool, ends: Int) {
        var transaction = transaction(reliable: reliable)
        let busy = CallMessages.response(486, to: invite)
        _ = transaction.respond(busy, at: CallMessages.start)
        let acknowledgement = SIPRequest.acknowledging(busy, to: invite)
        for _ in 0..<2 {
            let action = transaction.receive(acknowledgement, at: after(.seconds(1)))
            #expect(action == nil)
        }
        let copy = transaction.receive(invite, at: after(.seconds(1)))
        #expect(copy == nil)
        let (sent, end, reason) = run(&transaction)
        #expect(sent.isEmpty && end == .milliseconds(ends) && reason == .completed)
    }

    @Test("A copy of the INVITE after a non-2xx response gets it again (§17.2.1)")
    func completedCopy() {
        var transaction = transaction()
        let busy = CallMessages.response(486, to: invite)
        _ = transaction.respond(busy, at: CallMessages.start)
        let action = transaction.receive(invite, at: after(.milliseconds(100)))
        #expect(action == .send(busy.serialized()))
        let late = transaction.respond(CallMessages.response(200, to: invite), at: after(.milliseconds(200)))
        #expect(late == nil)
    }

    @Test(
        "After 2xx, copies of the INVITE are absorbed until Timer L, on any transport (RFC 6026 §7.1)",
        arguments: [
            false, true,
        ])
    func accepted(reliable: Bool) {
        var transaction = transaction(reliable: reliable)
        let success = CallMessages.response(200, to: invite)
        let sent = transaction.respond(success, at: CallMessages.start)
        #expect(sent == .send(success.serialized()))
        #expect(transaction.isProceeding == false)
        let copy = transaction.receive(invite, at: after(.milliseconds(500)))
        #expect(copy == nil)
        let again = transaction.respond(success, at: after(.milliseconds(500)))
        #expect(again == .send(success.serialized()))
        let wrong = transaction.respond(CallMessages.response(500, to: invite), at: after(.milliseconds(500)))
        #expect(wrong == nil)
        let (copies, end, reason) = run(&transaction)
        #expect(copies.isEmpty && end == .seconds(32) && reason == .completed)
    }

    @Test("An ACK in Accepted, from an RFC 2543 client, goes to the transaction user (RFC 6026 §7.1)")
    func acceptedAcknowledgement() {
        var transaction = transaction()
        _ = transaction.respond(CallMessages.response(200, to: invite), at: CallMessages.start)
        let acknowledgement = CallMessages.request(.ack)
        let action = transaction.receive(acknowledgement, at: after(.seconds(1)))
        #expect(action == .deliver(acknowledgement))
    }

    @Test(
        "A transport error ends Proceeding and Completed, not Accepted (§17.2.4, RFC 6026 §7.1)",
        arguments: [
            (180, true), (486, true), (200, false),
        ])
    func transportError(status: Int, ends: Bool) {
        var transaction = transaction()
        _ = transaction.respond(CallMessages.response(status, to: invite), at: CallMessages.start)
        let action = transaction.transportFailed()
        #expect(action == (ends ? .terminated(.transportFailed) : nil))
        #expect(transaction.isTerminated == ends)
    }
}
