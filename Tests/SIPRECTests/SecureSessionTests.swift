import SDP
import Testing

@testable import SIPREC

/// Encrypted streams of a recording session: keys chosen, kept, changed and refused.
@Suite("The server's recording session with SRTP")
struct SecureSessionTests {
    typealias Plain = RecordingSessionTests
    static let suite = "AES_CM_128_HMAC_SHA1_80"

    static func line(
        _ port: Int, label: String, key: String = "AAAA", tag: Int = 1, direction: String = "sendonly",
        suite: String = suite
    ) -> String {
        "m=audio \(port) RTP/SAVP 0\r\na=crypto:\(tag) \(suite) inline:\(key)\r\na=label:\(label)\r\na=\(direction)"
    }

    static func session(_ secureMedia: AnswerPolicy.SecureMedia = .accept) -> RecordingSession {
        var configuration = Plain.configuration
        configuration.policy.secureMedia = secureMedia
        return RecordingSession(configuration: configuration)
    }

    static func ours(_ tag: Int = 1, _ key: String = "OURS") -> CryptoAttribute {
        CryptoAttribute(tag: tag, suite: suite, keyParameters: ["inline:" + key])
    }

    /// A key for every stream that asks for one.
    static func keys(_ plan: MediaPlan, _ key: String = "OURS") -> [Int: CryptoAttribute] {
        Dictionary(
            uniqueKeysWithValues: plan.needsKeys.map { media in
                (media.leg, ours(media.crypto.first?.tag ?? 1, key))
            })
    }

    static func answer(_ session: inout RecordingSession, _ action: OfferAction) throws -> (MediaPlan, MediaExchange) {
        guard case .answer(let plan) = action else { throw Plain.Unexpected(action: action) }
        return (plan, session.answer(local: Plain.ports(plan), keys: keys(plan)))
    }

    static func reinvite(_ session: inout RecordingSession, _ lines: [String]) throws -> (MediaPlan, MediaExchange) {
        let action = session.receiveReinvite(Plain.body(Plain.sdp(2, lines)))
        return try answer(&session, action)
    }

    private func started(
        _ lines: [String] = [line(4000, label: "1"), line(4002, label: "2")],
        _ secureMedia: AnswerPolicy.SecureMedia = .accept
    ) throws -> RecordingSession {
        var session = Self.session(secureMedia)
        let action = session.receiveInvite(
            Plain.body(Plain.sdp(1, lines)), recordOnly: false, from: nil, to: nil)
        _ = try Self.answer(&session, action)
        return session
    }

    @Test("Each encrypted stream asks for a key and is answered with it")
    func keysAreAskedFor() throws {
        var session = Self.session()
        let lines = [Self.line(4000, label: "1", tag: 3), Plain.line(4002, label: "2")]
        let action = session.receiveInvite(Plain.body(Plain.sdp(1, lines)), recordOnly: false, from: nil, to: nil)
        let (plan, exchange) = try Self.answer(&session, action)
        #expect(plan.needsPorts.map(\.leg) == [0, 1])
        #expect(plan.needsKeys.map(\.leg) == [0])
        #expect(plan.needsKeys[0].crypto.map(\.tag) == [3])
        #expect(exchange.changes.map(\.kind) == [.added, .added])
        #expect(exchange.changes.map(\.media.isSecure) == [true, false])
        #expect(exchange.changes.map(\.media.local?.crypto?.tag) == [3, nil])
        let answer = try SessionDescription(parsing: exchange.sdp)
        #expect(answer.media.map(\.port) == [10000, 10002])
        #expect(answer.media.map { $0.attributes("crypto") } == [["3 \(Self.suite) inline:OURS"], []])
        #expect(answer.media.map(\.transport) == ["RTP/SAVP", "RTP/AVP"])
    }

    @Test("A stream without our key is refused; the others go on")
    func missingKey() throws {
        var session = Self.session()
        let action = session.receiveInvite(
            Plain.body(Plain.sdp(1, [Self.line(4000, label: "1"), Self.line(4002, label: "2")])), recordOnly: false,
            from: nil, to: nil)
        guard case .answer(let plan) = action else { throw Plain.Unexpected(action: action) }
        let exchange = session.answer(local: Plain.ports(plan), keys: [1: Self.ours()])
        #expect(exchange.changes.map(\.media.leg) == [1])
        #expect(session.media.map(\.leg) == [1])
        #expect(try SessionDescription(parsing: exchange.sdp).media.map(\.port) == [0, 10002])
    }

