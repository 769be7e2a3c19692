/// A point in time to the second, UTC, in the form of `X-Amz-Date`: `20260131T235959Z`.
struct SigningTime: Sendable, Hashable {
    /// Seconds since 1970; of the years 1970 to 9999.
    let epochSeconds: Int64
    /// The 16 characters.
    let text: String

    /// The first 8 characters: the date of the credential scope.
    var date: String { String(text.prefix(8)) }

    /// - Parameter epochSeconds: outside of the years 1970 to 9999 the nearest second inside is taken.
    init(epochSeconds: Int64) {
        let seconds = min(max(epochSeconds, 0), 253_402_300_799)
        self.epochSeconds = seconds
        let (year, month, day) = Self.civil(days: seconds / 86_400)
        let rest = seconds % 86_400
        text =
            Self.padded(year, 4) + Self.padded(month, 2) + Self.padded(day, 2) + "T" + Self.padded(rest / 3600, 2)
            + Self.padded(rest / 60 % 60, 2) + Self.padded(rest % 60, 2) + "Z"
    }

    /// Reads `20260131T235959Z`, nothing else.
    init?(basic: String) {
        let octets = Array(basic.utf8)
        guard octets.count == 16, octets[8] == UInt8(ascii: "T"), octets[15] == UInt8(ascii: "Z"),
            let year = Self.number(octets[0..<4]), let month = Self.number(octets[4..<6]),
            let day = Self.number(octets[6..<8]), let hour = Self.number(octets[9..<11]),
            let minute = Self.number(octets[11..<13]), let second = Self.number(octets[13..<15]),
            let seconds = Self.seconds(year, month, day, hour, minute, second)
        else { return nil }
        self.init(epochSeconds: seconds)
    }

    /// Reads the `Date` field of HTTP, `Sat, 31 Jan 2026 23:59:59 GMT` (RFC 9110 §5.6.7, IMF-fixdate).
    init?(httpDate: String) {
        let parts = httpDate.utf8.split(separator: UInt8(ascii: " ")).map { ArraySlice($0) }
        guard parts.count == 6, parts[0].count == 4, parts[0].last == UInt8(ascii: ","), parts[3].count == 4,
            [Array("GMT".utf8), Array("UTC".utf8), Array("+0000".utf8), Array("-0000".utf8)].contains(Array(parts[5])),
            let month = Self.months.firstIndex(of: String(decoding: parts[2], as: UTF8.self)),
            (1...2).contains(parts[1].count), let day = Self.number(parts[1]), let year = Self.number(parts[3])
        else { return nil }
        let clock = parts[4].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard clock.count == 3, clock.allSatisfy({ $0.count == 2 }), let hour = Self.number(clock[0]),
            let minute = Self.number(clock[1]), let second = Self.number(clock[2]),
            let seconds = Self.seconds(year, Int64(month + 1), day, hour, minute, second)
        else { return nil }
        self.init(epochSeconds: seconds)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value &* 10 &+ Int64(digit &- 0x30)
        }
        return digits.isEmpty || digits.count > 4 ? nil : value
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    private static func seconds(
        _ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64, _ minute: Int64, _ second: Int64
    ) -> Int64? {
        guard (1970...9999).contains(year), (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[Int(month - 1)] else { return nil }
        return days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// Days since 1970, counted in years that begin with March, so that the leap day is the last of a year.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1)
    }
}
