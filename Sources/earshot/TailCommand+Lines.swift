import Foundation
import StreamSink

/// One fragment while its samples come.
struct FragmentMeter {
    private let fragment: Fragment
    private let rate: Int
    private(set) var samples = 0
    private(set) var lag: Double?
    private var energy = 0.0

    /// `rate` is in samples a second.
    init(_ fragment: Fragment, rate: Int) {
        self.fragment = fragment
        self.rate = rate
    }

    /// Fragments are one second long; a longer one of another producer is told when the next one starts.
    var isWhole: Bool { samples >= rate }

    mutating func add(_ added: [Int16], readAt milliseconds: Double, isLive: Bool) {
        samples += added.count
        for sample in added { energy += Double(sample) * Double(sample) }
        guard isLive, let start = fragment.producerMilliseconds else { return }
        lag = milliseconds - Double(start) - length
    }

    private var length: Double { Double(samples) * 1000 / Double(rate) }

    /// Root mean square against full scale; nil for digital silence.
    private var level: Double? {
        guard samples > 0, energy > 0 else { return nil }
        return 10 * log10(energy / Double(samples) / (32768 * 32768))
    }

    private var time: UTCTime? { fragment.producerMilliseconds.map { UTCTime(milliseconds: $0) } }

    var text: String {
        let number = fragment.number?.description ?? "-"
        let clock = time.map { String($0.isoMilliseconds.dropFirst(11).dropLast()) } ?? "-"
        let lagText = lag.map { "lag \(Int($0.rounded())) ms" } ?? "lag -"
        let levelText = level.map { String(format: "%.1f dBFS", $0) } ?? "silence"
        let columns = [clock, "\(Int(length.rounded())) ms", lagText, levelText]
        let widths = [12, 7, 11, 10]
        let cells = zip(columns, widths).map { text, width in
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        return "\(number)  " + cells.joined(separator: "  ")
    }

    var json: String {
        JSONValue.object([
            .init("fragmentNumber", fragment.number.map { .string($0.description) } ?? .null),
            .init("producerTime", time.map { .string($0.isoMilliseconds) } ?? .null),
            .init("milliseconds", .decimal(length)),
            .init("lagMs", lag.map { .decimal(($0 * 10).rounded() / 10) } ?? .null),
            .init("levelDbfs", level.map { .decimal(($0 * 10).rounded() / 10) } ?? .null),
        ]).text
    }
}

/// The last line.
struct FragmentTotal {
    var fragments: Int
    var samples: Int64
    var rate: Int
    var hasEnded: Bool
    var lags: [Double]

    private var seconds: Double { Double(samples) / Double(rate) }

    private func lag(_ part: Double) -> Double? {
        let sorted = lags.sorted()
        guard !sorted.isEmpty else { return nil }
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    var text: String {
        var line =
            "\(hasEnded ? "ended" : "stopped"): \(fragments) fragments, " + String(format: "%.2f s of audio", seconds)
        if let middle = lag(0.5), let most = lag(1) {
            line += String(format: ", lag p50 %.0f ms, max %.0f ms", middle, most)
        }
        return line
    }

    var json: String {
        JSONValue.object([
            .init("ended", .bool(hasEnded)), .init("fragments", .integer(Int64(fragments))),
            .init("milliseconds", .decimal(seconds * 1000)),
            .init(
                "lagMs",
                lag(0.5).map {
                    .object([
                        .init("p50", .decimal($0.rounded())), .init("max", .decimal((lag(1) ?? $0).rounded())),
                    ])
                } ?? .null),
        ]).text
    }
}
