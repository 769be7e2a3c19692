/// One thing that is wrong with the configuration.
public struct ConfigurationIssue: Error, Sendable, Equatable {
    /// Where a value came from.
    public enum Origin: Sendable, Equatable {
        /// A line of the configuration file, from 1; `nil`: the file as a whole.
        case file(name: String, line: Int?)
        /// An environment variable.
        case environment(variable: String)
        /// Nothing was written: the value is the default.
        case builtIn
    }

    /// Where the value came from.
    public var origin: Origin
    /// The key, such as `sip.udp` or `connectors[0].id`; empty for the file as a whole.
    public var keyPath: String
    /// What is wrong. Never holds a password.
    public var problem: String
    /// How to mend it.
    public var remedy: String

    /// Makes the value.
    public init(origin: Origin, keyPath: String, problem: String, remedy: String) {
        self.origin = origin
        self.keyPath = keyPath
        self.problem = problem
        self.remedy = remedy
    }
}

extension ConfigurationIssue: CustomStringConvertible {
    /// One line: `earshot.yaml:4: sip.udp: '70000' is out of range; use …`.
    public var description: String {
        let place: String
        switch origin {
        case .file(let name, let line?): place = "\(name):\(line): "
        case .file(let name, nil): place = "\(name): "
        case .environment(let variable): place = "environment variable \(variable): "
        case .builtIn: place = ""
        }
        return place + (keyPath.isEmpty ? "" : "\(keyPath): ") + "\(problem); \(remedy)"
    }
}

/// Why a configuration cannot be used: every issue at once, so that one edit can mend them all.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The issues, in the order of the file. Never empty.
    public var issues: [ConfigurationIssue]

    /// Makes the value.
    public init(issues: [ConfigurationIssue]) {
        self.issues = issues
    }

    /// A line that says how many, and a line for each issue.
    public var description: String {
        let count = issues.count == 1 ? "1 problem" : "\(issues.count) problems"
        return (["the configuration has \(count)"] + issues.map { "  \($0)" }).joined(separator: "\n")
    }
}

/// A configuration that can be used, and what its author should know about it.
public struct LoadedConfiguration: Sendable, Equatable {
    /// The configuration.
    public var configuration: ServiceConfiguration
    /// Remarks that stop nothing, such as an environment variable that looks like a misspelt one.
    public var notices: [ConfigurationIssue]
}
