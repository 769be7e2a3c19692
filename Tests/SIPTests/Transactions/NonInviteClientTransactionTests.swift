import SIP
import Testing

@Suite("Non-INVITE client transaction")
struct NonInviteClientTransactionTests {
    private let options = CallMessages.request(.options)

    private func transaction(reliable: Bool = false) -> NonInviteClientTransaction {
        NonInviteClientTransaction(request: options, reliable: reliable, at: CallMessages.start)
    }

    private func run(_ transaction: inout NonInviteClientTransaction) -> (
        sent: [Duration], end: Duration?, TransactionEnd?
    ) {
        var sent: [Duration] = []
        for _ in 0..<100 {
            guard let deadline = transaction.nextDeadline else { break }
            switch transaction.expire(at: deadline) {
            case .send: sent.append(deadline.elapsed)
            case .terminated(let reason): return (sent, deadline.elapsed, reason)
            case .deliver, .acknowledge, .deliverAndCancel, nil: break
            }
        }
        return (sent, nil, nil)
    }

    @Test("Timer E doubles from T1 up to T2, eleven requests in all, until Timer F (RFC 3261 §17.1.2.2)")
    func timersEAndF() {
        var transaction = transaction()
        let (sent, end, reason) = run(&transaction)
        #expect(sent == milliseconds(500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500))
        #expect(end == .seconds(32) && reason == .timedOut)
    }

    @Test("After a provisional response the request goes on every T2, and Timer F still ends it (§17.1.2.2)")
    func proceeding() {
        var transaction = transaction()
        let trying = CallMessages.response(100, to: options)
        let action = transaction.receive(trying, at: after(.milliseconds(100)))
        #expect(action == .deliver(trying))
        let (sent, end, reason) = run(&transaction)
        #expect(sent == milliseconds(500, 4500, 8500, 12500, 16500, 20500, 24500, 28500))
        #expect(end == .seconds(32) && reason == .timedOut)
    }

    @Test("Over a reliable transport only Timer F runs (§17.1.2.2)")
    func reliable() {
        var transaction = transaction(reliable: true)
        let (sent, end, reason) = run(&transaction)
        #expect(sent.isEmpty && end == .seconds(32) && reason == .timedOut)
    }

    @Test(
        "A final response goes up once; Timer K absorbs copies for T4, or not at all over TCP (§17.1.2.2)",
        arguments: [
            (false, 6), (true, 1),
        ])
    func completed(reliable: Bool, ends: Int) {
        var transaction = transaction(reliable: reliable)
        let response = CallMessages.response(200, to: options)
        let first = transaction.receive(response, at: after(.seconds(1)))
        #expect(first == .deliver(response))
        let copy = transaction.receive(response, at: after(.seconds(1)))
        #expect(copy == nil)
        let (sent, end, reason) = run(&transaction)
        #expect(sent.isEmpty && end == .seconds(ends) && reason == .completed)
    }

    @Test("Timers follow the T1, T2 and T4 they are given (§17, table 4)")
    func otherTimers() {
        let timers = TransactionTimers(t1: .milliseconds(100), t2: .milliseconds(300), t4: .seconds(1))
        var transaction = NonInviteClientTransaction(
            request: options, reliable: false, timers: timers, at: CallMessages.start)
        let (sent, end, _) = run(&transaction)
        #expect(sent.prefix(4) == [.milliseconds(100), .milliseconds(300), .milliseconds(600), .milliseconds(900)])
        #expect(end == .milliseconds(6400))
    }

    @Test("A transport error ends it while it waits (§17.1.4)")
    func transportError() {
        var transaction = transaction()
        let action = transaction.transportFailed()
        #expect(action == .terminated(.transportFailed))
        #expect(transaction.isTerminated == true)
    }
}
