/// One party's samples at the rate of the page's audio, waiting to be taken in order. Owned by one task.
struct LegLine {
    let reader: LegReader
    /// Samples a second.
    private let rate: Int
    /// Wall clock of place 0, milliseconds since 1970.
    private let origin: Int64
    /// The place of the first waiting sample.
    private(set) var start: Int64
    private var waiting: [Int16] = []
    /// Up to here it is known what there is; what was not recorded until then is silence.
    private(set) var known: Int64
    /// The last sample of the block before, for the interpolation.
    private var last: (end: Int64, sample: Int16)?

    init(reader: LegReader, rate: Int, origin: Int64, start: Int64) {
        self.reader = reader
        self.rate = rate
        self.origin = origin
        self.start = start
        known = start
    }

    /// Reads until a place is known, or there is nothing at the moment.
    mutating func fill(to place: Int64) throws {
        while known < place, let placed = try reader.next() { add(placed) }
    }

    /// Takes the samples before a place, silence where there are none.
    mutating func take(to end: Int64) -> [Int16] {
        let count = Int(max(0, end - start))
        var taken = Array(waiting.prefix(count))
        waiting.removeFirst(taken.count)
        taken.append(contentsOf: repeatElement(0, count: count - taken.count))
        start = max(start, end)
        known = max(known, start)
        return taken
    }

    private mutating func add(_ placed: PlacedSamples) {
        let offset = (placed.originMilliseconds - origin) * Int64(rate) / 1000
        let samples = placed.rate == rate ? placed.samples : resampled(placed)
        var place = offset + placed.position * Int64(rate) / Int64(placed.rate)
        // Rounding of a millisecond is no hole.
        if abs(place - known) <= Int64(rate) / 1000 { place = known }
        var new = samples[...]
        let end = start + Int64(waiting.count)
        if place > end {
            waiting.append(contentsOf: repeatElement(0, count: Int(clamping: place - end)))
        } else {
            // What is there already, or has been sent as silence, stays.
            new = new.dropFirst(Int(clamping: end - place))
        }
        waiting.append(contentsOf: new)
        known = max(known, place + Int64(samples.count))
    }

    /// To another rate by straight lines between the samples: parties of unlike rates are rare, and speech bears it.
    private mutating func resampled(_ placed: PlacedSamples) -> [Int16] {
        let count = placed.samples.count * rate / placed.rate
        let before = last.flatMap { $0.end == placed.position ? $0.sample : nil } ?? placed.samples.first ?? 0
        if let sample = placed.samples.last { last = (placed.position + Int64(placed.samples.count), sample) }
        return (0..<count).map { index in
            let scaled = index * placed.rate
            let (whole, part) = (scaled / rate, scaled % rate)
            let right = Int(placed.samples[whole])
            let left = whole == 0 ? Int(before) : Int(placed.samples[whole - 1])
            return Int16(clamping: left + (right - left) * part / rate)
        }
    }
}
