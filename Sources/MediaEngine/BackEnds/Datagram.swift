import MediaCore

/// One datagram as a back end hands it out. It lies in the back end's memory: valid until the next call of `next()` or
/// `drain(_:token:)`.
struct Datagram {
    /// What its socket was added with.
    var token: UInt64
    /// The whole datagram, perhaps empty; writable. ``tailRoom`` octets behind it may be written, too, so that a packet
    /// can be encrypted where it lies.
    var octets: UnsafeMutableRawBufferPointer
    /// Where it came from.
    var sender: MediaAddress

    /// Octets behind every datagram: more than the longest SRTP tag (16), MKI (8) and SRTCP index (4) together.
    static let tailRoom = 32
    /// The payload's start is aligned to this.
    static let alignment = 16
}
