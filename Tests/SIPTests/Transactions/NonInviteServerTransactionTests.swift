import SIP
import Testing

@Suite("Non-INVITE server transaction")
struct NonInviteServerTransactionTests {
    private let bye = CallMessages.request(.bye, toTag: "8321234356")

    @Test("Copies are absorbed while Trying and answered with the latest response after it (RFC 3261 §17.2.2)")
    func copies() {
        var transaction = NonInviteServerTransaction(request: bye, reliable: false)
        let early = transaction.receiveCopy()
        #expect(early == nil)
        #expect(transaction.nextDeadline == nil)
        for status in [100, 200] {
            let response = CallMessages.response(status, to: bye)
            let sent = transaction.respond(response, at: CallMessages.start)
            #expect(sent == .send(response.serialized()))
            let again = transaction.receiveCopy()
            #expect(again == .send(response.serialized()))
        }
        let late = transaction.respond(CallMessages.response(500, to: bye), at: CallMessages.start)
        #expect(late == nil)
    }

    @Test("Timer J is 64·T1 over UDP and nothing over TCP (§17.2.2)", arguments: [(false, 32), (true, 0)])
    func timerJ(reliable: Bool, seconds: Int) {
        var transaction = NonInviteServerTransaction(request: bye, reliable: reliable)
        _ = transaction.respond(CallMessages.response(200, to: bye), at: CallMessages.start)
        #expect(transaction.nextDeadline == after(.seconds(seconds)))
        let early = transaction.expire(at: after(.seconds(seconds) - .nanoseconds(1)))
        #expect(early == nil)
        let end = transaction.expire(at: after(.seconds(seconds)))
        #expect(end == .terminated(.completed))
        #expect(transaction.isTerminated && transaction.nextDeadline == nil)
        let copy = transaction.receiveCopy()
        #expect(copy == nil)
    }

    @Test("A transport error ends it once (§17.2.4)")
    func transportError() {
        var transaction = NonInviteServerTransaction(request: bye, reliable: false)
        let first = transaction.transportFailed()
        let second = transaction.transportFailed()
        #expect(first == .terminated(.transportFailed))
        #expect(second == nil)
    }
}
