import Logging
import MediaEngine
import SIP
import StreamSink
import Synchronization
import UserAgent

/// Takes admitted INVITEs, records each call to its end, and writes its events and records. Thread-safe; every call runs
/// in the task that brought its INVITE.
public final class RecordingService: Sendable {
    let settings: RecorderSettings
    let media: MediaService
    let store: FragmentStore
    let records: RecordWriter
    let logger: Logger
    /// Raised by taps.
    let hasNews = NewsFlag()
    private let isHurried = Atomic<Bool>(false)
    private let calls = Mutex<[String: LiveCall]>([:])

    /// Makes a service on parts that are running; it owns none of them.
    public init(
        settings: RecorderSettings, media: MediaService, store: FragmentStore, records: RecordWriter, logger: Logger
    ) {
        self.settings = settings
        self.media = media
        self.store = store
        self.records = records
        self.logger = logger
    }

    /// Calls in progress.
    public var callCount: Int { calls.withLock { $0.count } }

    /// Records the call of `invite`; returns when it is over and everything about it has been written.
    public func record(_ invite: IncomingInvite) async {
        guard let call = admit(invite) else {
            logger.warning(
                "call refused: media.maxCalls is reached", metadata: ["limit": "\(settings.maximumCalls)"])
            await invite.reject(status: 503, reason: "Too Many Calls", headers: [(.retryAfter, "5")])
            return
        }
        await call.run()
        calls.withLock { _ = $0.removeValue(forKey: call.transactionID) }
    }

    /// Apart, so that what it needs takes no room for the rest of the call.
    @inline(never)
    private func admit(_ invite: IncomingInvite) -> RecordedCall? {
        let transactionID = RandomUUID.make()
        let live = LiveCall(invite: invite)
        let isAdmitted = calls.withLock { calls in
            guard calls.count < settings.maximumCalls else { return false }
            calls[transactionID] = live
            return true
        }
        return isAdmitted
            ? RecordedCall(transactionID: transactionID, invite: invite, live: live, service: self) : nil
    }

    /// Waits until no call is left, for at most `limit` or until ``hurry()``; then ends the rest with BYE and waits for
    /// their records.
    public func drain(limit: Duration) async {
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        while callCount > 0, clock.now < deadline, !isHurried.load(ordering: .relaxed) {
            try? await clock.sleep(for: .milliseconds(50))
        }
        for live in calls.withLock({ Array($0.values) }) {
            await live.end(.serviceStopped)
        }
        let end = clock.now + .seconds(10)
        while callCount > 0, clock.now < end { try? await clock.sleep(for: .milliseconds(20)) }
        await records.drain()
    }

    /// Ends the wait of ``drain(limit:)`` now.
    public func hurry() { isHurried.store(true, ordering: .relaxed) }

    /// Looks after the calls until it is cancelled: writes down telephone events, warns of legs that stay empty, ends
    /// calls that have been idle for too long, and writes the media metric log once a minute a call.
    public func watch() async {
        var round = 0
        while !Task.isCancelled {
            try? await ContinuousClock().sleep(for: .milliseconds(100))
            if hasNews.lower() { tellNews() }
            round = (round + 1) % 20
            guard round == 0 else { continue }
            for live in calls.withLock({ Array($0.values) }) {
                await live.inspect(media: media, idleTimeout: settings.idleTimeout, logger: logger)
                await live.tellMetrics(media: media, records: records, logger: logger)
            }
        }
    }

    /// What taps heard on media workers, which must not wait for a log.
    private func tellNews() {
        for live in calls.withLock({ Array($0.values) }) {
            let (taps, transactionID) = live.state.withLock { ($0.taps, $0.transactionID) }
            for tap in taps where tap.isWaiting {
                var logger = logger
                logger[metadataKey: "transactionId"] = "\(transactionID)"
                tap.tell(records: records, logger: logger)
            }
        }
    }
}
