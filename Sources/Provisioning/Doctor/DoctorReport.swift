import Foundation

/// Everything that `earshot doctor` found.
public struct DoctorReport: Sendable, Equatable, Codable {
    /// The findings in the order of the checks.
    public var findings: [DoctorFinding]

    /// Makes the value.
    public init(findings: [DoctorFinding]) {
        self.findings = findings
    }

    /// Whether the service would start and take calls: there is no problem.
    public var isHealthy: Bool {
        !findings.contains { $0.verdict == .problem }
    }

    /// The report as JSON: `{"findings":[{"check":…,"message":…,"remedy":…,"verdict":…}],"healthy":…}`.
    public func json() -> String {
        struct Output: Encodable {
            var findings: [DoctorFinding]
            var healthy: Bool
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let output = Output(findings: findings, healthy: isHealthy)
        guard let data = try? encoder.encode(output) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}

extension DoctorReport: CustomStringConvertible {
    /// The findings, then a line that sums them up.
    public var description: String {
        func count(_ verdict: DoctorFinding.Verdict) -> Int { findings.count { $0.verdict == verdict } }
        let sum = "\(count(.ok)) ok, \(count(.warning)) warnings, \(count(.problem)) problems"
        return (findings.map(\.description) + [sum]).joined(separator: "\n")
    }
}
