/// Why a packet was refused. None of them changes the state of the context, and the packet is as it was.
///
/// Throwing one allocates nothing: whoever sends rubbish chooses this path.
public enum SRTPError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Shorter than a header with what the suite appends. Octets.
    case truncated(needed: Int, got: Int)
    /// Longer than a datagram can be. Octets.
    case tooLong(Int)
    /// The version field is not 2.
    case unsupportedVersion(UInt8)
    /// The buffer has no room for what the suite appends. Octets.
    case noRoom(needed: Int, got: Int)
    /// The master key identifier is not ours (RFC 3711 §3.1).
    case unknownMasterKey
    /// The tag does not belong to the packet: forged, damaged, another key, or a roll-over counter we do not follow.
    case authenticationFailed
    /// The packet was received before (RFC 3711 §3.3.2). For a sender: this number was sent before.
    case replayed
    /// Older than the replay window reaches, so it cannot be told from a replay.
    case tooOld
    /// A source that is not known, where others have been forgotten: it may be one of them, and its packets old ones.
    /// For a sender: one more source than it keeps state for, whose numbers could have been used.
    case tooManySources(limit: Int)
    /// RFC 3711 §9.2: 2^48 SRTP or 2^31 SRTCP packets is all that one key may protect. Make a new key.
    case keyExhausted
    /// An SRTCP packet that says that it is not encrypted, which was not agreed on (RFC 3711 §3.4).
    case unencryptedControl
    /// Master key and salt do not have the sizes of the suite. Octets.
    case invalidKeyLength(needed: Int, got: Int)
    /// libcrypto refused: out of memory, or an algorithm is switched off on this machine.
    case cipherUnavailable

    /// For a person; it never has key material in it.
    public var description: String {
        switch self {
        case .truncated(let needed, let got): "SRTP packet of \(got) octets; \(needed) are needed at least"
        case .tooLong(let got): "SRTP packet of \(got) octets; 65535 is the most"
        case .unsupportedVersion(let version): "RTP version \(version), not 2: the sender does not send RTP here"
        case .noRoom(let needed, let got): "buffer of \(got) octets; protecting the packet needs \(needed)"
        case .unknownMasterKey: "SRTP master key identifier is not the one of the a=crypto line"
        case .authenticationFailed: "SRTP authentication failed: another key, a damaged packet or a forger"
        case .replayed: "SRTP packet number seen before"
        case .tooOld: "SRTP packet number older than the replay window"
        case .tooManySources(let limit):
            "too many SSRCs under one SRTP key, more than \(limit) at a time; negotiate a new key"
        case .keyExhausted: "the SRTP key has protected as many packets as it may; negotiate a new key"
        case .unencryptedControl: "unencrypted SRTCP, which was not agreed on"
        case .invalidKeyLength(let needed, let got): "SRTP key and salt of \(got) octets; the suite needs \(needed)"
        case .cipherUnavailable: "libcrypto refused the cipher: out of memory, or its policy forbids AES or SHA-1"
        }
    }
}
