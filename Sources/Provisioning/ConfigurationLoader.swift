import Foundation

/// Reads the configuration: a YAML file, environment variables over it, and defaults below it.
///
/// It takes a file's text as a value and asks ``isReadable`` about the files that the text names, so that tests need no
/// disk. Used by one thread.
public struct ConfigurationLoader {
    /// The process environment, or what stands for it.
    public var environment: [String: String]
    /// Whether a file exists and can be read.
    public var isReadable: (String) -> Bool

    /// Makes a loader for this process, or for given values.
    public init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        isReadable: @escaping (String) -> Bool = { FileManager.default.isReadableFile(atPath: $0) }
    ) {
        self.environment = environment
        self.isReadable = isReadable
    }

    /// Reads a file; `nil`: the embedded defaults with the environment over them.
    ///
    /// Relative paths inside of the file start at the file's folder.
    /// - Throws: every issue found, at once.
    public func load(file: String?) throws(ConfigurationError) -> LoadedConfiguration {
        guard let file else {
            let nothing = ConfigurationNode(origin: .builtIn, content: .mapping([]))
            return try read(nothing, folder: nil)
        }
        let text: String
        do {
            text = try Self.text(of: file)
        } catch {
            throw ConfigurationError(issues: [error])
        }
        return try load(yaml: text, name: file, folder: (file as NSString).deletingLastPathComponent)
    }

    /// Reads YAML text.
    /// - Parameters:
    ///   - yaml: the text.
    ///   - name: the name of the text in errors.
    ///   - folder: where its relative paths start; `nil` or empty: the working folder.
    /// - Throws: every issue found, at once.
    public func load(yaml: String, name: String, folder: String?) throws(ConfigurationError) -> LoadedConfiguration {
        do {
            var loaded = try read(try ConfigurationNode.parse(yaml: yaml, file: name), folder: folder)
            let lines = yaml.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            if lines.allSatisfy({ $0.isEmpty || $0.hasPrefix("#") }) {
                // What a template that failed leaves behind.
                loaded.notices.append(
                    ConfigurationIssue(
                        origin: .file(name: name, line: nil), keyPath: "", problem: "the file says nothing",
                        remedy: "the embedded defaults are used; leave --config out if that is meant"))
            }
            return loaded
        } catch let error as ConfigurationError {
            throw error
        } catch let issue as ConfigurationIssue {
            throw ConfigurationError(issues: [issue])
        } catch {
            let origin = ConfigurationIssue.Origin.file(name: name, line: nil)
            let issue = ConfigurationIssue(
                origin: origin, keyPath: "", problem: "the file cannot be read", remedy: "check it")
            throw ConfigurationError(issues: [issue])
        }
    }

    private func read(_ root: ConfigurationNode, folder: String?) throws(ConfigurationError) -> LoadedConfiguration {
        let findings = ConfigurationFindings()
        let root = applyEnvironment(to: root, findings: findings)
        let reader = ConfigurationReader(findings: findings, folder: folder, isReadable: isReadable)
        let configuration = reader.configuration(root)
        let issues = findings.sortedIssues
        guard issues.isEmpty else { throw ConfigurationError(issues: issues) }
        return LoadedConfiguration(configuration: configuration, notices: findings.notices)
    }

    /// Puts the variables that name a key over the file; remarks on those that look like a misspelt key.
    private func applyEnvironment(to root: ConfigurationNode, findings: ConfigurationFindings) -> ConfigurationNode {
        var root = root
        let keys = ConfigurationKey.all.compactMap { key in key.environmentName.map { (variable: $0, key: key) } }
        for (variable, key) in keys {
            guard let text = environment[variable] else { continue }
            root = root.overriding(key.path.split(separator: "."), with: text, variable: variable)
        }
        let known = keys.map(\.variable)
        for variable in environment.keys.sorted() where variable.hasPrefix("EARSHOT_") && !known.contains(variable) {
            // Others may use the prefix: a container platform sets EARSHOT_PORT for a service called "earshot".
            let names = known.map { String($0.dropFirst(8)) }
            guard let nearest = NameSuggestion.nearest(to: String(variable.dropFirst(8)), among: names) else {
                continue
            }
            findings.note(
                .environment(variable: variable), "", "sets no key of the configuration",
                "did you mean EARSHOT_\(nearest)?")
        }
        return root
    }

    /// The text of a file of limited size.
    private static func text(of file: String) throws(ConfigurationIssue) -> String {
        func issue(_ problem: String, _ remedy: String) -> ConfigurationIssue {
            ConfigurationIssue(
                origin: .file(name: file, line: nil), keyPath: "", problem: problem, remedy: remedy)
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
            throw issue("there is no such file", "check the path after --config")
        }
        guard !isFolder.boolValue else {
            throw issue("this is a folder", "give the path of the file itself")
        }
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw issue("the file cannot be opened", "let the user who runs the service read it")
        }
        defer { try? handle.close() }
        let limit = ConfigurationNode.YAMLLimit.bytes
        // One byte more than allowed tells a full file from a longer one, without reading all of a huge one.
        guard let data = try? handle.read(upToCount: limit + 1) else {
            return ""
        }
        guard data.count <= limit else {
            throw issue("the file is larger than \(limit / 1024) KiB", "is it the right file?")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw issue("the file is not UTF-8 text", "save it as UTF-8")
        }
        return text
    }
}
