import Logging
import MediaCore
import MediaEngine
import StreamSink
import Synchronization
import UserAgent

/// What others than the call's own task may know of a call in progress.
final class LiveCall: Sendable {
    struct State {
        var transactionID = ""
        /// Legs that have been started.
        var legs: [UInt64] = []
        /// Those of them whose payloads are kept as they come.
        var verbatim: Set<UInt64> = []
        /// What open streams hear besides audio.
        var taps: [RecordingTap] = []
        /// What is known of the call, for the lines of the media metric log.
        var call: CallRecord?
        /// What legs that have ended received.
        var ended = MediaTotals()
        /// What the lines so far have told of, and when the last one was written, on the arrival clock.
        var told = MediaTotals()
        var metricsTold: Int64 = 0
        /// The last line has been written.
        var isOver = false
        var startedAt: Int64 = 0
        /// The peer says that it sends nothing now: silence is no sign of trouble.
        var isOnHold = false
        var hasWarned = false
        /// Legs whose key has outlived its lifetime, and of which the log tells.
        var outlived: Set<UInt64> = []
        /// Legs that are not understood any more, and of which the log tells.
        var deaf: Set<UInt64> = []
        /// Why we ended the call, where we did.
        var endedBecause: EndCause?
    }

    /// Ends of a call that are ours and not the peer's.
    enum EndCause: Sendable { case serviceStopped, idle, noUsableMedia }

    let invite: IncomingInvite
    let state = Mutex(State())
    /// Nanoseconds after which an empty leg is worth a line in the log.
    private static let emptyAfter: Int64 = 5_000_000_000

    init(invite: IncomingInvite) { self.invite = invite }

    /// Silence never ends a recording, unless the operator has set a limit and the call is not on hold.
    func inspect(media: MediaService, idleTimeout: Duration, logger: Logger) async {
        let state = state.withLock { $0 }
        guard !state.legs.isEmpty else { return }
        let limit = idleTimeout.nanoseconds
        let mayWarn = !state.hasWarned && MediaClock.arrival - state.startedAt > Self.emptyAfter
        guard mayWarn || (limit > 0 && !state.isOnHold) else { return }
        let reports = await media.snapshot(state.legs)
        let now = MediaClock.arrival
        if mayWarn {
            self.state.withLock { $0.hasWarned = true }
            for report in reports where !state.isOnHold && state.isEmpty(report) {
                let isForged = report.statistics.packets == 0 && report.unauthenticated > 0
                logger.warning(
                    isForged
                        ? "nothing of an encrypted leg is authentic: its sender does not encrypt, or uses another key"
                        : "a leg has received no audio that can be decoded",
                    metadata: [
                        "transactionId": "\(state.transactionID)", "leg": "\(report.id)",
                        "packets": "\(report.statistics.packets)", "foreignPackets": "\(report.statistics.foreign)",
                        "unauthenticated": "\(report.unauthenticated)",
                    ])
            }
        }
        let latest = reports.compactMap(\.lastArrival).max() ?? state.startedAt
        guard limit > 0, !state.isOnHold, now - max(latest, state.startedAt) > limit else { return }
        logger.notice(
            "call ended: no media for media.idleTimeout", metadata: ["transactionId": "\(state.transactionID)"])
        await end(.idle)
    }

    /// Says once a leg that its sender's key has been used for longer than its lifetime (RFC 4568 §6.1).
    func warnOfKeys(_ reports: [LegReport], logger: Logger) {
        for report in reports where report.isPastKeyLifetime {
            let (isNew, id) = state.withLock { ($0.outlived.insert(report.id).inserted, $0.transactionID) }
            guard isNew else { continue }
            logger.warning(
                "a key is used for longer than its lifetime says: its sender should offer another; all is recorded",
                metadata: ["transactionId": "\(id)", "leg": "\(report.id)"])
        }
    }

    /// Says once a leg that what comes has not been authentic for a while, although it was before.
    func warnOfDeaf(_ reports: [LegReport], logger: Logger) {
        for report in reports where report.isDeaf {
            let (isNew, id) = state.withLock { ($0.deaf.insert(report.id).inserted, $0.transactionID) }
            guard isNew else { continue }
            logger.warning(
                report.unheardAgain > report.unheard / 2
                    ? "an encrypted leg is not heard any more: its sender uses packet numbers again under one key"
                    : "an encrypted leg is not heard any more: its packets are not authentic",
                metadata: ["transactionId": "\(id)", "leg": "\(report.id)", "packets": "\(report.unheard)"])
        }
    }

    /// Says BYE; the records will say why.
    func end(_ cause: EndCause) async {
        state.withLock { $0.endedBecause = cause }
        switch cause {
        case .idle: await invite.bye(reason: "Q.850;cause=102;text=\"no media\"")
        case .noUsableMedia: await invite.bye(reason: "SIP;cause=488;text=\"no stream that can be recorded\"")
        case .serviceStopped: await invite.bye(reason: "SIP;cause=503;text=\"the recorder stops\"")
        }
    }
}

extension LiveCall.State {
    /// Nothing has come on the leg that can be kept.
    fileprivate func isEmpty(_ report: LegReport) -> Bool {
        let undecodable = verbatim.contains(report.id) ? 0 : report.statistics.undecodable
        return report.statistics.packets == undecodable
    }
}

extension Duration {
    /// Whole nanoseconds, as the media clock counts.
    package var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
