/// A moment in UTC and the forms in which records write it.
public struct UTCTime: Hashable, Sendable, Comparable {
    /// Milliseconds since 1970.
    public let milliseconds: Int64

    /// Makes a moment.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// The earlier moment is the smaller one.
    public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    /// Whole seconds since 1970.
    public var epochSeconds: Int64 { Self.floor(milliseconds, 1000) }

    /// `YYYY-MM-DDThh:mm:ssZ`.
    public var isoSeconds: String { "\(datePart("-"))T\(timePart(":"))Z" }

    /// `YYYY-MM-DDThh:mm:ss.mmmZ`.
    public var isoMilliseconds: String { "\(datePart("-"))T\(timePart(":")).\(thousandths)Z" }

    /// `yyyy/mm/dd`.
    public var dateFolder: String { datePart("/") }

    /// `HH.MM.SS.mmm`.
    public var objectTime: String { "\(timePart(".")).\(thousandths)" }

    private var thousandths: String { Self.digits(milliseconds - epochSeconds * 1000, 3) }

    private func timePart(_ separator: String) -> String {
        let second = epochSeconds - Self.floor(epochSeconds, 86400) * 86400
        return [second / 3600, second / 60 % 60, second % 60].map { Self.digits($0, 2) }.joined(separator: separator)
    }

    private func datePart(_ separator: String) -> String {
        // Days since 0000-03-01, so that the leap day ends a year; 400-year eras of 146,097 days.
        let days = Self.floor(epochSeconds, 86400) + 719_468
        let era = Self.floor(days, 146_097)
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return [Self.digits(year, 4), Self.digits(month, 2), Self.digits(day, 2)].joined(separator: separator)
    }

    private static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : (value - divisor + 1) / divisor
    }

    private static func digits(_ value: Int64, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
