/// A value of the configuration with the place it came from, whatever format that was.
struct ConfigurationNode {
    enum Content {
        /// A scalar as written; `isEmpty`: a plain `~`, `null` or nothing at all.
        case scalar(text: String, isEmpty: Bool)
        case list([ConfigurationNode])
        /// In the order of the file.
        case mapping([Entry])
    }

    struct Entry {
        var key: String
        var keyOrigin: ConfigurationIssue.Origin
        var value: ConfigurationNode
    }

    var origin: ConfigurationIssue.Origin
    var content: Content

    /// What the value is, for an error that expected something else.
    var kindText: String {
        switch content {
        case .scalar(_, let isEmpty): isEmpty ? "nothing" : "a single value"
        case .list: "a list"
        case .mapping: "a section of keys"
        }
    }

    /// The value with a scalar put at a path of section names, in place of what was there.
    func overriding(_ path: some Collection<Substring>, with text: String, variable: String) -> ConfigurationNode {
        let origin = ConfigurationIssue.Origin.environment(variable: variable)
        // Paths come from the key table, so the depth is 2 at most.
        guard let first = path.first else {
            return ConfigurationNode(origin: origin, content: .scalar(text: text, isEmpty: false))
        }
        var entries: [Entry] = []
        if case .mapping(let existing) = content { entries = existing }
        let rest = path.dropFirst()
        let nothing = ConfigurationNode(origin: origin, content: .mapping([]))
        if let index = entries.firstIndex(where: { $0.key == first }) {
            entries[index].value = entries[index].value.overriding(rest, with: text, variable: variable)
        } else {
            let value = nothing.overriding(rest, with: text, variable: variable)
            entries.append(Entry(key: String(first), keyOrigin: origin, value: value))
        }
        return ConfigurationNode(origin: self.origin, content: .mapping(entries))
    }
}
