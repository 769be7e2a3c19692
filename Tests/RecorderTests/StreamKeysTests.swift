import SDP
import SIPREC
import SecureMedia
import Testing

@testable import Recorder

/// The same numbers in every run; a test of keys must not depend on luck.
private struct Counter: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state
    }
}

@Suite("Keys of a recorded stream")
struct StreamKeysTests {
    private static let standard = "AES_CM_128_HMAC_SHA1_80"
    private static let key30 = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
    private static let other30 = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

    /// A call with one encrypted stream, and the plan of its first offer.
    private func offer(_ crypto: [String], to session: inout RecordingSession) throws -> MediaPlan {
        let action = session.receiveInvite(body(crypto), recordOnly: false, from: nil, to: nil)
        guard case .answer(let plan) = action else { throw Unexpected() }
        return plan
    }

    private static var session: RecordingSession {
        RecordingSession(
            configuration: .init(origin: Origin(sessionID: 1, address: ConnectionAddress(host: "198.51.100.9"))))
    }

    private struct Unexpected: Error {}

    private func body(_ crypto: [String]) -> SessionBody {
        let lines = [
            "v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/SAVP 0",
        ]
        let text = (lines + crypto.map { "a=crypto:" + $0 } + ["a=sendonly", ""]).joined(separator: "\r\n")
        return SessionBody(Array(text.utf8), contentType: "application/sdp")
    }

    @Test("The first key that is good to the last octet is taken, with a key of ours under its tag and suite")
    func choice() throws {
        var session = Self.session
        let plan = try offer(
            [
                "1 \(Self.standard) inline:AAAA", "2 F8_128_HMAC_SHA1_80 \(Self.key30)",
                "3 AES_CM_128_HMAC_SHA1_32 \(Self.key30)|2^31|1:4", "4 \(Self.standard) \(Self.key30)",
            ], to: &session)
        let media = try #require(plan.needsKeys.first)
        var generator = Counter(state: 1)
        let ours = try #require(StreamKeys.answer(to: media, using: &generator))
        #expect(ours.tag == 3)
        #expect(ours.suite == "AES_CM_128_HMAC_SHA1_32")
        #expect(ours.keyParameters.count == 1 && ours.keyParameters[0] != Self.key30)
        let other = try #require(StreamKeys.answer(to: media, using: &generator))
        #expect(other.keyParameters != ours.keyParameters)
    }

    @Test("What was agreed on is found again: the sender's key and ours")
    func agreed() throws {
        var session = Self.session
        let plan = try offer(["1 \(Self.standard) inline:AAAA", "2 \(Self.standard) \(Self.key30)"], to: &session)
        #expect(StreamKeys(of: plan.needsKeys[0]) == nil)
        #expect(!StreamKeys.isUsable(plan.needsKeys[0]))
        var generator = Counter(state: 1)
        let ours = try #require(StreamKeys.answer(to: plan.needsKeys[0], using: &generator))
        let exchange = session.answer(local: [0: LocalMedia(port: 10000)], keys: [0: ours])
        let media = try #require(exchange.changes.first?.media)
        let keys = try #require(StreamKeys(of: media))
        #expect(keys.receiving?.tag == 2)
        #expect(keys.receiving?.keyParameter == Self.key30)
        #expect(keys.sending.keyParameter == ours.keyParameters[0])
        #expect(StreamKeys.isUsable(media))
    }

    @Test(
        "At a re-offer our key stays while tag and suite of the taken line do",
        arguments: [
            (["1 \(standard) \(key30)"], true), (["1 \(standard) \(other30)"], true),
            (["2 \(standard) \(key30)"], false), (["1 AES_CM_128_HMAC_SHA1_32 \(key30)"], false),
            (["1 F8_128_HMAC_SHA1_80 \(key30)", "2 \(standard) \(key30)"], false),
        ])
    func reoffer(_ crypto: [String], _ isKept: Bool) throws {
        var session = Self.session
        let plan = try offer(["1 \(Self.standard) \(Self.key30)"], to: &session)
        var generator = Counter(state: 1)
        let first = try #require(StreamKeys.answer(to: plan.needsKeys[0], using: &generator))
        _ = session.answer(local: [0: LocalMedia(port: 10000)], keys: [0: first])
        let action = session.receiveReinvite(body(crypto))
        guard case .answer(let next) = action else { throw Unexpected() }
        let second = try #require(StreamKeys.answer(to: next.needsKeys[0], using: &generator))
        #expect((second.keyParameters == first.keyParameters) == isKept)
        let exchange = session.answer(local: [:], keys: [0: second])
        let media = try #require(exchange.changes.first?.media)
        #expect(StreamKeys(of: media)?.receiving != nil)
    }

    @Test("Keys that only cryptography can tell to be bad are refused, with a reason that has no key in it")
    func unusable() throws {
        let secret = "c2VjcmV0"
        var session = Self.session
        let plan = try offer(
            [
                "1 \(Self.standard) inline:\(secret)", "2 \(Self.standard) inline:\(secret)%",
                "3 \(Self.standard) \(Self.key30)|x",
            ], to: &session)
        var generator = Counter(state: 1)
        #expect(StreamKeys.answer(to: plan.needsKeys[0], using: &generator) == nil)
        let reason = StreamKeys.reasons(plan.needsKeys[0])
        #expect(reason.contains("6 octets") && reason.contains("base64") && reason.contains("lifetime"))
        #expect(!reason.contains(secret))
    }

    @Test("Our own offer has the suite that everybody has; a re-offer goes on with the stream's key")
    func ourOffer() throws {
        var configuration = RecordingSession.Configuration(
            origin: Origin(sessionID: 1, address: ConnectionAddress(host: "198.51.100.9")))
        configuration.policy.secureMedia = .required
        var session = RecordingSession(configuration: configuration)
        let action = session.receiveInvite(.none, recordOnly: false, from: nil, to: nil)
        guard case .offer(let plan) = action else { throw Unexpected() }
        var generator = Counter(state: 1)
        let ours = StreamKeys.offer(of: plan.needsKeys[0], using: &generator)
        #expect(ours.tag == 1 && ours.suite == Self.standard)
        let offer = session.offer(local: [0: LocalMedia(port: 10000)], keys: [0: ours])
        // Not yet: the sender's key is not known, and nothing may be taken for its.
        #expect(offer.changes.map { StreamKeys.isUsable($0.media) } == [false])
        let ack = session.receiveAck(body(["1 \(Self.standard) \(Self.key30)"]))
        #expect(ack.changes.map { StreamKeys.isUsable($0.media) } == [true])
        let again = session.receiveReinvite(.none)
        guard case .offer(let next) = again else { throw Unexpected() }
        #expect(StreamKeys.offer(of: next.needsKeys[0], using: &generator).keyParameters == ours.keyParameters)
    }

    @Test("The suites that an offer is searched for are those that there are ciphers for")
    func suites() {
        let named = AnswerPolicy.standardCryptoSuites.map { CryptoSuite(sdpName: $0) }
        #expect(!named.contains(nil))
        #expect(Set(named) == Set(CryptoSuite.allCases.map(Optional.some)))
    }

    @Test(
        "No word of the peer's gets into a reason",
        arguments: [SDESKeyError.unknownSuite("inline:KEY"), .unsupportedSessionParameter("KEY")])
    func reasons(_ error: SDESKeyError) {
        #expect(!error.safeDescription.contains("KEY"))
    }
}
