import SIP
import Testing

@Suite("INVITE client transaction")
struct InviteClientTransactionTests {
    private let invite = CallMessages.invite(extra: [
        (.route, "<sip:p1.example;lr>"), (.route, "<sip:p2.example;lr>"), (.require, "siprec"),
        (.proxyAuthorization, "Digest username=\"a\""),
    ])

    private func transaction(reliable: Bool = false) -> InviteClientTransaction {
        InviteClientTransaction(request: invite, reliable: reliable, at: CallMessages.start)
    }

    private func run(_ transaction: inout InviteClientTransaction) -> (
        sent: [Duration], end: Duration?, TransactionEnd?
    ) {
        var sent: [Duration] = []
        for _ in 0..<100 {
            guard let deadline = transaction.nextDeadline else { break }
            switch transaction.expire(at: deadline) {
            case .send(let bytes):
                #expect(bytes == transaction.initialRequest)
                sent.append(deadline.elapsed)
            case .terminated(let reason): return (sent, deadline.elapsed, reason)
            case .deliver, .acknowledge, .deliverAndCancel, nil: break
            }
        }
        return (sent, nil, nil)
    }

    @Test("Timer A doubles without limit, seven INVITEs in all, until Timer B (RFC 3261 §17.1.1.2)")
    func timersAAndB() {
        var transaction = transaction()
        let (sent, end, reason) = run(&transaction)
        #expect(sent == milliseconds(500, 1500, 3500, 7500, 15500, 31500))
        #expect(end == .seconds(32) && reason == .timedOut)
    }

    @Test("Over a reliable transport the INVITE is sent once and Timer B runs (§17.1.1.2)")
    func reliable() {
        var transaction = transaction(reliable: true)
        let (sent, end, reason) = run(&transaction)
        #expect(sent.isEmpty && end == .seconds(32) && reason == .timedOut)
    }

    @Test("A provisional response stops all timers and is handed up, as every later one (§17.1.1.2)")
    func proceeding() {
        var transaction = transaction()
        for status in [100, 180, 183] {
            let response = CallMessages.response(status, to: invite)
            let action = transaction.receive(response, at: after(.seconds(1)))
            #expect(action == .deliver(response))
            #expect(transaction.nextDeadline == nil)
        }
    }

    @Test(
        "A non-2xx answer is acknowledged, again for each copy, until Timer D (§17.1.1.2)",
        arguments: [
            (false, 33), (true, 1),
        ])
    func completed(reliable: Bool, ends: Int) {
        var transaction = transaction(reliable: reliable)
        let busy = CallMessages.response(486, to: invite)
        let acknowledgement = SIPRequest.acknowledging(busy, to: invite).serialized()
        let first = transaction.receive(busy, at: after(.seconds(1)))
        #expect(first == .acknowledge(acknowledgement, delivering: busy))
        let copy = transaction.receive(busy, at: after(.seconds(1)))
        #expect(copy == .send(acknowledgement))
        for status in [180, 200] {
            let stray = transaction.receive(CallMessages.response(status, to: invite), at: after(.seconds(1)))
            #expect(stray == nil)
        }
        let (sent, end, reason) = run(&transaction)
        #expect(sent.isEmpty && end == .seconds(ends) && reason == .completed)
    }

    @Test("Every 2xx goes up until Timer M, other answers do not (RFC 6026 §7.2)", arguments: [false, true])
    func accepted(reliable: Bool) {
        var transaction = transaction(reliable: reliable)
        for tag in ["one", "one", "other-fork"] {
            let success = CallMessages.response(200, to: invite, tag: tag)
            let action = transaction.receive(success, at: after(.seconds(1)))
            #expect(action == .deliver(success))
        }
        let stray = transaction.receive(CallMessages.response(486, to: invite), at: after(.seconds(2)))
        #expect(stray == nil)
        let failed = transaction.transportFailed()
        #expect(failed == nil)
        let (sent, end, reason) = run(&transaction)
        #expect(sent.isEmpty && end == .seconds(33) && reason == .completed)
    }

