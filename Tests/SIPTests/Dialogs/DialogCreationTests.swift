import SIP
import Testing

@Suite("Dialog creation")
struct DialogCreationTests {
    private let routes: [(HeaderName, String)] = [
        (.recordRoute, "<sip:p3.example;lr>, <sip:p2.example;lr>"), (.recordRoute, "<sip:p1.example;lr>"),
    ]

    @Test("A server's dialog takes tags, routes, target and sequence from the INVITE (RFC 3261 §12.1.1)")
    func server() throws {
        let invite = CallMessages.invite(cSeq: 42, extra: routes)
        let response = CallMessages.response(200, to: invite, tag: "ours")
        let dialog = try Dialog(serving: invite, answeredWith: response)
        #expect(
            dialog.id == DialogID(callID: "3848276298220188511@192.0.2.1", localTag: "ours", remoteTag: "9fxced76sl"))
        #expect(dialog.role == .server && dialog.state == .confirmed && !dialog.isSecure)
        #expect(dialog.remoteSequence == 42 && dialog.localSequence == nil)
        #expect(dialog.remoteTarget.description == "sip:caller@192.0.2.1:5070")
        #expect(dialog.routeSet.values == ["<sip:p3.example;lr>", "<sip:p2.example;lr>", "<sip:p1.example;lr>"])
        #expect(dialog.nextHop.host == "p3.example")
    }

    @Test("A client's dialog takes the routes of the answer in reverse (§12.1.2)")
    func client() throws {
        let invite = CallMessages.invite(cSeq: 42)
        let extra = routes + [(.contact, "<sip:srs@198.51.100.7;transport=tcp>;+sip.srs")]
        let response = CallMessages.response(200, to: invite, tag: "theirs", extra: extra)
        let dialog = try Dialog(placing: invite, answeredBy: response)
        #expect(dialog.id == DialogID(receivedResponse: response))
        #expect(dialog.id.localTag == "9fxced76sl" && dialog.id.remoteTag == "theirs")
        #expect(dialog.localSequence == 42 && dialog.remoteSequence == nil)
        #expect(dialog.routeSet.values == ["<sip:p1.example;lr>", "<sip:p2.example;lr>", "<sip:p3.example;lr>"])
        #expect(dialog.nextHop.host == "p1.example")
        #expect(dialog.remoteTarget.description == "sip:srs@198.51.100.7;transport=tcp")
    }

    @Test("A provisional response with a tag makes an early dialog, the 2xx confirms it (§12.1)")
    func earlyServer() throws {
        let invite = CallMessages.invite()
        var dialog = try Dialog(serving: invite, answeredWith: CallMessages.response(180, to: invite))
        #expect(dialog.state == .early)
        dialog.answered(invite, with: CallMessages.response(200, to: invite))
        #expect(dialog.state == .confirmed)
    }

    @Test("A client computes the routes anew from the 2xx of its early dialog (§13.2.2.4)")
    func earlyClient() throws {
        let invite = CallMessages.invite()
        let contact: (HeaderName, String) = (.contact, "<sip:a@192.0.2.7>")
        let ringing = CallMessages.response(180, to: invite, extra: routes + [contact])
        var dialog = try Dialog(placing: invite, answeredBy: ringing)
        #expect(dialog.state == .early && dialog.routeSet.values.count == 3)
        let success = CallMessages.response(
            200, to: invite, extra: [(.recordRoute, "<sip:p9.example;lr>"), (.contact, "<sip:b@192.0.2.8>")])
        dialog.received(success, to: invite)
        #expect(dialog.state == .confirmed)
        #expect(dialog.routeSet.values == ["<sip:p9.example;lr>"])
        #expect(dialog.remoteTarget.host == "192.0.2.8")
    }

    @Test("A rejected INVITE ends its early dialog, at both ends (§12.3)")
    func earlyEnds() throws {
        let invite = CallMessages.invite()
        let ringing = CallMessages.response(180, to: invite, extra: [(.contact, "<sip:a@192.0.2.7>")])
        var client = try Dialog(placing: invite, answeredBy: ringing)
        var server = try Dialog(serving: invite, answeredWith: ringing)
        client.received(CallMessages.response(486, to: invite), to: invite)
        server.answered(invite, with: CallMessages.response(486, to: invite))
        #expect(client.state == .terminated && server.state == .terminated)
    }

    @Test("A peer without From tag has the null tag, and none is written to it (§12.1.1)")
    func noRemoteTag() throws {
        var invite = CallMessages.invite()
        invite.headers[.from] = "<sip:old@example.com>"
        var dialog = try Dialog(serving: invite, answeredWith: CallMessages.response(200, to: invite, tag: "ours"))
        #expect(dialog.id.remoteTag.isEmpty)
        let bye = dialog.makeRequest(.bye, via: Via(transport: "UDP", host: "192.0.2.2"))
        #expect(bye.headers[.to] == "<sip:old@example.com>")
    }

    @Test("A sips Request-URI makes a secure dialog (§12.1.1)")
    func secure() throws {
        var invite = CallMessages.invite()
        invite.uri = "sips:recorder@192.0.2.2"
        #expect(try Dialog(serving: invite, answeredWith: CallMessages.response(200, to: invite)).isSecure)
    }

    @Test(
        "What cannot make a dialog says why",
        arguments: [
            ("Contact", "", DialogError.missingHeader("Contact"), "no readable Contact header"),
            ("Contact", "<tel:+1234>", .unusableContact("<tel:+1234>"), "is not a SIP URI; put sip:host in it"),
            ("From", "", .missingHeader("From"), "no readable From header"),
            ("Call-ID", "", .missingHeader("Call-ID"), "no readable Call-ID header"),
            ("CSeq", "", .missingHeader("CSeq"), "no readable CSeq header"),
            ("Record-Route", "<tel:1>", .unusableRoute("<tel:1>"), "is not a SIP URI in angle brackets"),
        ])
    func unusable(name: String, value: String, expected: DialogError, words: String) {
        var invite = CallMessages.invite()
        let response = CallMessages.response(200, to: invite)
        invite.headers[HeaderName(name)] = value.isEmpty ? nil : value
        #expect(throws: expected) { try Dialog(serving: invite, answeredWith: response) }
        #expect(expected.description.contains(words))
    }

    @Test("100 and final rejections make no dialog, nor does our response without tag (§12.1)")
    func notCreating() {
        let invite = CallMessages.invite()
        for status in [100, 302, 486] {
            #expect(throws: DialogError.notDialogCreating(status: status)) {
                try Dialog(serving: invite, answeredWith: CallMessages.response(status, to: invite))
            }
        }
        #expect(throws: DialogError.missingLocalTag) { try Dialog(serving: invite, answeredWith: invite.response(200)) }
        #expect(throws: DialogError.missingHeader("To (tag)")) {
            try Dialog(placing: invite, answeredBy: invite.response(180))
        }
    }

    @Test("More Record-Route values than a path can have are refused")
    func routeBound() throws {
        let line = Array(repeating: "<sip:p.example;lr>", count: RouteSet.maximumCount).joined(separator: ",")
        let full = CallMessages.invite(extra: [(.recordRoute, line)])
        #expect(
            try Dialog(serving: full, answeredWith: CallMessages.response(200, to: full)).routeSet.values.count == 70)
        let over = CallMessages.invite(extra: [(.recordRoute, line), (.recordRoute, "<sip:p.example;lr>")])
        #expect(throws: DialogError.tooManyRoutes(count: 71)) {
            try Dialog(serving: over, answeredWith: CallMessages.response(200, to: over))
        }
    }
}
