/// Reads the keys of one section: each getter gives a fit value, and records an issue where the file has none.
///
/// Getters are named after what the key takes; the range and default come from ``ConfigurationKey/all``.
struct SectionReader {
    /// The section with indices, such as `connectors[0].termination`; empty for the top.
    let path: String
    /// The section as the key table names it, such as `connectors[].termination`.
    let pattern: String
    /// Where the section is.
    let origin: ConfigurationIssue.Origin
    let findings: ConfigurationFindings
    private let entries: [String: ConfigurationNode]

    /// - Parameter node: the section; `nil` where the file does not have it.
    init(
        _ node: ConfigurationNode?, path: String, pattern: String, parent: ConfigurationIssue.Origin,
        findings: ConfigurationFindings
    ) {
        self.path = path
        self.pattern = pattern
        self.findings = findings
        origin = node?.origin ?? parent
        var entries: [String: ConfigurationNode] = [:]
        switch node?.content {
        case nil, .scalar(_, isEmpty: true): break
        case .mapping(let written):
            let names = ConfigurationKey.names(in: pattern)
            for entry in written {
                if names.contains(entry.key) {
                    entries[entry.key] = entry.value
                } else {
                    findings.unknownKey(entry, in: path, pattern: pattern, names: names)
                }
            }
        case .scalar, .list:
            let names = ConfigurationKey.names(in: pattern).joined(separator: ", ")
            findings.add(
                origin, path, "has \(node?.kindText ?? "nothing") where keys are expected",
                "write keys below it, each as `key: value` (\(names))")
        }
        self.entries = entries
    }

    /// The section of a name inside of this one.
    func section(_ name: String) -> SectionReader {
        SectionReader(
            entries[name], path: join(path, name), pattern: join(pattern, name), parent: origin, findings: findings)
    }

    /// The path of a key in this section.
    func keyPath(_ name: String) -> String {
        join(path, name)
    }

    /// Whether the key is written.
    func has(_ name: String) -> Bool {
        entries[name] != nil
    }

    /// Where the key is written; where it is missing, the section.
    func origin(of name: String) -> ConfigurationIssue.Origin {
        entries[name]?.origin ?? origin
    }

    /// A value made of the key's text by a rule of the caller; the fallback where the key is missing or unfit.
    func value<Value>(
        _ name: String, default fallback: Value, _ parse: (String) throws(ValueComplaint) -> Value
    ) -> Value {
        guard let text = text(name) else { return fallback }
        do {
            return try parse(text)
        } catch {
            findings.add(origin(of: name), keyPath(name), error.problem, error.remedy)
            return fallback
        }
    }

    /// A required value; `nil`, with an issue recorded, where it is missing or unfit.
    func required<Value>(_ name: String, _ parse: (String) throws(ValueComplaint) -> Value) -> Value? {
        guard entries[name] != nil else {
            let range = ConfigurationKey.at(join(pattern, name))?.rangeText ?? "a value"
            findings.add(origin, keyPath(name), "is missing", "add it: \(range)")
            return nil
        }
        return value(name, default: nil, { text throws(ValueComplaint) in try parse(text) })
    }

    /// The items of a list, each with its path; empty where the key is missing or no list.
    func list(_ name: String, limit: Int) -> [(path: String, node: ConfigurationNode)] {
        guard let node = entries[name] else { return [] }
        switch node.content {
        case .scalar(_, isEmpty: true): return []
        case .list(let items):
            guard items.count <= limit else {
                findings.add(node.origin, keyPath(name), "has \(items.count) items", "keep at most \(limit)")
                return []
            }
            return items.enumerated().map { ("\(keyPath(name))[\($0.offset)]", $0.element) }
        case .scalar, .mapping:
            findings.add(
                node.origin, keyPath(name), "has \(node.kindText) where a list is expected",
                "write it as `[a, b]`, or one item a line, each after `- `")
            return []
        }
    }

    /// The text of a key; `nil` where it is missing or no single value, the latter with an issue.
    private func text(_ name: String) -> String? {
        guard let node = entries[name] else { return nil }
        let range = ConfigurationKey.at(join(pattern, name))?.rangeText ?? "a value"
        guard case .scalar(let text, let isEmpty) = node.content else {
            findings.add(
                node.origin, keyPath(name), "has \(node.kindText) where a single value is expected", "write \(range)")
            return nil
        }
        guard !isEmpty else {
            findings.add(node.origin, keyPath(name), "has no value", "write \(range), or remove the key")
            return nil
        }
        return text
    }

    private func join(_ section: String, _ name: String) -> String {
        section.isEmpty ? name : "\(section).\(name)"
    }
}

/// What is wrong with one value, before it is known where it stands.
struct ValueComplaint: Error {
    var problem: String
    var remedy: String

    init(_ problem: String, _ remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }
}