    @Test("A running stream whose new key cannot be used ends")
    func keyLost() throws {
        var session = try started()
        let action = session.receiveReinvite(
            Plain.body(Plain.sdp(2, [Self.line(4000, label: "1"), Self.line(4002, label: "2", key: "%%")])))
        guard case .answer(let plan) = action else { throw Plain.Unexpected(action: action) }
        #expect(plan.needsPorts.isEmpty)
        #expect(plan.needsKeys.map(\.leg) == [0, 1])
        let exchange = session.answer(local: [:], keys: [0: Self.ours()])
        #expect(exchange.changes.map(\.kind) == [.renegotiated, .removed])
        #expect(try SessionDescription(parsing: exchange.sdp).media.map(\.port) == [10000, 0])
    }

    @Test("A new key of the sender is an update")
    func rekey() throws {
        var session = try started()
        let (_, exchange) = try Self.reinvite(
            &session, [Self.line(4000, label: "1", key: "BBBB"), Self.line(4002, label: "2")])
        #expect(exchange.changes.map(\.kind) == [.updated, .renegotiated])
        #expect(exchange.changes[0].media.crypto[0].keyParameters == ["inline:BBBB"])
    }

    @Test("A new key of ours is an update, too")
    func ourNewKey() throws {
        var session = try started()
        let action = session.receiveReinvite(
            Plain.body(Plain.sdp(2, [Self.line(4000, label: "1"), Self.line(4002, label: "2")])))
        guard case .answer = action else { throw Plain.Unexpected(action: action) }
        let exchange = session.answer(local: [:], keys: [0: Self.ours(1, "NEW"), 1: Self.ours()])
        #expect(exchange.changes.map(\.kind) == [.updated, .renegotiated])
    }

    @Test("A new key while the stream is on hold, when it is put there, and when it comes back")
    func rekeyOnHold() throws {
        var session = try started([Self.line(4000, label: "1")])
        let kinds = try [("AAAA", "inactive"), ("BBBB", "inactive"), ("CCCC", "sendonly"), ("DDDD", "inactive")].map {
            let (_, exchange) = try Self.reinvite(
                &session, [Self.line(4000, label: "1", key: $0.0, direction: $0.1)])
            #expect(exchange.changes.map(\.media.crypto.first?.keyParameters) == [["inline:" + $0.0]])
            return exchange.changes.map(\.kind)
        }
        #expect(kinds == [[.paused], [.updated], [.resumed], [.paused]])
    }

    @Test("A refresh of an encrypted stream is told, since the sender may count anew; the version stays")
    func refresh() throws {
        var session = try started()
        let before = session.localDescription
        let (_, exchange) = try Self.reinvite(&session, [Self.line(4000, label: "1"), Self.line(4002, label: "2")])
        #expect(exchange.changes.map(\.kind) == [.renegotiated, .renegotiated])
        #expect(exchange.sdp == before)
    }

    @Test("A stream may become encrypted, and plain again where both are taken")
    func changeOfProfile() throws {
        var session = try started([Plain.line(4000, label: "1")])
        let (plan, secured) = try Self.reinvite(&session, [Self.line(4000, label: "1")])
        #expect(plan.needsPorts.isEmpty)
        #expect(secured.changes.map(\.kind) == [.updated])
        #expect(secured.changes[0].media.isSecure)
        let (_, plain) = try Self.reinvite(&session, [Plain.line(4000, label: "1")])
        #expect(plain.changes.map(\.kind) == [.updated])
        #expect(!plain.changes[0].media.isSecure)
        #expect(plain.changes[0].media.crypto.isEmpty && plain.changes[0].media.local?.crypto == nil)
        #expect(try SessionDescription(parsing: plain.sdp).media.map(\.crypto.count) == [0])
    }

    @Test("Where encryption is required, a re-offer of plain media is refused, and the recording goes on")
    func plainReoffer() throws {
        var session = try started([Self.line(4000, label: "1")], .required)
        let before = session.media
        let action = session.receiveReinvite(Plain.body(Plain.sdp(2, [Plain.line(4000, label: "1")])))
        #expect(action == .reject(.plainMediaOnly))
        #expect(session.media == before)
    }

