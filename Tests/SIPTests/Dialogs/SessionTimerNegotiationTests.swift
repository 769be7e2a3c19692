import SIP
import Testing

@Suite("Session timer negotiation")
struct SessionTimerNegotiationTests {
    /// What a server with the default policy makes of the headers of an INVITE.
    struct Case: CustomTestStringConvertible, Sendable {
        var supported: String?
        var expires: String?
        var minimum: String?
        /// `1800;refresher=uac` in the 2xx, `422`, or nil for no timer.
        var outcome: String?
        var testDescription: String {
            "Supported: \(supported ?? "-"), Session-Expires: \(expires ?? "-"), Min-SE: \(minimum ?? "-")"
        }
    }

    @Test(
        "The server takes the client's interval, lets it refresh, and asks for 90 s at least (RFC 4028 §9)",
        arguments: [
            Case(supported: "timer", expires: "1800", outcome: "1800;refresher=uac"),
            Case(supported: "100rel, Timer", expires: "1800;refresher=uac", outcome: "1800;refresher=uac"),
            Case(supported: "timer", expires: "90 ; Refresher = UAC ;x=1", outcome: "90;refresher=uac"),
            Case(supported: "timer", expires: "1800;refresher=whoever", outcome: "1800;refresher=uac"),
            Case(supported: "timer", expires: "300", minimum: "120", outcome: "300;refresher=uac"),
            Case(supported: "timer", expires: "99999999999999999999", outcome: "4294967295;refresher=uac"),
            Case(supported: "timer", expires: "89", outcome: "422"),
            Case(supported: "timer", expires: "0;refresher=uas", outcome: "422"),
            Case(supported: "timer", expires: "1800;refresher=uas", outcome: nil),
            Case(supported: "timer", expires: nil, outcome: nil),
            Case(supported: "timer", expires: "soon", outcome: nil),
            Case(supported: "timer", expires: "-5", outcome: nil),
            Case(supported: "timer", expires: ";refresher=uac", outcome: nil),
            // Table 2: a client that does not know the timer cannot be asked to refresh; 422 would tell it nothing.
            Case(supported: nil, expires: "1800", outcome: nil),
            Case(supported: "100rel", expires: "30", outcome: nil),
        ])
    func server(_ example: Case) throws {
        var invite = CallMessages.invite()
        invite.headers[.supported] = example.supported
        invite.headers[.sessionExpires] = example.expires
        invite.headers[.minSE] = example.minimum
        switch SessionTimerPolicy().negotiate(invite) {
        case .agreed(let terms):
            var response = CallMessages.response(200, to: invite)
            response.headers.append(.require, "siprec")
            terms.write(into: &response)
            #expect(response.headers[.sessionExpires] == example.outcome)
            #expect(response.headers.listValues(.require) == ["siprec", "timer"])
            #expect(!terms.weRefresh)
        case .rejected(let response):
            #expect(example.outcome == "422")
            #expect(response.status == 422 && response.headers[.minSE] == "90")
        case .unused:
            #expect(example.outcome == nil)
        }
    }

    @Test("The compact form x is read (§4)")
    func compact() throws {
        let text = String(decoding: CallMessages.invite().serialized(), as: UTF8.self)
            .replacing("Max-Forwards: 70\r\n", with: "Max-Forwards: 70\r\nk: timer\r\nx: 1800\r\n")
        guard case .request(let invite) = try SIPMessage(parsingDatagram: Array(text.utf8)) else {
            Issue.record("a request was expected")
            return
        }
        let negotiation = SessionTimerPolicy().negotiate(invite)
        #expect(negotiation == .agreed(SessionTimerTerms(interval: 1800, refresher: .uac, role: .uas)))
    }

    @Test(
        "A policy may propose an interval to a client that supports timers, not below its Min-SE (§9)",
        arguments: [
            (nil, 1800), ("3600", 3600), ("60", 1800),
        ] as [(String?, UInt32)])
    func proposal(minimum: String?, expected: UInt32) {
        var invite = CallMessages.invite(extra: [(.supported, "timer")])
        invite.headers[.minSE] = minimum
        let negotiation = SessionTimerPolicy(proposed: 1800).negotiate(invite)
        #expect(negotiation == .agreed(SessionTimerTerms(interval: expected, refresher: .uac, role: .uas)))
    }

    @Test("Our minimum may be longer than 90 s, never shorter (§5)")
    func minimum() {
        #expect(SessionTimerPolicy(minimum: 10).minimum == 90)
        let invite = CallMessages.invite(extra: [(.supported, "timer"), (.sessionExpires, "100")])
        guard case .rejected(let response) = SessionTimerPolicy(minimum: 600).negotiate(invite) else {
            Issue.record("422 was expected")
            return
        }
        #expect(response.headers[.minSE] == "600")
    }

    @Test("Require: timer is not written twice")
    func requireOnce() {
        var response = CallMessages.response(200, to: CallMessages.invite(), extra: [(.require, "Timer")])
        SessionTimerTerms(interval: 90, refresher: .uac, role: .uas).write(into: &response)
        #expect(response.headers.values(.require) == ["Timer"])
    }

    @Test(
        "The client offers, and reads who refreshes from the 2xx (§7.1, §7.2)",
        arguments: [
            ("1800;refresher=uac", 1800, true), ("600;refresher=uas", 600, false), ("600", 600, true), ("5", 90, true),
        ] as [(String, UInt32, Bool)])
    func client(answer: String, interval: UInt32, weRefresh: Bool) throws {
        var invite = CallMessages.invite()
        let offer = SessionTimerOffer(interval: 1800)
        offer.write(into: &invite)
        #expect(invite.headers[.supported] == "timer" && invite.headers[.sessionExpires] == "1800")
        #expect(invite.headers[.minSE] == nil)
        let response = CallMessages.response(200, to: invite, extra: [(.sessionExpires, answer)])
        let terms = try #require(offer.terms(in: response))
        #expect(terms.interval == interval && terms.weRefresh == weRefresh)
        #expect(offer.terms(in: CallMessages.response(200, to: invite)) == nil)
    }

    @Test("A 422 raises the client's interval once, a second with the same Min-SE ends the attempt (§7.3)")
    func raise() {
        var offer = SessionTimerOffer(interval: 90)
        var invite = CallMessages.invite()
        let small = CallMessages.response(422, to: invite, extra: [(.minSE, "1200")])
        let first = offer.raise(by: small)
        #expect(first && offer.interval == 1200)
        let second = offer.raise(by: small)
        #expect(!second)
        offer.write(into: &invite, refresher: .uac)
        #expect(invite.headers[.sessionExpires] == "1200;refresher=uac" && invite.headers[.minSE] == "1200")
        let silent = offer.raise(by: CallMessages.response(422, to: invite))
        #expect(!silent)
    }

    @Test("Server and client agree: what one writes the other reads")
    func bothEnds() throws {
        var invite = CallMessages.invite()
        let offer = SessionTimerOffer(interval: 300)
        offer.write(into: &invite)
        guard case .agreed(let served) = SessionTimerPolicy().negotiate(invite) else {
            Issue.record("an agreement was expected")
            return
        }
        var response = CallMessages.response(200, to: invite)
        served.write(into: &response)
        let placed = try #require(offer.terms(in: response))
        #expect(placed.interval == served.interval && placed.weRefresh && !served.weRefresh)
    }
}
