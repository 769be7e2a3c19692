/// Both expansion tables, 256 samples each, made once and never freed.
///
/// They are pointers and not arrays, so that decoding a packet counts no reference.
enum G711Tables {
    nonisolated(unsafe) static let muLaw = unsafe table(G711.expandMuLaw)
    nonisolated(unsafe) static let aLaw = unsafe table(G711.expandALaw)

    private static func table(_ expand: (UInt8) -> Int16) -> UnsafePointer<Int16> {
        let entries = UnsafeMutablePointer<Int16>.allocate(capacity: 256)
        for octet in 0...255 { unsafe (entries + octet).initialize(to: expand(UInt8(octet))) }
        return unsafe UnsafePointer(entries)
    }
}
