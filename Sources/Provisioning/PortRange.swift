/// The UDP ports that media may use. RTP takes the even port of a pair and RTCP the odd one (RFC 3550 §11).
public struct PortRange: Sendable, Hashable {
    /// The first port, even.
    public let first: UInt16
    /// The last port, odd.
    public let last: UInt16

    /// Makes a range of whole pairs; `nil` unless `first` is even, `last` is odd and greater, and `first` ≥ 1024.
    public init?(first: UInt16, last: UInt16) {
        guard first >= 1024, first % 2 == 0, last % 2 == 1, first < last else { return nil }
        self.first = first
        self.last = last
    }

    /// For constants that are known to be whole pairs.
    init(checkedFirst first: UInt16, checkedLast last: UInt16) {
        self.first = first
        self.last = last
    }

    /// How many RTP and RTCP pairs the range has, one for each stream that is recorded.
    public var pairCount: Int {
        (Int(last) - Int(first) + 1) / 2
    }

    /// Whether a port lies in the range.
    public func contains(_ port: UInt16) -> Bool {
        port >= first && port <= last
    }
}

extension PortRange: CustomStringConvertible {
    /// `first-last`, as in the configuration.
    public var description: String { "\(first)-\(last)" }
}
