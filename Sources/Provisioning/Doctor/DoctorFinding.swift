/// What one check of `earshot doctor` found.
public struct DoctorFinding: Sendable, Equatable, Codable {
    /// How bad it is.
    public enum Verdict: String, Sendable, Codable, CaseIterable {
        /// As it should be.
        case ok
        /// It works, and may not under load or for every peer.
        case warning
        /// The service cannot start, or calls will fail.
        case problem
    }

    /// A name that stays the same between releases, such as `port.sip.udp`.
    public var check: String
    /// How bad it is.
    public var verdict: Verdict
    /// What was found.
    public var message: String
    /// How to mend it; `nil` when it is in order.
    public var remedy: String?

    /// Makes the value.
    public init(check: String, verdict: Verdict, message: String, remedy: String? = nil) {
        self.check = check
        self.verdict = verdict
        self.message = message
        self.remedy = remedy
    }
}

extension DoctorFinding: CustomStringConvertible {
    /// One line, or two with the remedy below.
    public var description: String {
        let label: String
        switch verdict {
        case .ok: label = "ok      "
        case .warning: label = "warning "
        case .problem: label = "problem "
        }
        return "\(label) \(check): \(message)" + (remedy.map { "\n          \($0)" } ?? "")
    }
}
