import StreamSink

/// Moments as people write them. Without a zone they are UTC, as in all of Earshot's output.
public enum TimeText {
    /// Milliseconds since 1970 from the beginning of what the text names to its end: a day for `yesterday`, nothing
    /// for a moment.
    ///
    /// Understood: `now`, `today`, `yesterday` (with a time: `yesterday 14:30`), `30s` `15m` `2h` `3d` `1w` (ago), a
    /// time of today (`14:30`), and ISO 8601 (`2026-11-23`, `2026-11-23T19:30`, with seconds, fractions, `Z` or
    /// `+02:00`).
    /// - Parameter now: milliseconds since 1970.
    public static func parse(_ text: String, now: Int64) -> Range<Int64>? {
        let text = text.lowercased().split(separator: " ").joined(separator: "t")
        let today = now - mod(now, day)
        if text == "now" { return now..<now }
        for (name, start) in [("today", today), ("yesterday", today - day)] where text.hasPrefix(name) {
            let rest = text.dropFirst(name.count)
            if rest.isEmpty { return start..<start + day }
            guard rest.first == "t", let time = clock(rest.dropFirst()) else { return nil }
            return moment(start + time)
        }
        if let length = duration(text) { return moment(now - length) }
        if let time = clock(text[...]) { return moment(today + time) }
        return iso(text)
    }

    private static let day: Int64 = 86_400_000

    private static func mod(_ value: Int64, _ divisor: Int64) -> Int64 {
        let rest = value % divisor
        return rest < 0 ? rest + divisor : rest
    }

    private static func moment(_ value: Int64) -> Range<Int64> { value..<value }

    private static func number(_ text: Substring, _ range: ClosedRange<Int64>) -> Int64? {
        guard !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = Int64(text), range.contains(value)
        else { return nil }
        return value
    }

    private static func duration(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": day, "w": 7 * day]
        guard let unit = text.last.flatMap({ units[$0] }), let count = number(text.dropLast(), 0...1_000_000) else {
            return nil
        }
        return count * unit
    }

    /// `hh:mm`, `hh:mm:ss` or `hh:mm:ss.fff` in milliseconds.
    private static func clock(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, let hour = number(parts[0], 0...23),
            let minute = number(parts[1], 0...59)
        else { return nil }
        var milliseconds = (hour * 60 + minute) * 60_000
        if parts.count == 3 {
            let seconds = parts[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard let second = number(seconds[0], 0...60) else { return nil }
            milliseconds += second * 1000
            if seconds.count == 2 {
                guard !seconds[1].isEmpty, let part = number((seconds[1] + "00").prefix(3), 0...999) else { return nil }
                milliseconds += part
            }
        }
        return milliseconds
    }

    private static func iso(_ text: String) -> Range<Int64>? {
        let halves = text.split(separator: "t", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 4, let year = number(parts[0], 1970...9999),
            let month = number(parts[1], 1...12), let dayOfMonth = number(parts[2], 1...31)
        else { return nil }
        // Days from 1970: years from March on, so that the leap day is a year's last.
        let (y, m) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
        let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + dayOfMonth - 719_469
        let start = days * day
        // The 31st of February is no day.
        guard UTCTime(milliseconds: start).isoSeconds.hasPrefix(halves[0]) else { return nil }
        guard halves.count == 2 else { return start..<start + day }
        var time = halves[1]
        var offset: Int64 = 0
        if time.hasSuffix("z") {
            time = time.dropLast()
        } else if let sign = time.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            guard let zone = clock(time[time.index(after: sign)...]) else { return nil }
            offset = time[sign] == "+" ? zone : -zone
            time = time[..<sign]
        }
        guard let milliseconds = clock(time) else { return nil }
        return moment(start + milliseconds - offset)
    }
}
