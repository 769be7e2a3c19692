/// What is kept of the SRTCP packets that were received under one key: it tells a peer that begins with index 0 again from
/// somebody who sends its first reports once more.
///
/// Both are authentic, and both have numbers that were used. But a report has a clock and counters in it, so that no two
/// are alike, and neither are their tags. Of each tag two bits of a field are set (a Bloom filter), so that a report costs
/// no memory of its own: what was received is always known again; of what was not, one in a thousand is taken for known
/// after ten minutes of one source, one in twenty when it is full, and a report that is lost is made good by the next.
struct HeardReports {
    /// Reports kept: 85 min of one source, one in 5 s. Where there are more, no restart is followed any more.
    static let capacity = 1_024
    /// Bits of the field.
    private static let size: UInt32 = 8_192

    private var field = [UInt64](repeating: 0, count: Int(size / 64))
    private var count = 0
    /// Numbers have been used twice: from now on each report is looked up here.
    private(set) var hasRestarted = false

    /// It does not know all that was received.
    var isFull: Bool { count >= Self.capacity }

    /// `tag` is the first four octets of one: they are as good as random, and no hash is needed.
    func contains(_ tag: UInt32) -> Bool {
        isSet(tag % Self.size) && isSet(tag / Self.size % Self.size)
    }

    mutating func insert(_ tag: UInt32) {
        guard !isFull else { return }
        count += 1
        set(tag % Self.size)
        set(tag / Self.size % Self.size)
    }

    mutating func noteRestart() { hasRestarted = true }

    mutating func merge(_ other: HeardReports) {
        for index in field.indices { field[index] |= other.field[index] }
        count = min(Self.capacity, count + other.count)
        hasRestarted = hasRestarted || other.hasRestarted
    }

    private func isSet(_ bit: UInt32) -> Bool { field[Int(bit / 64)] & 1 << UInt64(bit % 64) != 0 }

    private mutating func set(_ bit: UInt32) { field[Int(bit / 64)] |= 1 << UInt64(bit % 64) }
}
