/// The report for programs and for people.
extension CampaignReport {
    /// One JSON object on one line. Times in milliseconds; `null` where nothing was measured.
    public var json: String {
        let failures = failures.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        let members = [
            "\"calls\":\(calls)", "\"answered\":\(answered)", "\"failed\":\(failed)", "\"failures\":{\(failures)}",
            "\"inviteToAnswerMs\":{\"p50\":\(Self.number(answerTime(0.5))),\"p99\":\(Self.number(answerTime(0.99))),"
                + "\"max\":\(Self.number(answerTimes.last))}",
            "\"packetsSent\":\(packetsSent)", "\"packetsFailed\":\(packetsFailed)",
            "\"reportedLost\":\(reportedLost.map(String.init) ?? "null")", "\"legs\":\(legs)",
            "\"seconds\":\(Self.number(seconds))",
            "\"pacingLateMs\":{\"p50\":\(Self.number(pacing.lateP50)),\"p99\":\(Self.number(pacing.lateP99))}",
            "\"senderCpuSeconds\":\(Self.number(pacing.processorSeconds))",
        ]
        return "{\(members.joined(separator: ","))}"
    }

    /// A line for each different failure: what happened and what can be done.
    public var failureLines: [String] {
        explanations.map { text, calls in
            self.calls == 1 ? "failed: \(text)" : "failed: \(calls) of \(self.calls) calls: \(text)"
        }
    }

    /// A few lines about all calls.
    public var text: String {
        var lines: [String] = []
        let missing = wanted - calls
        let failedText = failed == 0 ? "none failed" : "\(failed) failed"
        lines.append(
            "calls: \(calls) placed, \(answered) answered, \(failedText)"
                + (missing > 0 ? ", \(missing) not placed (stopped)" : ""))
        if answered > 0 {
            let times =
                answered == 1
                ? "\(Self.shown(answerTimes.last)) ms"
                : "p50 \(Self.shown(answerTime(0.5))) ms, p99 \(Self.shown(answerTime(0.99))) ms, "
                    + "max \(Self.shown(answerTimes.last)) ms"
            lines.append("INVITE to 200: \(times)")
            var media = "media: \(packetsSent) packets on \(legs) legs in \(Self.shown(seconds)) s"
            if packetsFailed > 0 { media += ", \(packetsFailed) not sent" }
            if let reportedLost { media += ", the server reports \(reportedLost) lost" }
            lines.append(media)
            lines.append("pacing: late by p50 \(Self.shown(pacing.lateP50)) ms, p99 \(Self.shown(pacing.lateP99)) ms")
        }
        if refusals > 0 {
            lines.append(
                "warning: \(refusals) packets met a closed port: the server does not listen where it said it does")
        }
        return lines.joined(separator: "\n")
    }

    /// Three decimals, without an exponent: valid JSON.
    private static func number(_ value: Double?) -> String {
        guard let value, value.isFinite, value.magnitude < 1e12 else { return "null" }
        let thousandths = Int64((value.magnitude * 1000).rounded())
        let fraction = String(1000 + thousandths % 1000).dropFirst()
        return "\(value < 0 && thousandths > 0 ? "-" : "")\(thousandths / 1000).\(fraction)"
    }

    /// Up to two decimals for people.
    private static func shown(_ value: Double?) -> String {
        guard let value, value.isFinite, value.magnitude < 1e12 else { return "-" }
        let digits = value.magnitude < 10 ? 100.0 : value.magnitude < 100 ? 10 : 1
        let scaled = (value * digits).rounded() / digits
        return scaled == scaled.rounded() ? "\(Int64(scaled))" : "\(scaled)"
    }
}