    @Test("The ACK of a non-2xx repeats URI, From, Call-ID, CSeq number, Route and one Via (§17.1.1.3, §22.1)")
    func acknowledgement() {
        var forked = invite
        forked.headers[.via] = "SIP/2.0/UDP a.example;branch=z9hG4bK1, SIP/2.0/UDP b.example;branch=z9hG4bK2"
        let ack = SIPRequest.acknowledging(CallMessages.response(486, to: forked, tag: "callee"), to: forked)
        #expect(ack.method == .ack && ack.uri == forked.uri)
        #expect(ack.headers.values(.via) == ["SIP/2.0/UDP a.example;branch=z9hG4bK1"])
        #expect(ack.headers.values(.route) == ["<sip:p1.example;lr>", "<sip:p2.example;lr>"])
        #expect(ack.headers[.from] == forked.headers[.from])
        #expect(ack.to?.tag == "callee")
        #expect(ack.callID == forked.callID)
        #expect(ack.headers[.cSeq] == "1 ACK")
        #expect(ack.headers[.proxyAuthorization] == "Digest username=\"a\"")
        #expect(ack.headers[.require] == nil && ack.headers[.contact] == nil && ack.body.isEmpty)
    }

    @Test("A CANCEL repeats the INVITE's place and names no extension (§9.1)")
    func cancelRequest() {
        let cancel = SIPRequest.cancelling(invite)
        #expect(cancel.method == .cancel && cancel.uri == invite.uri)
        #expect(cancel.headers.values(.via) == invite.headers.values(.via))
        #expect(cancel.headers.values(.route) == invite.headers.values(.route))
        #expect(cancel.headers[.to] == invite.headers[.to] && cancel.headers[.from] == invite.headers[.from])
        #expect(cancel.headers[.cSeq] == "1 CANCEL")
        #expect(cancel.headers[.require] == nil && cancel.headers[.proxyAuthorization] == nil)
    }

    @Test("No CANCEL goes out before a provisional response has come (§9.1)")
    func cancelEarly() {
        var transaction = transaction()
        let decision = transaction.cancel(at: after(.milliseconds(10)))
        #expect(decision == .afterProvisional)
        let trying = CallMessages.response(100, to: invite)
        let action = transaction.receive(trying, at: after(.milliseconds(20)))
        #expect(action == .deliverAndCancel(trying, cancel: .cancelling(invite)))
        #expect(transaction.nextDeadline == after(.milliseconds(32_020)))
    }

    @Test("A cancelled INVITE that stays unanswered for 64·T1 counts as ended (§9.1)")
    func cancelUnanswered() {
        var transaction = transaction()
        _ = transaction.receive(CallMessages.response(180, to: invite), at: after(.seconds(1)))
        let decision = transaction.cancel(at: after(.seconds(2)))
        #expect(decision == .send(.cancelling(invite)))
        let (sent, end, reason) = run(&transaction)
        #expect(sent.isEmpty && end == .seconds(34) && reason == .timedOut)
    }

    @Test("A CANCEL after the final answer is too late (§9.1)", arguments: [200, 486])
    func cancelLate(status: Int) {
        var transaction = transaction()
        _ = transaction.receive(CallMessages.response(status, to: invite), at: after(.seconds(1)))
        let decision = transaction.cancel(at: after(.seconds(2)))
        #expect(decision == .tooLate)
    }

    @Test("A transport error while calling ends it (§17.1.4)")
    func transportError() {
        var transaction = transaction()
        let action = transaction.transportFailed()
        #expect(action == .terminated(.transportFailed))
        let late = transaction.receive(CallMessages.response(200, to: invite), at: after(.seconds(1)))
        #expect(late == nil)
    }

    @Test("A driver that slept sends one copy, not a burst (§17.1.1.2)")
    func lateDriver() {
        var transaction = transaction()
        let first = transaction.expire(at: after(.seconds(10)))
        #expect(first == .send(transaction.initialRequest))
        let second = transaction.expire(at: after(.seconds(10)))
        #expect(second == nil)
        #expect(transaction.nextDeadline == after(.seconds(11)))
    }
}
