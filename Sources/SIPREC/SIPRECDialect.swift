/// A way of writing a SIPREC INVITE body, after a family of sources in the field. For the client role: demo and tests.
public enum SIPRECDialect: String, Sendable, Equatable, CaseIterable {
    /// RFC 7865 and RFC 7866 to the letter.
    case rfc
    /// Draft namespace, `id=`/`session=` attributes, nested `send`, `callingParty` extension, large numeric labels.
    case oracle
    /// RFC namespace, a third part, no final boundary.
    case cisco
    /// Bare LF lines, `application/rs-metadata`, addresses without scheme.
    case audiocodes
    /// A prefix on every element, `callData`, `send` and `recv` exchanged, `c=` in each media section.
    case sonus
    /// `recording_metadata`, metadata before the SDP, `application/ +xml`, no blank after the header's colon.
    case broadworks
    /// A dummy participant first, the real one later by an UPDATE that carries metadata only.
    case avaya
    /// No metadata, plain `application/sdp`.
    case none

    /// `a=label` of the streams, in order.
    var labels: [String] {
        switch self {
        case .oracle: ["16777227", "16777228", "16777229", "16777230"]
        case .avaya: ["201835599", "201835600", "201835601", "201835602"]
        case .rfc: ["96", "97", "98", "99"]
        case .cisco, .audiocodes, .sonus, .broadworks, .none: ["1", "2", "3", "4"]
        }
    }

    var boundary: String {
        switch self {
        case .oracle, .avaya: "unique-boundary-1"
        case .cisco: "uniqueBoundary"
        case .audiocodes: "boundary_ac1607"
        case .sonus: "sonus-content-delim"
        case .broadworks: "UniqueBroadWorksBoundary"
        case .rfc, .none: "foobar"
        }
    }

    /// The type of the metadata part.
    var metadataType: String {
        switch self {
        case .rfc, .oracle, .cisco, .sonus, .avaya, .none: "application/rs-metadata+xml"
        case .audiocodes: "application/rs-metadata"
        case .broadworks: "application/ +xml"
        }
    }

    /// Whether INVITEs of this dialect say `Require: siprec` and put `+sip.src` in Contact.
    public var requiresSIPREC: Bool { self != .none && self != .broadworks }
}
