extension RawSpan {
    /// One octet. The caller has checked the bounds; a wrong offset traps and never reads foreign memory.
    @inline(__always)
    func octet(at offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < byteCount)
        return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Two octets in network order.
    @inline(__always)
    func bigEndian16(at offset: Int) -> UInt16 {
        precondition(offset >= 0 && offset <= byteCount - 2)
        return UInt16(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self))
    }

    /// Four octets in network order.
    @inline(__always)
    func bigEndian32(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset <= byteCount - 4)
        return UInt32(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
    }
}
