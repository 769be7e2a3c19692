/// What a target is to be told, and what it has acknowledged.
///
/// Owned by one ``TargetRunner``.
protocol DeliveryFeed: AnyObject {
    /// New messages, at most `limit`.
    nonisolated(nonsending) func poll(limit: Int) async -> [FeedItem]
    /// The message to send; nil when it is gone.
    func content(of sequence: Int64) -> DeliveryMessage.Content?
    /// The message's ID, for results and dead letters.
    func id(of sequence: Int64, _ content: DeliveryMessage.Content) -> String
    /// The target has it, or it is a dead letter, or it is gone.
    func settle(_ sequence: Int64)
    /// What has to go to the cursor's file, when something changed since ``cursorWasSaved()``.
    func cursor() -> CursorChange?
    /// What ``cursor()`` returned is on the disk.
    func cursorWasSaved()
    /// Troubles that were met; counted, told in the log by the feed itself.
    var troubles: FeedTroubles { get }
}

/// How a cursor's file is brought up to date.
enum CursorChange: Sendable {
    /// The whole new content.
    case replace([UInt8])
    /// Lines for its end.
    case append([UInt8])
}

/// A message that a feed has found.
struct FeedItem {
    var sequence: Int64
    var lane: String
    var notBefore: ContinuousClock.Instant?
}

/// What went wrong with a spool.
struct FeedTroubles: Equatable, Sendable {
    /// The log was cut, or a rotated part of it with unsent messages is gone.
    var lostLogs: Int64 = 0
    /// Messages whose bytes were gone when they were to be sent.
    var lostMessages: Int64 = 0
    /// Lines that are not events.
    var damagedLines: Int64 = 0
}
