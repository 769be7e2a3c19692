import Yams

extension ConfigurationNode {
    /// Limits that keep a hostile or broken file from costing time or memory.
    enum YAMLLimit {
        /// Bytes of a file; ten thousand connectors fit.
        static let bytes = 4 * 1024 * 1024
        /// Sections inside each other; the deepest key needs 6.
        static let depth = 12
        /// Words that look like aliases before the text is refused unparsed: with so few, even the worst nest of
        /// aliases is small.
        static let aliases = 32
    }

    /// Reads YAML text (YAML 1.1, one document). Anchors, aliases and merge keys are refused.
    static func parse(yaml text: String, file: String) throws(ConfigurationIssue) -> ConfigurationNode {
        guard text.utf8.count <= YAMLLimit.bytes else {
            throw wholeFile(file, "the file is larger than \(YAMLLimit.bytes / 1024) KiB", "is it the right file?")
        }
        guard aliasCount(text) <= YAMLLimit.aliases else {
            throw wholeFile(
                file, "the file has YAML aliases (`*name`)",
                "write each value out; aliases are not read, because a small nest of them can stand for gigabytes")
        }
        let parser: Parser
        let root: Node?
        do {
            // Encoding and resolver are given, so that neither an environment variable nor YAML's guesses of types
            // (`012`, `off`, `1:30`) change what is read.
            parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            root = try parser.singleRoot()
        } catch {
            throw issue(for: error, file: file)
        }
        let nothing = ConfigurationNode(origin: .file(name: file, line: nil), content: .mapping([]))
        guard let root else { return nothing }
        // Nodes hold their anchors weakly: once the parser is gone, no node would have one.
        defer { withExtendedLifetime(parser) {} }
        return try convert(root, file: file, depth: 0)
    }

    private static func convert(_ node: Node, file: String, depth: Int) throws(ConfigurationIssue) -> Self {
        let origin = ConfigurationIssue.Origin.file(name: file, line: node.mark?.line)
        // Every alias stands for a node with an anchor, so stopping at anchors keeps the walk as short as the file.
        if node.anchor != nil {
            throw ConfigurationIssue(
                origin: origin, keyPath: "", problem: "YAML anchors (`&name`) and aliases (`*name`) are not read",
                remedy: "write the value out at each place")
        }
        guard depth < YAMLLimit.depth else {
            throw ConfigurationIssue(
                origin: origin, keyPath: "", problem: "sections are nested more than \(YAMLLimit.depth) deep",
                remedy: "check the indentation and the brackets")
        }
        switch node {
        case .scalar(let scalar):
            let isEmpty = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return ConfigurationNode(origin: origin, content: .scalar(text: scalar.string, isEmpty: isEmpty))
        case .sequence(let sequence):
            var items: [ConfigurationNode] = []
            for item in sequence { items.append(try convert(item, file: file, depth: depth + 1)) }
            return ConfigurationNode(origin: origin, content: .list(items))
        case .mapping(let mapping):
            var entries: [Entry] = []
            for (key, value) in mapping {
                let keyOrigin = ConfigurationIssue.Origin.file(name: file, line: key.mark?.line)
                guard case .scalar(let name) = key else {
                    throw ConfigurationIssue(
                        origin: keyOrigin, keyPath: "", problem: "a key is not a single word",
                        remedy: "write `key: value`")
                }
                let value = try convert(value, file: file, depth: depth + 1)
                entries.append(Entry(key: name.string, keyOrigin: keyOrigin, value: value))
            }
            return ConfigurationNode(origin: origin, content: .mapping(entries))
        case .alias:
            throw ConfigurationIssue(
                origin: origin, keyPath: "", problem: "YAML aliases (`*name`) are not read",
                remedy: "write the value out at each place")
        }
    }

    /// How many words of the text look like aliases. It may count too many (a `*word` in a comment), never too few.
    private static func aliasCount(_ text: String) -> Int {
        let openers = [UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: ",")]
        var count = 0
        var previous = UInt8(ascii: "\n")
        var isStar = false
        for byte in text.utf8 {
            let isBlank = byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
            if isStar, !isBlank, byte != UInt8(ascii: "*") { count += 1 }
            let startsWord = previous <= 0x20 || openers.contains(previous)
            isStar = byte == UInt8(ascii: "*") && startsWord
            previous = byte
        }
        return count
    }

    private static func wholeFile(_ file: String, _ problem: String, _ remedy: String) -> ConfigurationIssue {
        ConfigurationIssue(origin: .file(name: file, line: nil), keyPath: "", problem: problem, remedy: remedy)
    }

    /// Words of our own for an error of the YAML parser: its descriptions quote the line, which may hold a password.
    private static func issue(for error: any Error, file: String) -> ConfigurationIssue {
        func issue(_ line: Int?, _ problem: String, _ remedy: String) -> ConfigurationIssue {
            ConfigurationIssue(
                origin: .file(name: file, line: line), keyPath: "", problem: problem, remedy: remedy)
        }
        let checkSyntax = "check the indentation, quotes and brackets of this line and the one before it"
        guard let error = error as? YamlError else {
            return issue(nil, "the YAML cannot be read", checkSyntax)
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            if problem == "but found another document" {
                return issue(mark.line, "a second YAML document starts here", "keep one document and remove the `---`")
            }
            let words = [context?.text, problem].compactMap { $0 }.joined(separator: ", ")
            return issue(mark.line, "the YAML cannot be read (\(words))", checkSyntax)
        case .reader(let problem, let offset, _, let yaml):
            let line = offset.map { offset in 1 + yaml.prefix(offset).filter(\.isNewline).count }
            return issue(line, "the YAML cannot be read (\(problem))", "remove the control character")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.prefix(5).map { "'\($0.prefix(64))'" }.joined(separator: ", ")
            return issue(context.mark.line, "the key \(names) is written more than once", "keep one of them")
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return issue(nil, "the YAML cannot be read", checkSyntax)
        }
    }
}
