import SIP
import Testing

@Suite("Transaction matching")
struct TransactionKeyTests {
    private func key(_ request: SIPRequest) throws -> TransactionKey {
        try #require(TransactionKey(receivedRequest: request))
    }

    @Test("A retransmitted request has the key of the first one (RFC 3261 §17.2.3)")
    func retransmission() throws {
        #expect(try key(CallMessages.invite()) == key(CallMessages.invite()))
    }

    @Test("Branch, sent-by host, sent-by port and method each make another transaction (§17.2.3)")
    func differences() throws {
        let first = try key(CallMessages.invite())
        #expect(try key(CallMessages.invite(branch: "z9hG4bKother")) != first)
        #expect(try key(CallMessages.request(.bye)) != first)
        for sentBy in ["192.0.2.9:5070", "192.0.2.1:5071", "192.0.2.1"] {
            var other = CallMessages.invite()
            other.headers[.via] = "SIP/2.0/UDP \(sentBy);branch=z9hG4bK74bf9"
            #expect(try key(other) != first, "\(sentBy)")
        }
    }

    @Test(
        "A sent-by without port means the default port of the transport (§18.2.2)",
        arguments: [
            ("UDP", 5060), ("TCP", 5060), ("TLS", 5061),
        ])
    func defaultPort(transport: String, port: Int) throws {
        var short = CallMessages.invite()
        short.headers[.via] = "SIP/2.0/\(transport) host.example;branch=z9hG4bKx"
        var long = short
        long.headers[.via] = "SIP/2.0/\(transport) HOST.example:\(port);branch=Z9hG4bKX"
        #expect(try key(short) == key(long))
    }

    @Test(
        "What our server adds to the Via does not change the key (RFC 3581 §4)",
        arguments: [
            "z9hG4bK74bf9", "1", "z9hG4bK",
        ])
    func receivedAndRport(branch: String) throws {
        let plain = CallMessages.invite(branch: branch)
        var marked = plain
        marked.headers[.via] = "SIP/2.0/UDP 192.0.2.1:5070;branch=\(branch);received=10.0.0.1;rport=6000"
        #expect(try key(plain) == key(marked))
    }

    @Test(
        "The ACK of a non-2xx response matches its INVITE, with and without the magic cookie",
        arguments: [
            "z9hG4bK74bf9", "1",
        ])
    func acknowledgement(branch: String) throws {
        let invite = CallMessages.invite(branch: branch)
        let acknowledgement = SIPRequest.acknowledging(CallMessages.response(486, to: invite), to: invite)
        #expect(try key(acknowledgement) == key(invite))
    }

    @Test(
        "A CANCEL is a transaction of its own and names the INVITE it cancels (§9.2)",
        arguments: [
            "z9hG4bK74bf9", "1",
        ])
    func cancellation(branch: String) throws {
        let invite = CallMessages.invite(branch: branch)
        let cancel = SIPRequest.cancelling(invite)
        #expect(try key(cancel) != key(invite))
        #expect(TransactionKey(cancelledBy: cancel) == (try key(invite)))
        #expect(TransactionKey(cancelledBy: invite) == nil)
    }

    @Test("Without the magic cookie, URI, From tag, Call-ID, CSeq and Via tell transactions apart (§17.2.3)")
    func rfc2543() throws {
        let first = CallMessages.invite(branch: "1")
        var others = [first, first, first, first, first]
        others[0].uri = "sip:other@192.0.2.2"
        others[1].headers[.from] = "<sip:caller@example.com>;tag=other"
        others[2].headers[.callID] = "other"
        others[3].headers[.cSeq] = "2 INVITE"
        others[4].headers[.via] = "SIP/2.0/UDP 192.0.2.1:5070;branch=2"
        for other in others { #expect(try key(other) != key(first), "\(other)") }
        var noBranch = first
        noBranch.headers[.via] = "SIP/2.0/UDP 192.0.2.1:5070"
        #expect(try key(noBranch) == key(noBranch))
    }

    @Test("A branch that is only the cookie falls back to RFC 2543 (RFC 4475 §3.2.1)")
    func bareCookie() throws {
        var other = CallMessages.invite(branch: "z9hG4bK")
        let first = try key(other)
        other.headers[.callID] = "other"
        #expect(try key(other) != first)
    }

    @Test("A response finds the request we sent by branch and CSeq method (§17.1.3)")
    func client() throws {
        let invite = CallMessages.invite()
        let sent = try #require(TransactionKey(sentRequest: invite))
        #expect(TransactionKey(receivedResponse: CallMessages.response(200, to: invite)) == sent)
        let cancelled = CallMessages.response(200, to: .cancelling(invite))
        #expect(TransactionKey(receivedResponse: cancelled) != sent)
        #expect(TransactionKey(receivedRequest: invite) != sent)
    }

    @Test("Messages without Via or CSeq have no key")
    func unreadable() {
        var invite = CallMessages.invite(branch: "1")
        invite.headers.removeAll(.cSeq)
        #expect(TransactionKey(receivedRequest: invite) == nil)
        invite.headers.removeAll(.via)
        #expect(TransactionKey(receivedRequest: invite) == nil)
        #expect(TransactionKey(sentRequest: invite) == nil)
        #expect(TransactionKey(receivedResponse: invite.response(200)) == nil)
    }

    @Test("A forked request that comes twice is found by From tag, Call-ID and CSeq (§8.2.2.2)")
    func merged() throws {
        let first = try #require(MergedRequestKey(CallMessages.invite()))
        #expect(MergedRequestKey(CallMessages.invite(branch: "z9hG4bKother")) == first)
        #expect(MergedRequestKey(CallMessages.invite(cSeq: 2)) != first)
        #expect(MergedRequestKey(CallMessages.request(.invite, toTag: "in-dialog")) == nil)
        #expect(MergedRequestKey(CallMessages.request(.ack)) == nil)
    }

    @Test("Identifiers have the cookie, enough bits and come from the generator alone (§8.1.1.7, §19.3)")
    func identifiers() {
        var one = WeatherGenerator(seed: 7)
        var two = WeatherGenerator(seed: 7)
        let branch = SIPIdentifier.branch(using: &one)
        #expect(branch.hasPrefix("z9hG4bK") && branch.utf8.count == 31)
        #expect(branch == SIPIdentifier.branch(using: &two))
        #expect(branch != SIPIdentifier.branch(using: &two))
        #expect(SIPIdentifier.tag(using: &one).utf8.count == 24)
        #expect(SIPIdentifier.callID(host: "host", using: &one).hasSuffix("@host"))
    }
}
