import Logging
import UserAgent

/// Says once a minute what was dropped or refused in it, if anything was: what strangers send costs one line a minute.
struct RefusalLog {
    let agent: SIPAgent
    let logger: Logger

    func run() async {
        var known = UserAgentCounters()
        while !Task.isCancelled {
            try? await ContinuousClock().sleep(for: .seconds(60))
            let counters = await agent.counters
            report(known, counters)
            known = counters
        }
    }

    private func report(_ before: UserAgentCounters, _ now: UserAgentCounters) {
        let differences: [(String, UInt64)] = [
            ("droppedFromStrangers", now.droppedSources &- before.droppedSources),
            ("unreadable", now.unreadable &- before.unreadable),
            ("droppedRequests", now.droppedRequests &- before.droppedRequests),
            ("framingErrors", now.framingErrors &- before.framingErrors),
            ("connectionsRefused", now.connectionsRefused &- before.connectionsRefused),
            ("handshakeFailures", now.handshakeFailures &- before.handshakeFailures),
        ]
        var metadata: Logger.Metadata = [:]
        for (name, count) in differences where count > 0 { metadata[name] = "\(count)" }
        for (status, count) in now.refusedByStatus {
            let difference = count &- (before.refusedByStatus[status] ?? 0)
            if difference > 0 { metadata["refused\(status)"] = "\(difference)" }
        }
        if !metadata.isEmpty { logger.notice("dropped or refused in the last minute", metadata: metadata) }
    }
}
