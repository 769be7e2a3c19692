extension SectionReader {
    /// A whole number in the range of the key table.
    func integer(_ name: String, default fallback: Int) -> Int {
        guard case .integer(let range, let unit) = kind(of: name) else { return fallback }
        return value(name, default: fallback) { text throws(ValueComplaint) in
            let expected = "use a whole number of \(unit) from \(range.lowerBound) to \(range.upperBound)"
            guard let number = Self.number(text) else {
                throw ValueComplaint("\(quote(text)) is no whole number", expected)
            }
            guard range.contains(number) else { throw ValueComplaint("\(quote(text)) is out of range", expected) }
            return number
        }
    }

    /// A duration in the range of the key table.
    func duration(_ name: String, default fallback: Duration) -> Duration {
        guard case .duration(let range) = kind(of: name) else { return fallback }
        return value(name, default: fallback) { text throws(ValueComplaint) in
            let low = DurationText.format(range.lowerBound)
            let high = DurationText.format(range.upperBound)
            guard let duration = DurationText.parse(text) else {
                let hint = Self.number(text) == nil ? "" : "'\(text)ms' or '\(text)s'? "
                throw ValueComplaint(
                    "\(quote(text)) is no duration", "\(hint)write a number with ms, s, m or h, from \(low) to \(high)")
            }
            guard range.contains(duration) else {
                throw ValueComplaint("\(quote(text)) is out of range", "use a duration from \(low) to \(high)")
            }
            return duration
        }
    }

    /// `true` or `false`.
    func boolean(_ name: String, default fallback: Bool) -> Bool {
        value(name, default: fallback) { text throws(ValueComplaint) in
            switch text {
            case "true", "True", "TRUE": return true
            case "false", "False", "FALSE": return false
            case "yes", "on", "1": throw ValueComplaint("\(quote(text)) is neither true nor false", "write true")
            case "no", "off", "0": throw ValueComplaint("\(quote(text)) is neither true nor false", "write false")
            default: throw ValueComplaint("\(quote(text)) is neither true nor false", "write true or false")
            }
        }
    }

    /// One of the words of an enumeration.
    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, default fallback: Choice) -> Choice
    where Choice.RawValue == String {
        value(name, default: fallback) { text throws(ValueComplaint) in
            if let choice = Choice(rawValue: text) { return choice }
            let words = Choice.allCases.map(\.rawValue)
            let hint = NameSuggestion.nearest(to: text, among: words).map { "did you mean '\($0)'? " } ?? ""
            throw ValueComplaint("\(quote(text)) is not offered", "\(hint)use \(words.joined(separator: ", "))")
        }
    }

    /// A port to listen on; `nil` for `off`.
    func listenPort(_ name: String, default fallback: UInt16?) -> UInt16? {
        value(name, default: fallback) { text throws(ValueComplaint) in
            if text == "off" { return nil }
            let expected = "use a number from 0 to 65535 (0: any free port) or off"
            guard let number = Self.number(text) else {
                throw ValueComplaint("\(quote(text)) is no port", expected)
            }
            guard let port = UInt16(exactly: number) else {
                throw ValueComplaint("port \(number) is out of range", expected)
            }
            return port
        }
    }

    /// A text of limited length without control characters.
    func line(_ name: String, limit: Int, default fallback: String) -> String {
        value(name, default: fallback) { text throws(ValueComplaint) in try Self.line(text, limit: limit) }
    }

    /// Checks a text that must be one line of 1 to `limit` characters. The text itself is not repeated in errors.
    static func line(_ text: String, limit: Int) throws(ValueComplaint) -> String {
        guard !text.isEmpty else { throw ValueComplaint("is empty", "write 1 to \(limit) characters") }
        guard text.unicodeScalars.count <= limit else {
            throw ValueComplaint("is longer than \(limit) characters", "shorten it")
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw ValueComplaint("has a control character or a line break", "remove it")
        }
        return text
    }

    /// A text for an error, in quotes.
    static func quote(_ text: String) -> String {
        "'\(visible(text))'"
    }

    /// A text cut to a length, and freed of control characters, that keep an error one line.
    static func visible(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(80).map { scalar in
            scalar.properties.generalCategory == .control ? "?" : Character(scalar)
        }
        return String(shown) + (text.unicodeScalars.count > 80 ? "…" : "")
    }

    /// A text for an error, in quotes.
    func quote(_ text: String) -> String {
        Self.quote(text)
    }

    private func kind(of name: String) -> ConfigurationKey.Kind? {
        ConfigurationKey.at(pattern.isEmpty ? name : "\(pattern).\(name)")?.kind
    }

    /// A decimal number with an optional sign; `Int.init` alone would also take `+5`.
    private static func number(_ text: String) -> Int? {
        guard text.first != "+" else { return nil }
        return Int(text)
    }
}
