/// Remembers which nonce counts were used, so that captured credentials cannot be played again
/// (RFC 7616 §3.4.5, §5.5).
///
/// Only credentials with the right password come here, so strangers cannot fill it. It keeps at most `capacity`
/// nonces, 24 octets each and the table's overhead; when full, the oldest quarter is forgotten and those nonces
/// and all older ones count as used up.
struct NonceCounts {
    private struct Window {
        var highest: UInt32
        /// Bit n: `highest - n` was used.
        var used: UInt64
    }

    private let capacity: Int
    private var windows: [UInt64: Window] = [:]
    /// Nonces up to this serial number are used up.
    private var floor: UInt64 = 0

    init(capacity: Int) { self.capacity = max(4, capacity) }

    /// The number of nonces remembered.
    var count: Int { windows.count }

    /// Takes a count once. Counts up to 63 behind the highest may come late, since requests may overtake each
    /// other. Credentials without a count (RFC 2069 form) use the nonce up.
    ///
    /// - Returns: whether the count is new.
    mutating func take(_ count: UInt32?, ofNonce serial: UInt64) -> Bool {
        guard serial > floor else { return false }
        guard var window = windows[serial] else {
            if windows.count >= capacity { forgetOldest() }
            guard serial > floor else { return false }
            let highest = count ?? .max
            windows[serial] = Window(highest: highest, used: count == nil ? .max : 1)
            return true
        }
        guard let count else { return false }
        if count > window.highest {
            let step = count - window.highest
            window.used = step < 64 ? window.used << UInt64(step) | 1 : 1
            window.highest = count
        } else {
            let behind = window.highest - count
            guard behind < 64, window.used & (1 << UInt64(behind)) == 0 else { return false }
            window.used |= 1 << UInt64(behind)
        }
        windows[serial] = window
        return true
    }

    private mutating func forgetOldest() {
        let oldest = windows.keys.sorted().prefix(max(1, capacity / 4))
        for serial in oldest { windows[serial] = nil }
        floor = max(floor, oldest.last ?? floor)
    }
}
