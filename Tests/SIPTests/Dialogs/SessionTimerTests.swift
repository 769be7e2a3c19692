import SIP
import Testing

@Suite("Session timer")
struct SessionTimerTests {
    private let serving = SessionTimerTerms(interval: 1800, refresher: .uac, role: .uas)

    @Test(
        "Without a refresh the server ends the session min(32 s, a third) before its end (RFC 4028 §10)",
        arguments: [
            (1800, 1768), (90, 60), (96, 64), (99, 67),
        ])
    func expiry(interval: UInt32, expected: Int) {
        var timer = SessionTimer()
        timer.restart(SessionTimerTerms(interval: interval, refresher: .uac, role: .uas), at: CallMessages.start)
        #expect(timer.nextDeadline == after(.seconds(expected)))
        let early = timer.expire(at: after(.seconds(expected) - .nanoseconds(1)))
        #expect(early == nil)
        let end = timer.expire(at: after(.seconds(expected)))
        #expect(end == .expired)
        #expect(timer.nextDeadline == nil)
    }

    @Test("Every accepted re-INVITE or UPDATE starts the interval anew, with its own terms (§7.4)")
    func restart() {
        var timer = SessionTimer()
        timer.restart(serving, at: CallMessages.start)
        timer.restart(SessionTimerTerms(interval: 600, refresher: .uac, role: .uas), at: after(.seconds(900)))
        #expect(timer.nextDeadline == after(.seconds(900 + 568)))
        #expect(timer.terms?.interval == 600)
    }

    @Test("A 2xx without Session-Expires ends the timer (§7.2)")
    func turnedOff() {
        var timer = SessionTimer()
        #expect(timer.nextDeadline == nil)
        timer.restart(serving, at: CallMessages.start)
        timer.restart(nil, at: after(.seconds(1)))
        #expect(timer.nextDeadline == nil && timer.terms == nil)
        let nothing = timer.expire(at: after(.seconds(5000)))
        #expect(nothing == nil)
    }

    @Test("The refresher refreshes after half of the interval and gives up at its end (§7.2, §10)")
    func refresher() {
        var timer = SessionTimer()
        timer.restart(SessionTimerTerms(interval: 91, refresher: .uac, role: .uac), at: CallMessages.start)
        #expect(timer.nextDeadline == after(.milliseconds(45_500)))
        let refresh = timer.expire(at: after(.milliseconds(45_500)))
        #expect(refresh == .refresh)
        #expect(timer.nextDeadline == after(.seconds(91)))
        let end = timer.expire(at: after(.seconds(91)))
        #expect(end == .expired)
    }

    @Test("A driver that slept past the end hears that the session expired, not that it should refresh")
    func late() {
        var timer = SessionTimer()
        timer.restart(SessionTimerTerms(interval: 90, refresher: .uac, role: .uac), at: CallMessages.start)
        let action = timer.expire(at: after(.seconds(500)))
        #expect(action == .expired)
    }

    @Test("The longest interval that can be written does not overflow")
    func longest() {
        var timer = SessionTimer()
        timer.restart(SessionTimerTerms(interval: .max, refresher: .uac, role: .uas), at: CallMessages.start)
        #expect(timer.nextDeadline == after(.seconds(Int64(UInt32.max) - 32)))
    }
}
