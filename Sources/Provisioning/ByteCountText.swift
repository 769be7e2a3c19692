/// Sizes as people write them in the configuration: `500MB`, `200GB`, `2TB`, in powers of ten.
public enum ByteCountText {
    /// Reads a whole number and a unit of `MB`, `GB` or `TB`, with blanks allowed between them, or 0; `nil` for any other
    /// text and for more than a million terabytes.
    public static func parse(_ text: String) -> Int64? {
        guard text.utf8.count <= 24 else { return nil }
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard !digits.isEmpty, let number = Int64(digits) else { return nil }
        let unit: Int64
        switch text.dropFirst(digits.count).drop(while: { $0 == " " }) {
        case "MB": unit = 1_000_000
        case "GB": unit = 1_000_000_000
        case "TB": unit = 1_000_000_000_000
        case "" where number == 0: unit = 1
        default: return nil
        }
        let (total, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow, total <= 1_000_000_000_000_000_000 else { return nil }
        return total
    }
}
