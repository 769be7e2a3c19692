/// Collects issues while a configuration is read. Used by one thread, for the time of one load.
final class ConfigurationFindings {
    private(set) var issues: [ConfigurationIssue] = []
    private(set) var notices: [ConfigurationIssue] = []

    /// Records that a value cannot be used.
    func add(_ origin: ConfigurationIssue.Origin, _ keyPath: String, _ problem: String, _ remedy: String) {
        issues.append(ConfigurationIssue(origin: origin, keyPath: keyPath, problem: problem, remedy: remedy))
    }

    /// Records a remark that stops nothing.
    func note(_ origin: ConfigurationIssue.Origin, _ keyPath: String, _ problem: String, _ remedy: String) {
        notices.append(ConfigurationIssue(origin: origin, keyPath: keyPath, problem: problem, remedy: remedy))
    }

    /// Records a key that no section has, with the name that was probably meant.
    func unknownKey(_ entry: ConfigurationNode.Entry, in path: String, pattern: String, names: [String]) {
        let key = String(entry.key.prefix(64))
        let keyPath = path.isEmpty ? key : "\(path).\(key)"
        let remedy: String
        if entry.key == "<<" {
            remedy = "merge keys are not read; write the keys out"
        } else if let nearest = NameSuggestion.nearest(to: entry.key, among: names) {
            remedy = "did you mean '\(nearest)'?"
        } else if let home = ConfigurationKey.all.first(where: { $0.path.hasSuffix(".\(entry.key)") }) {
            remedy = "'\(entry.key)' belongs at \(home.path)"
        } else {
            remedy = "the keys here are \(names.joined(separator: ", "))"
        }
        add(entry.keyOrigin, keyPath, "is no known key", remedy)
    }

    /// The issues in the order of the file: those of the file by line, then those of the environment.
    var sortedIssues: [ConfigurationIssue] {
        func rank(_ found: EnumeratedSequence<[ConfigurationIssue]>.Element) -> (Int, Int, Int) {
            // The position keeps issues of one line in the order they were found.
            switch found.element.origin {
            case .file(_, let line): (0, line ?? 0, found.offset)
            case .environment: (1, 0, found.offset)
            case .builtIn: (2, 0, found.offset)
            }
        }
        return issues.enumerated()
            .sorted { rank($0) < rank($1) }
            .map(\.element)
    }
}