    @Test(
        "Offers without a usable key are refused with 488 and a reason that says what to change",
        arguments: [
            (["m=audio 4000 RTP/AVP 0"], OfferRejection.plainMediaOnly, "requires encryption"),
            (["m=audio 4000 RTP/SAVP 0"], .noUsableKey([]), "without any a=crypto"),
            (
                ["m=audio 4000 RTP/SAVP 0", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA"],
                .noUsableKey([.unknownSuite("F8_128_HMAC_SHA1_80")]), "F8_128_HMAC_SHA1_80 is not known here"
            ),
            (
                ["m=audio 4000 RTP/SAVP 0", "a=crypto:1 \(suite) inline:AAAA UNENCRYPTED_SRTP"],
                .noUsableKey([.sessionParameter("UNENCRYPTED_SRTP")]), "UNENCRYPTED_SRTP is not understood"
            ),
            (["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/SAVP 0"], .noUsableKey([]), "add one"),
            (["m=audio 4000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:sha-1 00"], .dtlsOnly, "SDES"),
            (["m=image 5000 udptl t38"], .noAudio, "no m=audio line"),
        ])
    func refused(_ lines: [String], _ reason: OfferRejection, _ words: String) {
        var session = Self.session(.required)
        let action = session.receiveInvite(
            Plain.body(Plain.sdp(1, lines)), recordOnly: false, from: nil, to: nil)
        #expect(action == .reject(reason))
        #expect(reason.status == 488)
        #expect(reason.description.contains(words))
    }

    @Test("One line of two that can be taken is enough")
    func oneOfTwo() throws {
        var session = Self.session(.required)
        let action = session.receiveInvite(
            Plain.body(Plain.sdp(1, [Plain.line(4000, label: "1"), Self.line(4002, label: "2")])), recordOnly: false,
            from: nil, to: nil)
        let (plan, exchange) = try Self.answer(&session, action)
        #expect(plan.refused == [0: .plainMediaRefused])
        #expect(try SessionDescription(parsing: exchange.sdp).media.map(\.port) == [0, 10002])
    }

    @Test(
        "Plain RTP with usable keys is encrypted (RFC 8643)", arguments: [AnswerPolicy.SecureMedia.accept, .required])
    func opportunistic(_ secureMedia: AnswerPolicy.SecureMedia) throws {
        let line = Self.line(4000, label: "1").replacing("RTP/SAVP", with: "RTP/AVP")
        var session = try started([line], secureMedia)
        #expect(session.media.map(\.isSecure) == [true])
        let description = session.localDescription
        let answer = try SessionDescription(parsing: try #require(description))
        #expect(answer.media.map(\.transport) == ["RTP/AVP"])
        #expect(answer.media.map(\.crypto.count) == [1])
        let (_, again) = try Self.reinvite(&session, [line])
        #expect(again.changes.map(\.kind) == [.renegotiated])
    }

    @Test("Where encryption is required, an INVITE without a description is offered SRTP, and the ACK brings the key")
    func delayedOffer() throws {
        var session = Self.session(.required)
        let action = session.receiveInvite(.none, recordOnly: false, from: nil, to: nil)
        guard case .offer(let plan) = action else { throw Plain.Unexpected(action: action) }
        #expect(plan.needsKeys.map(\.leg) == [0])
        let offer = session.offer(local: Plain.ports(plan), keys: Self.keys(plan))
        #expect(offer.changes.map(\.kind) == [.added])
        #expect(offer.changes.map(\.media.crypto.isEmpty) == [true])
        let written = try SessionDescription(parsing: offer.sdp)
        #expect(written.media.map(\.transport) == ["RTP/SAVP"])
        #expect(written.media.map { $0.attributes("crypto") } == [["1 \(Self.suite) inline:OURS"]])
        let ack = session.receiveAck(Plain.body(Plain.sdp(1, [Self.line(4000, label: "1", key: "THEIRS")])))
        #expect(ack.changes.map(\.kind) == [.updated])
        #expect(ack.changes.map(\.media.isSecure) == [true])
        #expect(ack.changes.map { $0.media.crypto.map(\.keyParameters) } == [[["inline:THEIRS"]]])
    }

    @Test(
        "An answer to our SRTP offer without the key that it must have is no answer: nothing plain is taken for it",
        arguments: [
            Plain.line(4000, label: "1"), line(4000, label: "1", tag: 2),
            line(4000, label: "1", suite: "AEAD_AES_128_GCM"), line(0, label: "1"),
            line(4000, label: "1", key: "A;inline:B"),
        ])
    func delayedOfferUnanswered(_ line: String) throws {
        var session = Self.session(.required)
        let action = session.receiveInvite(.none, recordOnly: false, from: nil, to: nil)
        guard case .offer(let plan) = action else { throw Plain.Unexpected(action: action) }
        _ = session.offer(local: Plain.ports(plan), keys: Self.keys(plan))
        let ack = session.receiveAck(Plain.body(Plain.sdp(1, [line])))
        #expect(ack.changes.map(\.kind) == [.removed])
    }

    @Test("Where both are taken, our own offer is plain")
    func plainDelayedOffer() throws {
        var session = Self.session(.accept)
        let action = session.receiveInvite(.none, recordOnly: false, from: nil, to: nil)
        guard case .offer(let plan) = action else { throw Plain.Unexpected(action: action) }
        #expect(plan.needsKeys.isEmpty)
        let offer = session.offer(local: Plain.ports(plan))
        #expect(try SessionDescription(parsing: offer.sdp).media.map(\.transport) == ["RTP/AVP"])
    }

    @Test("A re-INVITE without a body is offered the lines with the keys they have, or the one given")
    func emptyReinvite() throws {
        for (given, expected) in [([:], "OURS"), ([0: Self.ours(1, "NEW")], "NEW")] {
            var session = try started([Self.line(4000, label: "1", direction: "inactive")])
            let action = session.receiveReinvite(.none)
            guard case .offer(let plan) = action else { throw Plain.Unexpected(action: action) }
            #expect(plan.needsPorts.isEmpty)
            #expect(plan.needsKeys.map(\.leg) == [0])
            let offer = session.offer(local: [:], keys: given)
            #expect(
                try SessionDescription(parsing: offer.sdp).media[0].attributes("crypto") == [
                    "1 \(Self.suite) inline:\(expected)"
                ])
            let ack = session.receiveAck(Plain.body(Plain.sdp(2, [Self.line(4000, label: "1", key: "BBBB")])))
            #expect(ack.changes.map(\.kind) == [.resumed])
            #expect(ack.changes[0].media.crypto.map(\.keyParameters) == [["inline:BBBB"]])
        }
    }

    @Test("A removed stream asks for no port when the server is to offer")
    func noPortForRemoved() throws {
        var session = try started()
        _ = try Self.reinvite(&session, [Self.line(4000, label: "1")])
        let action = session.receiveReinvite(.none)
        guard case .offer(let plan) = action else { throw Plain.Unexpected(action: action) }
        #expect(plan.needsPorts.isEmpty)
        #expect(plan.needsKeys.map(\.leg) == [0])
    }

    @Test("No text about a stream shows a key")
    func noKeysInText() throws {
        let session = try started()
        let media = session.media
        var text = "\(media) \(String(reflecting: media))"
        dump(media, to: &text)
        #expect(!text.contains("AAAA") && !text.contains("OURS"))
    }
}

@Suite("The codec of a stream")
struct StreamCodecTests {
    @Test(
        "The first that can be decoded, else the first audio",
        arguments: [
            ("0", "0 PCMU/8000"), ("18 101 9", "9 G722/8000"), ("101 18 13", "18 G729/8000"), ("101", nil),
            ("96 8", "96 opus/48000/2"), ("", "0 PCMU/8000"),
        ] as [(String, String?)])
    func codec(_ formats: String, _ expected: String?) throws {
        var session = RecordingSession(configuration: RecordingSessionTests.configuration)
        let line = "m=audio 4000 RTP/AVP \(formats)\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:96 opus/48000/2"
        let body = RecordingSessionTests.body(RecordingSessionTests.sdp(1, [line]))
        _ = try RecordingSessionTests.invite(&session, body)
        let codec = session.media.first?.codec
        #expect(codec?.description == expected)
    }
}
