/// Which of the last 64 UDPTL packets came, and which of the others could be made again.
struct UDPTLWindow {
    enum Verdict { case next, duplicate, reordered, late, restarted }

    private var highest: UInt16?
    /// How many of the 64 places lie at or after the first packet.
    private var depth = 0
    /// Bit *n*: the packet *n* before the highest came.
    private var received: UInt64 = 0
    /// Bit *n*: it did not come, and its content did.
    private var recovered: UInt64 = 0

    /// More than this between two numbers is a restarted sender, as with RTP (RFC 3550 §A.1).
    static let maximumDropout = 3_000

    mutating func receive(_ number: UInt16, counting counters: inout FaxCounters) -> Verdict {
        guard let highest else {
            restart(at: number)
            return .next
        }
        let step = Int(Int16(bitPattern: number &- highest))
        guard abs(step) <= Self.maximumDropout else {
            restart(at: number)
            return .restarted
        }
        guard step <= 0 else {
            self.highest = number
            // Shifts by 64 and more give zero.
            received = received << UInt64(step) | 1
            recovered = recovered << UInt64(step)
            depth = min(64, depth + step)
            counters.lost += UInt64(step - 1)
            return .next
        }
        let place = -step
        guard place < 64 else { return .late }
        let bit = UInt64(1) << UInt64(place)
        guard received & bit == 0 else { return .duplicate }
        received |= bit
        if place < depth {
            counters.lost -= min(1, counters.lost)
            if recovered & bit != 0 {
                recovered &= ~bit
                counters.recovered -= min(1, counters.recovered)
            }
        } else {
            // From before the first packet that came: what lies between has not come.
            counters.lost += UInt64(place - depth)
            depth = place + 1
        }
        return .reordered
    }

    /// Redundancy: bit *n* of `carried` is the content of the packet *n* + 1 before `number` (T.38 §9.1.4.1).
    mutating func recover(before number: UInt16, carried: UInt64, counting counters: inout FaxCounters) {
        guard let base = place(of: number) else { return }
        for index in 0..<64 where carried >> UInt64(index) & 1 != 0 { mark(base + 1 + index, counting: &counters) }
    }

    /// Parity: each field covers `span` packets that are `fields` apart; one that is missing can be made from the
    /// others (T.38 §9.1.4.2). Only groups that lie within the window as a whole are judged.
    mutating func recover(before number: UInt16, span: Int, fields: Int, counting counters: inout FaxCounters) {
        guard span > 0, fields > 0, span <= 64, fields <= 64, let base = place(of: number) else { return }
        for first in 1...fields {
            var missing: Int?
            var isSolvable = true
            for member in 0..<span {
                let place = base + first + member * fields
                guard place < depth else {
                    isSolvable = false
                    break
                }
                guard (received | recovered) & (UInt64(1) << UInt64(place)) == 0 else { continue }
                isSolvable = missing == nil
                missing = place
                if !isSolvable { break }
            }
            if isSolvable, let missing { mark(missing, counting: &counters) }
        }
    }

    private mutating func mark(_ place: Int, counting counters: inout FaxCounters) {
        guard place < depth else { return }
        let bit = UInt64(1) << UInt64(place)
        guard (received | recovered) & bit == 0 else { return }
        recovered |= bit
        counters.recovered += 1
    }

    /// How far `number` lies behind the highest; nil beyond the window.
    private func place(of number: UInt16) -> Int? {
        guard let highest else { return nil }
        let place = Int(highest &- number)
        return place < 64 ? place : nil
    }

    private mutating func restart(at number: UInt16) {
        highest = number
        depth = 1
        received = 1
        recovered = 0
    }
}
