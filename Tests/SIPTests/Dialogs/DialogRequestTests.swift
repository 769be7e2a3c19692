import SIP
import Testing

@Suite("Requests inside a dialog")
struct DialogRequestTests {
    private let via = Via(transport: "UDP", host: "192.0.2.2", parameters: [Parameter("branch", "z9hG4bK1")])

    private func dialog(contact: String = "<sip:caller@192.0.2.1:5070>", routes: [String] = []) throws -> Dialog {
        var invite = CallMessages.request(.invite, cSeq: 10)
        invite.headers.append(.contact, contact)
        for route in routes { invite.headers.append(.recordRoute, route) }
        return try Dialog(serving: invite, answeredWith: CallMessages.response(200, to: invite, tag: "ours"))
    }

    @Test("From and To swap, tags stay, the sequence counts up from 1 (RFC 3261 §12.2.1.1)")
    func bye() throws {
        var dialog = try dialog()
        let bye = dialog.makeRequest(.bye, via: via)
        #expect(bye.method == .bye && bye.uri == "sip:caller@192.0.2.1:5070")
        #expect(bye.from?.tag == "ours" && bye.from?.uri == "sip:recorder@example.com")
        #expect(bye.to?.tag == "9fxced76sl" && bye.to?.uri == "sip:caller@example.com")
        #expect(bye.callID == dialog.id.callID && bye.headers[.maxForwards] == "70")
        #expect(bye.via?.branch == "z9hG4bK1")
        #expect(bye.headers[.cSeq] == "1 BYE" && bye.headers[.route] == nil)
        let again = dialog.makeRequest(.info, via: via, contentType: "text/plain", body: [0x41])
        #expect(again.headers[.cSeq] == "2 INFO" && again.body == [0x41])
        #expect(again.headers[.contentType] == "text/plain")
    }

    @Test("Through loose routers the Request-URI is the target and Route the whole set (§12.2.1.1)")
    func looseRouting() throws {
        var dialog = try dialog(routes: ["<sip:p1.example;lr>", "<sip:p2.example;lr>;x=1"])
        let request = dialog.makeRequest(.update, via: via, contact: NameAddress(uri: "sip:me@192.0.2.2"))
        #expect(request.uri == "sip:caller@192.0.2.1:5070")
        #expect(request.headers.values(.route) == ["<sip:p1.example;lr>", "<sip:p2.example;lr>;x=1"])
        #expect(request.headers[.contact] == "<sip:me@192.0.2.2>")
        #expect(dialog.nextHop.host == "p1.example")
    }

    @Test("A strict router is the Request-URI and the target the last Route (§12.2.1.1)")
    func strictRouting() throws {
        var dialog = try dialog(routes: ["<sip:p1.example;method=INVITE;x=1?h=1>", "<sip:p2.example;lr>"])
        let request = dialog.makeRequest(.bye, via: via)
        #expect(request.uri == "sip:p1.example;x=1")
        #expect(request.headers.values(.route) == ["<sip:p2.example;lr>", "<sip:caller@192.0.2.1:5070>"])
        #expect(dialog.nextHop.host == "p1.example")
    }

    @Test("What a Request-URI may not hold is taken off a Contact (§19.1.1, table 1)")
    func contactClean() throws {
        var dialog = try dialog(contact: "<sip:a@192.0.2.9;method=BYE;transport=tcp?Subject=x>;expires=5")
        #expect(dialog.makeRequest(.bye, via: via).uri == "sip:a@192.0.2.9;transport=tcp")
    }

    @Test("The ACK of a 2xx has the INVITE's number and credentials, the dialog's route (§13.2.2.4)")
    func acknowledgement() throws {
        let invite = CallMessages.invite(cSeq: 7, extra: [(.authorization, "Digest username=\"a\"")])
        let success = CallMessages.response(
            200, to: invite, tag: "theirs",
            extra: [
                (.contact, "<sip:srs@198.51.100.7>"), (.recordRoute, "<sip:p1.example;lr>"),
            ])
        let dialog = try Dialog(placing: invite, answeredBy: success)
        let ack = dialog.makeAcknowledgement(of: invite, via: via)
        #expect(ack.method == .ack && ack.uri == "sip:srs@198.51.100.7")
        #expect(ack.headers[.cSeq] == "7 ACK" && ack.headers[.authorization] == "Digest username=\"a\"")
        #expect(ack.headers.values(.route) == ["<sip:p1.example;lr>"])
        #expect(ack.to?.tag == "theirs" && ack.via?.branch == "z9hG4bK1")
        #expect(dialog.localSequence == 7)
    }

    @Test("Parameters of the first From other than the tag are not repeated (§12.2.1.1)")
    func fromParameters() throws {
        var invite = CallMessages.invite()
        invite.headers[.from] = "\"Desk, 1\" <sip:c@example.com>;x-nearend;tag=t1;x-refci=5"
        var dialog = try Dialog(serving: invite, answeredWith: CallMessages.response(200, to: invite))
        #expect(dialog.makeRequest(.bye, via: via).headers[.to] == "\"Desk, 1\" <sip:c@example.com>;tag=t1")
    }

    @Test(
        "481 and 408 end the dialog, so does no answer at all (§12.2.1.2, RFC 5057 §5.1)",
        arguments: [
            (481, true), (408, true), (404, true), (480, true), (488, false), (491, false), (500, false), (401, false),
            (483, false), (503, false),
        ])
    func fatalAnswers(status: Int, ends: Bool) throws {
        var dialog = try dialog()
        let request = dialog.makeRequest(.info, via: via)
        dialog.received(CallMessages.response(status, to: request), to: request)
        #expect(dialog.state == (ends ? .terminated : .confirmed))
        dialog.requestFailed(request)
        #expect(dialog.state == .terminated)
    }

    @Test(
        "BYE ends the dialog whatever the answer but a challenge (§15.1.1)",
        arguments: [
            (200, true), (500, true), (401, false), (407, false), (100, false),
        ])
    func byeAnswers(status: Int, ends: Bool) throws {
        var dialog = try dialog()
        let bye = dialog.makeRequest(.bye, via: via)
        dialog.received(CallMessages.response(status, to: bye), to: bye)
        #expect(dialog.state == (ends ? .terminated : .confirmed))
    }

    @Test("A 481 to a CANCEL says nothing about the dialog (§9.2)")
    func cancelAnswer() throws {
        var dialog = try dialog()
        let cancel = SIPRequest.cancelling(dialog.makeRequest(.invite, via: via))
        dialog.received(CallMessages.response(481, to: cancel), to: cancel)
        dialog.requestFailed(cancel)
        #expect(dialog.state == .confirmed)
    }

    @Test(
        "The 2xx of our re-INVITE or UPDATE moves the target, others do not (§12.2.1.2, RFC 3311)",
        arguments: [
            (SIPMethod.invite, true), (.update, true), (.info, false),
        ])
    func targetRefreshAsClient(method: SIPMethod, moves: Bool) throws {
        var dialog = try dialog(routes: ["<sip:p1.example;lr>"])
        let request = dialog.makeRequest(method, via: via)
        let extra: [(HeaderName, String)] = [(.contact, "<sip:new@192.0.2.99>"), (.recordRoute, "<sip:p7.example;lr>")]
        dialog.received(CallMessages.response(200, to: request, extra: extra), to: request)
        #expect(dialog.remoteTarget.host == (moves ? "192.0.2.99" : "192.0.2.1"))
        // §12.2: "the route set is not modified" by requests inside the dialog.
        #expect(dialog.routeSet.values == ["<sip:p1.example;lr>"])
    }
}
