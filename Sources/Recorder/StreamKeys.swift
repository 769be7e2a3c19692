import SDP
import SIPREC
import SecureMedia

/// The keys of one encrypted stream: which of the sender's `a=crypto` lines is taken, and our own key beside it.
///
/// Secret; neither ``SDESKey`` nor ``CryptoAttribute`` shows a key in text.
struct StreamKeys {
    /// What the sender protects with; nil while the answer to our offer is awaited, or where it cannot be used.
    let receiving: SDESKey?
    /// What we protect with.
    let sending: SDESKey

    /// The keys of a stream that has been negotiated; nil where it is plain.
    init?(of media: RecordedMedia) {
        guard media.isSecure, let line = media.local?.crypto, let ours = SDESKey(line) else { return nil }
        sending = ours
        // Deterministic: what was chosen when the answer was made is chosen again.
        receiving = StreamKeys.choose(among: media.crypto).key.flatMap { $0.tag == ours.tag ? $0 : nil }
    }

    /// The first usable line of an offer. Why the others are not is told without their keys.
    static func choose(among lines: [CryptoAttribute]) -> (key: SDESKey?, skipped: [SDESKeyError]) {
        SDESKey.choose(
            among: lines.map {
                (
                    tag: $0.tag, suite: $0.suite, keyParameters: $0.keyParameters,
                    sessionParameters: $0.sessionParameters
                )
            })
    }

    /// Our line in the answer to an offer's encrypted stream; nil where no key of the offer can be used.
    ///
    /// Where tag and suite of the line that is taken are what they were, our key stays: the sender need not begin its
    /// receiving context anew, and our packet numbers go on under it. Otherwise it is a fresh one, so that a key is
    /// never used with two suites.
    static func answer(
        to media: RecordedMedia, using generator: inout some RandomNumberGenerator
    ) -> CryptoAttribute? {
        guard let theirs = choose(among: media.crypto).key else { return nil }
        if let former = media.local?.crypto, former.tag == theirs.tag, former.suite == theirs.suiteName {
            return former
        }
        return CryptoAttribute(theirs.answer(using: &generator))
    }

    /// Our line in an offer of ours: the one that the stream has, else a fresh key with the suite that every
    /// implementation has (RFC 3711 §5).
    static func offer(of media: RecordedMedia, using generator: inout some RandomNumberGenerator) -> CryptoAttribute {
        media.local?.crypto ?? CryptoAttribute(SDESKey.generate(suite: .counter128Tag80, using: &generator))
    }
}

extension StreamKeys {
    /// Whether what the stream needs for decryption is there.
    static func isUsable(_ media: RecordedMedia) -> Bool {
        !media.isSecure || StreamKeys(of: media)?.receiving != nil
    }

    /// What is wrong with each key of an offer.
    static func reasons(_ media: RecordedMedia) -> String {
        let skipped = choose(among: media.crypto).skipped.prefix(3).map(\.safeDescription)
        return skipped.isEmpty ? "there is none" : skipped.joined(separator: "; ")
    }
}

extension CryptoAttribute {
    /// The line of a key of ours.
    init(_ key: SDESKey) {
        self.init(tag: key.tag, suite: key.suiteName, keyParameters: [key.keyParameter])
    }
}

extension SDESKey {
    /// A line that was understood before; nil where it cannot be.
    fileprivate init?(_ line: CryptoAttribute) {
        do throws(SDESKeyError) {
            try self.init(
                tag: line.tag, suite: line.suite, keyParameters: line.keyParameters,
                sessionParameters: line.sessionParameters)
        } catch {
            return nil
        }
    }
}

extension SDESKeyError {
    /// For logs and reason phrases. Two of the cases repeat words of the peer, among which a misplaced key may be.
    var safeDescription: String {
        switch self {
        case .unknownSuite: "a crypto suite is not supported; offer AES_CM_128_HMAC_SHA1_80"
        case .unsupportedSessionParameter: "a session parameter of an a=crypto line is not supported; leave it out"
        case .keyCount, .unknownKeyMethod, .invalidBase64, .wrongLength, .invalidLifetime, .invalidIdentifier,
            .excessKeyFields:
            description
        }
    }
}
