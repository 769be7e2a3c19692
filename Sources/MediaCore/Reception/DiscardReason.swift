/// Why something that came for a leg was not used.
public enum DiscardReason: String, Sendable, CaseIterable {
    /// Came again.
    case duplicate
    /// Came after its place had been filled.
    case late
    /// Not RTP at all, or audio of an impossible size.
    case malformed
    /// Audio of a codec that is not decoded, on a leg that does not keep payloads.
    case undecodable
    /// From an address that may not teach where media comes from.
    case foreign
    /// Of one synchronisation source too many.
    case refusedSource
    /// A payload for which the bounded output had no room.
    case payloadOverflow
}

extension ReceptionStatistics {
    /// How many were discarded for `reason`.
    public func discarded(_ reason: DiscardReason) -> UInt64 {
        switch reason {
        case .duplicate: duplicates
        case .late: late
        case .malformed: malformed
        case .undecodable: undecodable
        case .foreign: foreign
        case .refusedSource: refusedSources
        case .payloadOverflow: payloadOverflows
        }
    }
}
