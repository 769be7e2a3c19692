import Logging
import MediaCore
import MediaEngine
import Synchronization
import UserAgent

/// What others than the call's own task may know of a call in progress.
final class LiveCall: Sendable {
    struct State {
        var transactionID = ""
        var legs: [UInt64] = []
        var startedAt: Int64 = 0
        /// The peer says that it sends nothing now: silence is no sign of trouble.
        var isOnHold = false
        var hasWarned = false
        /// Why we ended the call, where we did.
        var endedBecause: EndCause?
    }

    /// Ends of a call that are ours and not the peer's.
    enum EndCause: Sendable { case serviceStopped, idle }

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
            for report in reports where report.statistics.packets == report.statistics.undecodable && !state.isOnHold {
                logger.warning(
                    "a leg has received no audio that can be decoded",
                    metadata: [
                        "transactionId": "\(state.transactionID)", "leg": "\(report.id)",
                        "packets": "\(report.statistics.packets)", "foreignPackets": "\(report.statistics.foreign)",
                    ])
            }
        }
        let latest = reports.compactMap(\.lastArrival).max() ?? state.startedAt
        guard limit > 0, !state.isOnHold, now - max(latest, state.startedAt) > limit else { return }
        logger.notice(
            "call ended: no media for media.idleTimeout", metadata: ["transactionId": "\(state.transactionID)"])
        await end(.idle)
    }

    /// Says BYE; the records will say why.
    func end(_ cause: EndCause) async {
        state.withLock { $0.endedBecause = cause }
        switch cause {
        case .idle: await invite.bye(reason: "Q.850;cause=102;text=\"no media\"")
        case .serviceStopped: await invite.bye(reason: "SIP;cause=503;text=\"the recorder stops\"")
        }
    }
}

extension Duration {
    /// Whole nanoseconds, as the media clock counts.
    package var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
