/// What one media worker has done since it started.
public struct WorkerReport: Sendable, Equatable {
    /// Datagrams taken from the network, for legs that exist.
    public let received: UInt64
    /// Datagrams longer than a leg takes (2,048 octets), thrown away.
    public let truncated: UInt64
    /// Datagrams for legs that had just ended, thrown away.
    public let stale: UInt64
    /// Datagrams given to the kernel, and those that it did not take.
    public let sent: UInt64
    /// See ``sent``.
    public let sendsRefused: UInt64
    /// Times that io_uring ran out of provided buffers; receiving began again, and nothing is lost by it as long as the
    /// sockets' own buffers hold what comes meanwhile.
    public let outOfBuffers: UInt64

    init(_ counters: BackEndCounters) {
        received = counters.received
        truncated = counters.truncated
        stale = counters.stale
        sent = counters.sent
        sendsRefused = counters.sendsRefused
        outOfBuffers = counters.outOfBuffers
    }

    /// True when something was thrown away or ran short.
    public var isNoteworthy: Bool { truncated + sendsRefused + outOfBuffers > 0 }
}
