/// A key of the configuration: the one place that says what it takes, its default and its range.
///
/// The loader, the names of environment variables and the table in `docs/configuration.md` all come from ``all``.
public struct ConfigurationKey: Sendable {
    /// What a key takes.
    public enum Kind: Sendable {
        /// A text that a rule of its own checks; the text says what it takes.
        case text(String)
        /// A whole number, and what it counts.
        case integer(ClosedRange<Int>, unit: String)
        /// A port, 0 for any free one, or `off`.
        case listenPort
        /// A duration such as `240ms`.
        case duration(ClosedRange<Duration>)
        /// `true` or `false`.
        case boolean
        /// One of a few words.
        case choice([String])
        /// A list; the text says of what.
        case list(String)
    }

    /// The key with its sections; `[]` stands for the index in a list.
    public let path: String
    /// What it takes.
    public let kind: Kind
    /// The default as one would write it; `nil`: the key is required; empty: none.
    public let defaultText: String?
    /// What it does.
    public let summary: String

    init(_ path: String, _ kind: Kind, default defaultText: String?, _ summary: String) {
        self.path = path
        self.kind = kind
        self.defaultText = defaultText
        self.summary = summary
    }

    /// The variable that overrides the key: its path in upper case with `_`, after `EARSHOT_`. Keys inside of lists
    /// have none.
    public var environmentName: String? {
        if case .list = kind { return nil }
        guard !path.contains("[") else { return nil }
        var name = "EARSHOT_"
        for character in path {
            if character == "." {
                name += "_"
            } else {
                if character.isUppercase { name += "_" }
                name += character.uppercased()
            }
        }
        return name
    }

    /// The range in words, for people.
    public var rangeText: String {
        switch kind {
        case .text(let rule), .list(let rule): rule
        case .integer(let range, _): "\(range.lowerBound)–\(range.upperBound)"
        case .listenPort: "0–65535 (0: any free port) or `off`"
        case .duration(let range):
            "\(DurationText.format(range.lowerBound))–\(DurationText.format(range.upperBound))"
        case .boolean: "`true` or `false`"
        case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        }
    }

    /// The unit, for people; empty where there is none.
    public var unitText: String {
        switch kind {
        case .integer(_, let unit): unit
        case .listenPort: "port"
        case .duration: "duration"
        case .text, .boolean, .choice, .list: ""
        }
    }
}

extension ConfigurationKey {
    /// The key of a path such as `sip.udp` or `connectors[].id`.
    static func at(_ path: String) -> ConfigurationKey? {
        byPath[path]
    }

    private static let byPath = Dictionary(all.map { ($0.path, $0) }) { first, _ in first }

    /// The names that may stand in a section, such as `udp` in `sip`; the empty path is the top of the file.
    static func names(in section: String) -> [String] {
        let prefix = section.isEmpty ? "" : section + "."
        var names: [String] = []
        for key in all where key.path.hasPrefix(prefix) {
            let name = String(key.path.dropFirst(prefix.count).prefix { $0 != "." && $0 != "[" })
            if !name.isEmpty, !names.contains(name) { names.append(name) }
        }
        return names
    }
}
