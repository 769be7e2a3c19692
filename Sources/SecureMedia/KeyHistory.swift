/// What was received and sent under the master keys of one call, for its streams that end and come back with them.
///
/// RFC 3711 §3.2.3: roll-over counter, replay list and SRTCP index belong to the master key and the SSRC, and neither to
/// a port nor to a session description. Attack: whoever recorded a stream sends it once more after it was removed and
/// restored under its key; a receiver that begins anew would take it. The other way round, a sender that begins anew
/// would protect two packets with one number (§9.1).
///
/// A plain value without ciphers, some hundred octets a key. It holds keys: never shown, never written anywhere.
public struct KeyHistory: Sendable, CustomStringConvertible, CustomReflectable {
    /// Keys kept each way; the one that was noted first is forgotten for one more. A call that changes its keys oftener
    /// than that and then goes back to the first has that one's packets taken once more.
    public static let capacity = 32

    private var received: [ReceivedUnderKey] = []
    private var sent: [SentUnderKey] = []

    /// Nothing was received or sent.
    public init() {}

    func received(under key: SDESKey) -> ReceivedUnderKey? { received.first { $0.key.protectsLike(key) } }

    func sent(under key: SDESKey) -> SentUnderKey? { sent.first { $0.key.protectsLike(key) } }

    /// Takes in what a stream of the call tells.
    public mutating func merge(_ other: KeyHistory) {
        for entry in other.received { note(entry) }
        for entry in other.sent { note(entry) }
    }

    mutating func note(_ entry: ReceivedUnderKey) {
        if let position = received.firstIndex(where: { $0.key.protectsLike(entry.key) }) {
            return received[position].merge(entry)
        }
        if received.count >= Self.capacity { received.removeFirst() }
        received.append(entry)
    }

    mutating func note(_ entry: SentUnderKey) {
        if let position = sent.firstIndex(where: { $0.key.protectsLike(entry.key) }) {
            return sent[position] = entry
        }
        if sent.count >= Self.capacity { sent.removeFirst() }
        sent.append(entry)
    }

    /// How many keys, never which.
    public var description: String { "\(received.count) keys received with, \(sent.count) sent with" }
    /// As ``description``.
    public var customMirror: Mirror { Mirror(self, children: ["received": received.count, "sent": sent.count]) }
}

/// What a ``ReceivingContext`` knows, apart from its ciphers.
struct ReceivedUnderKey {
    let key: SDESKey
    var sources: [ReceivedSource]
    var controlSources: [ReceivedControlSource]
    var retired: RetiredSources
    var retiredControl: RetiredSources
    var reports: HeardReports
    var authenticated: UInt64
    var authenticatedControl: UInt64

    /// Two streams had the key, or the same stream tells again: of each source what is further.
    mutating func merge(_ other: ReceivedUnderKey) {
        // What has made room meanwhile.
        for former in other.retired.all where !former.isCarried {
            sources.removeAll { $0.ssrc == former.ssrc && $0.furthest < former.highest }
        }
        for former in other.retiredControl.all {
            controlSources.removeAll { $0.ssrc == former.ssrc && $0.window.highest < former.highest }
        }
        for source in other.sources {
            if let position = sources.firstIndex(where: { $0.ssrc == source.ssrc }) {
                if source.isNoLess(than: sources[position]) { sources[position] = source }
            } else if sources.count < SRTPReceiver.defaultMaximumSources {
                sources.append(source)
            } else {
                retired.add(source.retired)
            }
        }
        for source in other.controlSources {
            if let position = controlSources.firstIndex(where: { $0.ssrc == source.ssrc }) {
                if source.heard >= controlSources[position].heard { controlSources[position] = source }
            } else if controlSources.count < SRTPReceiver.defaultMaximumSources {
                controlSources.append(source)
            }
        }
        retired.merge(other.retired, besides: Set(sources.map(\.ssrc)))
        retiredControl.merge(other.retiredControl, besides: Set(controlSources.map(\.ssrc)))
        reports.merge(other.reports)
        authenticated = max(authenticated, other.authenticated)
        authenticatedControl = max(authenticatedControl, other.authenticatedControl)
    }
}

/// What an ``SRTPSender`` has used, under this key or, which is never less, under others since.
struct SentUnderKey {
    let key: SDESKey
    var packets: UInt64
    var sources: [SentSource]
    var retired: RetiredSources
    var nextControlIndex: UInt32
}

/// A source of an ``SRTPSender``.
struct SentSource {
    let ssrc: UInt32
    var window: ReplayWindow
    /// ``SRTPSender/sealed`` at its newest packet.
    var last: UInt64
}
