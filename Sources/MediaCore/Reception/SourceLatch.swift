/// Decides from which address a leg takes media, and where its answers go.
///
/// The attack (RTP bleed and inject, ES2025-01, CVE-2025-53399): somebody who sees nothing of the call sends packets to
/// every port of the range and hopes to be taken for the peer, before the peer has sent, while it is silent, or after a
/// re-offer. So a stranger's host never teaches in any mode but ``Mode/authenticated``, time plays no part, and what was
/// learned holds until signalling says otherwise.
///
/// A plain value, owned by the leg's media worker. It allocates nothing.
public struct SourceLatch: Sendable {
    /// Who may teach.
    public enum Mode: UInt8, Sendable, CaseIterable {
        /// Only the exact address and port of the SDP is the source; nothing is learned.
        case strict
        /// The SDP's host, or the host that the signalling came from, may teach the port (the peer is behind NAT). The
        /// first packet of one of the two decides, and after ``learningPackets`` nothing else teaches. But the exact
        /// address of the SDP wins over what was learned whenever it speaks, and for good: it needs no guess, and on
        /// a machine with many ports the first packet may be another call's.
        case learn
        /// SRTP: the caller authenticates first and calls ``accept(_:)`` only then. Whoever has the key is the peer,
        /// wherever it sends from, so any host may teach and a change is followed at once.
        case authenticated
    }

    /// In ``Mode/learn``, packets until what was learned is final.
    public static let learningPackets: UInt8 = 5

    /// Who may teach.
    public let mode: Mode
    /// Packets that were not the source's.
    public private(set) var refused: UInt64 = 0
    /// How often the source became another one than it was.
    public private(set) var changes: UInt64 = 0
    private var source: MediaAddress?
    /// Packets of the source since learning began.
    private var learned: UInt8 = 0
    private var offered: MediaAddress?
    private var signalling: MediaAddress?
    /// The source before an offer that names the same address again (a session refresh): media keeps going there.
    private var formerSource: MediaAddress?

    /// `offered` is the address of the SDP (nil when it names none), `signalling` the host that sent it (port unused).
    public init(offered: MediaAddress?, signalling: MediaAddress?, mode: Mode = .learn) {
        self.offered = offered
        self.signalling = signalling
        self.mode = mode
    }

    /// The address in use, where media and reports go: the source once there is one, until then the offer's.
    public var current: MediaAddress? { source ?? formerSource ?? offered }

    /// True once a packet has taught the source.
    public var hasLearned: Bool { source != nil }

    /// True when ``accept(_:)`` would say so. Cheap, and changes nothing: for use before a packet is authenticated, so
    /// that a spray from strangers costs no cryptography (``Mode/authenticated`` has to try every sender).
    public func mayBecome(_ sender: MediaAddress) -> Bool {
        switch mode {
        case .strict: return sender == offered
        case .authenticated: return true
        case .learn:
            if sender == source { return true }
            // A learned source is never the offer's: once that has spoken, `sender == source` above.
            if sender == offered { return true }
            guard source == nil else { return false }
            if let offered, sender.hasHost(of: offered) { return true }
            if let signalling, sender.hasHost(of: signalling) { return true }
            return false
        }
    }

    /// True when a packet from `sender` belongs to the leg; it may teach then. Anything else is counted and changes
    /// nothing.
    public mutating func accept(_ sender: MediaAddress) -> Bool {
        if sender == source {
            if learned < Self.learningPackets { learned += 1 }
            return true
        }
        guard mayBecome(sender) else {
            refused &+= 1
            return false
        }
        if source != nil { changes &+= 1 }
        source = sender
        // Nothing can be better than the address that the SDP names.
        learned = sender == offered ? Self.learningPackets : 1
        return true
    }

    /// A new offer or answer: learning begins again, under the same rules. Until a packet teaches, media goes to the
    /// new address when it names another one than before, and otherwise stays where it is.
    public mutating func renew(offered: MediaAddress?, signalling: MediaAddress?, mode: Mode) {
        var renewed = SourceLatch(offered: offered, signalling: signalling, mode: mode)
        renewed.refused = refused
        renewed.changes = changes
        // A former source could be nobody but an allowed host, so sending there teaches a stranger nothing.
        if offered == self.offered, mode != .strict { renewed.formerSource = source ?? formerSource }
        self = renewed
    }
}
