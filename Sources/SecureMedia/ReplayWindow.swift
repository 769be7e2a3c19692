/// Which of the last 256 packet numbers have been used, RFC 3711 §3.3.2 (which asks for at least 64).
///
/// Looking and marking are two steps, so that a number is only marked once its packet is authentic: an attacker who
/// could mark numbers would have the true packets refused.
package struct ReplayWindow: Sendable, Equatable {
    /// Numbers it remembers.
    package static let span: UInt64 = 256
    /// The highest number used: ROC · 65536 + sequence number, or the SRTCP index.
    package private(set) var highest: UInt64
    private var bits = InlineArray<4, UInt64>(repeating: 0)

    /// A window in which only `first` has been used.
    package init(first: UInt64) {
        highest = first
        set(first)
    }

    /// Changes nothing.
    @inline(__always)
    package func check(_ index: UInt64) throws(SRTPError) {
        if index > highest { return }
        guard highest - index < Self.span else { throw .tooOld }
        let bit = Int(index & (Self.span - 1))
        guard bits[bit >> 6] & (1 << UInt64(bit & 63)) == 0 else { throw .replayed }
    }

    /// Marks a number that ``check(_:)`` let pass and whose packet is authentic.
    @inline(__always)
    package mutating func insert(_ index: UInt64) {
        if index > highest {
            if index - highest >= Self.span {
                bits = InlineArray(repeating: 0)
            } else {
                var skipped = highest + 1
                while skipped < index {
                    let bit = Int(skipped & (Self.span - 1))
                    bits[bit >> 6] &= ~(1 << UInt64(bit & 63))
                    skipped += 1
                }
            }
            highest = index
        }
        set(index)
    }

    private mutating func set(_ index: UInt64) {
        let bit = Int(index & (Self.span - 1))
        bits[bit >> 6] |= 1 << UInt64(bit & 63)
    }

    package static func == (a: Self, b: Self) -> Bool {
        guard a.highest == b.highest else { return false }
        for word in 0..<4 where a.bits[word] != b.bits[word] { return false }
        return true
    }
}
