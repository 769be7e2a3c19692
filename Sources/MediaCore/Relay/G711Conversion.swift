/// One law of G.711 into the other, octet for octet: what decoding and encoding by the reference gives (ITU-T G.191),
/// without the way through samples.
public enum G711Conversion: Sendable {
    // Pointers and not arrays, so that a packet counts no reference; 256 octets each, made once and never freed.
    nonisolated(unsafe) private static let muLawToALaw = unsafe table { G711.compressALaw(G711.expandMuLaw($0)) }
    nonisolated(unsafe) private static let aLawToMuLaw = unsafe table { G711.compressMuLaw(G711.expandALaw($0)) }

    /// The A-law octet for a µ-law octet.
    public static func aLaw(fromMuLaw octet: UInt8) -> UInt8 { unsafe muLawToALaw[Int(octet)] }

    /// The µ-law octet for an A-law octet.
    public static func muLaw(fromALaw octet: UInt8) -> UInt8 { unsafe aLawToMuLaw[Int(octet)] }

    /// Converts the octets of `payload` in place. A range beyond the datagram traps.
    static func convertToALaw(_ payload: Range<Int>, of datagram: inout MutableRawSpan) {
        unsafe convert(payload, of: &datagram, by: muLawToALaw)
    }

    /// Converts the octets of `payload` in place. A range beyond the datagram traps.
    static func convertToMuLaw(_ payload: Range<Int>, of datagram: inout MutableRawSpan) {
        unsafe convert(payload, of: &datagram, by: aLawToMuLaw)
    }

    private static func convert(
        _ payload: Range<Int>, of datagram: inout MutableRawSpan, by table: UnsafePointer<UInt8>
    ) {
        precondition(payload.lowerBound >= 0 && payload.upperBound <= datagram.byteCount)
        // The bounds were checked above, and a table has an entry for every octet.
        unsafe datagram.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return }
            for offset in payload {
                let place = unsafe (base + offset).assumingMemoryBound(to: UInt8.self)
                unsafe place.pointee = table[Int(place.pointee)]
            }
        }
    }

    private static func table(_ convert: (UInt8) -> UInt8) -> UnsafePointer<UInt8> {
        let entries = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        for octet in 0...255 { unsafe (entries + octet).initialize(to: convert(UInt8(octet))) }
        return unsafe UnsafePointer(entries)
    }
}
