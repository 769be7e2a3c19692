import SIP
import Testing

@Suite("Requests received inside a dialog")
struct DialogReceivingTests {
    private let via = Via(transport: "UDP", host: "192.0.2.2", parameters: [Parameter("branch", "z9hG4bK1")])

    private func dialog() throws -> Dialog {
        let invite = CallMessages.invite(cSeq: 10)
        return try Dialog(serving: invite, answeredWith: CallMessages.response(200, to: invite, tag: "ours"))
    }

    private func receive(_ request: SIPRequest, in dialog: inout Dialog) -> Dialog.Verdict {
        var generator = WeatherGenerator(seed: 1)
        return dialog.receive(request, using: &generator)
    }

    private func request(_ method: SIPMethod, _ cSeq: UInt32, contact: String? = nil) -> SIPRequest {
        CallMessages.request(method, cSeq: cSeq, toTag: "ours", extra: contact.map { [(.contact, $0)] } ?? [])
    }

    @Test("A request finds its dialog by Call-ID and both tags (RFC 3261 §12.2.2)")
    func matching() throws {
        let dialog = try dialog()
        #expect(DialogID(receivedRequest: request(.bye, 11)) == dialog.id)
        #expect(DialogID(receivedRequest: CallMessages.request(.bye)) == nil)
        #expect(DialogID(receivedRequest: CallMessages.request(.bye, toTag: "other")) != dialog.id)
    }

    @Test("A lower CSeq is answered 500 and changes nothing, a higher one may skip (§12.2.2)")
    func order() throws {
        var dialog = try dialog()
        let skipping = receive(request(.info, 15), in: &dialog)
        #expect(skipping == .handle)
        let lower = receive(request(.info, 14), in: &dialog)
        guard case .reject(let response) = lower else { throw Failure.unexpected("\(lower)") }
        #expect(response.status == 500 && response.reason == "CSeq out of order")
        #expect(dialog.remoteSequence == 15)
    }

    @Test("A number already used is a copy that outlived its transaction (§12.2.2)")
    func repeated() throws {
        var dialog = try dialog()
        for number in [10, 12] as [UInt32] {
            if number > 10 { #expect(receive(request(.info, number), in: &dialog) == .handle) }
            let copy = receive(request(.info, number), in: &dialog)
            guard case .repeated(let response) = copy else { throw Failure.unexpected("\(copy)") }
            #expect(response.status == 500)
        }
    }

    @Test("ACK and CANCEL carry their INVITE's number and pass (§12.2.2, §9.1)", arguments: [SIPMethod.ack, .cancel])
    func sameNumber(method: SIPMethod) throws {
        var dialog = try dialog()
        #expect(receive(request(method, 10), in: &dialog) == .handle)
        #expect(dialog.remoteSequence == 10)
    }

    @Test("The first request of the peer sets the sequence of a client's dialog, whatever the number (§12.2.2)")
    func firstOfPeer() throws {
        let invite = CallMessages.invite(cSeq: 900)
        let success = CallMessages.response(200, to: invite, tag: "theirs", extra: [(.contact, "<sip:s@192.0.2.8>")])
        var dialog = try Dialog(placing: invite, answeredBy: success)
        #expect(receive(request(.bye, 0), in: &dialog) == .handle)
        #expect(dialog.remoteSequence == 0)
    }

    @Test("A second INVITE before the answer to the first gets 500 with Retry-After 0 to 10 (§14.2)")
    func overlapping() throws {
        var dialog = try dialog()
        let first = request(.invite, 11)
        #expect(receive(first, in: &dialog) == .handle)
        let verdict = receive(request(.invite, 12), in: &dialog)
        guard case .reject(let response) = verdict else { throw Failure.unexpected("\(verdict)") }
        let seconds = try #require(Int(response.headers[.retryAfter] ?? ""))
        #expect(response.status == 500 && (0...10).contains(seconds))
        dialog.answered(first, with: CallMessages.response(200, to: first))
        #expect(receive(request(.invite, 13), in: &dialog) == .handle)
    }

    @Test("An INVITE that crosses ours gets 491, until ours is answered (§14.2)")
    func glare() throws {
        var dialog = try dialog()
        let ours = dialog.makeRequest(.invite, via: via)
        let verdict = receive(request(.invite, 11), in: &dialog)
        guard case .reject(let response) = verdict else { throw Failure.unexpected("\(verdict)") }
        #expect(response.status == 491)
        dialog.received(CallMessages.response(491, to: ours), to: ours)
        #expect(receive(request(.invite, 12), in: &dialog) == .handle)
    }

    @Test(
        "An accepted re-INVITE or UPDATE moves the target, a refused one does not (§12.2.2, RFC 6141 §4)",
        arguments: [
            (SIPMethod.invite, 200, true), (.update, 200, true), (.invite, 488, false), (.info, 200, false),
        ])
    func targetRefresh(method: SIPMethod, status: Int, moves: Bool) throws {
        var dialog = try dialog()
        let refresh = request(method, 11, contact: "<sip:moved@192.0.2.77>")
        #expect(receive(refresh, in: &dialog) == .handle)
        dialog.answered(refresh, with: CallMessages.response(status, to: refresh))
        #expect(dialog.remoteTarget.host == (moves ? "192.0.2.77" : "192.0.2.1"))
        #expect(dialog.state == .confirmed)
    }

    @Test("An unusable Contact leaves the target where it was (§12.2.2)", arguments: ["<tel:1>", "*", "<>"])
    func unusableContact(contact: String) throws {
        var dialog = try dialog()
        let refresh = request(.update, 11, contact: contact)
        #expect(receive(refresh, in: &dialog) == .handle)
        dialog.answered(refresh, with: CallMessages.response(200, to: refresh))
        #expect(dialog.remoteTarget.host == "192.0.2.1")
    }

    @Test("After BYE, requests get 481 (§15.1.2)")
    func afterBye() throws {
        var dialog = try dialog()
        let bye = request(.bye, 11)
        #expect(receive(bye, in: &dialog) == .handle)
        dialog.answered(bye, with: CallMessages.response(200, to: bye))
        #expect(dialog.state == .terminated)
        let verdict = receive(request(.info, 12), in: &dialog)
        guard case .reject(let response) = verdict else { throw Failure.unexpected("\(verdict)") }
        #expect(response.status == 481)
    }

    enum Failure: Error { case unexpected(String) }
}
