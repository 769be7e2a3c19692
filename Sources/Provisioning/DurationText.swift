/// Durations as people write them in the configuration: `240ms`, `2s`, `1m`, `1h`.
public enum DurationText {
    /// Reads a whole number and a unit of `ms`, `s`, `m` or `h`, with blanks allowed between them; `nil` for any other
    /// text, a negative number, or more than a hundred years.
    public static func parse(_ text: String) -> Duration? {
        guard text.utf8.count <= 24 else { return nil }
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard !digits.isEmpty, let number = Int64(digits) else { return nil }
        let milliseconds: Int64
        switch text.dropFirst(digits.count).drop(while: { $0 == " " }) {
        case "ms": milliseconds = 1
        case "s": milliseconds = 1000
        case "m": milliseconds = 60_000
        case "h": milliseconds = 3_600_000
        default: return nil
        }
        let (total, overflow) = number.multipliedReportingOverflow(by: milliseconds)
        guard !overflow, total <= 3_155_760_000_000 else { return nil }
        return .milliseconds(total)
    }

    /// Writes a duration with the largest unit that leaves a whole number. Below a millisecond it rounds down.
    public static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        if milliseconds != 0 { return "\(seconds &* 1000 &+ milliseconds)ms" }
        if seconds == 0 || seconds % 60 != 0 { return "\(seconds)s" }
        if seconds % 3600 != 0 { return "\(seconds / 60)m" }
        return "\(seconds / 3600)h"
    }
}
