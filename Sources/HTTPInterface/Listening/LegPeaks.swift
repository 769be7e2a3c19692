import StreamSink

/// How loud a party was in each 50 ms of a range, and the gaps in it.
struct LegPeaks {
    /// The length of one value, milliseconds.
    static let step: Int64 = 50
    /// A hole up to this long is none: late packets have their place a little beside the last ones.
    private static let shortestGap: Int64 = 40

    private let origin: Int64
    private let length: Int64
    private var values: [UInt8]
    private var gaps: [Range<Int64>] = []
    /// Up to here it is known what there is, milliseconds from the range's start.
    private(set) var knownMilliseconds: Int64 = 0

    /// - Parameters:
    ///   - origin: wall clock of the range's start, milliseconds since 1970.
    ///   - length: milliseconds.
    init(origin: Int64, length: Int64) {
        self.origin = origin
        self.length = length
        values = [UInt8](repeating: 0, count: Int(clamping: (length + Self.step - 1) / Self.step))
    }

    /// Whether what follows lies behind the range.
    var isFull: Bool { knownMilliseconds >= length }

    /// Adds samples, in order.
    mutating func add(_ placed: PlacedSamples) {
        let start = placed.startMilliseconds - origin
        if start - knownMilliseconds > Self.shortestGap, gaps.count < 1000 {
            gaps.append(knownMilliseconds..<min(start, length))
        }
        knownMilliseconds = max(knownMilliseconds, min(length, placed.endMilliseconds - origin))
        let perStep = max(1, placed.rate * Int(Self.step) / 1000)
        var index = 0
        while index < placed.samples.count {
            let bucket = (start + Int64(index) * 1000 / Int64(placed.rate)) / Self.step
            let next = min(placed.samples.count, index + max(1, perStep / 5))
            var peak = 0
            for sample in placed.samples[index..<next] { peak = max(peak, Int(sample.magnitude)) }
            if bucket >= 0, bucket < Int64(values.count) {
                values[Int(bucket)] = max(values[Int(bucket)], UInt8(clamping: (peak + 127) / 128))
            }
            index = next
        }
    }

    /// Two hexadecimal digits a value; gaps as pairs of milliseconds from the call's start.
    func json(from start: Int64) -> JSONValue {
        let digits = Array("0123456789abcdef".utf8)
        let whole = values.prefix(Int(clamping: (knownMilliseconds + Self.step - 1) / Self.step))
        let text = String(decoding: whole.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        return .object([
            .init("peaks", .string(text)),
            .init(
                "gaps",
                .array(gaps.map { .array([.integer($0.lowerBound + start), .integer($0.upperBound + start)]) })),
        ])
    }
}
