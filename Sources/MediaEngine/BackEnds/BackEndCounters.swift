/// What a back end has done since it was made. Plain numbers of one worker; the control plane reads copies.
struct BackEndCounters: Sendable, Equatable {
    /// Datagrams handed out.
    var received: UInt64 = 0
    /// Datagrams longer than ``BackEndConfiguration/maximumDatagram``, thrown away.
    var truncated: UInt64 = 0
    /// Datagrams that had been received for a socket that was removed meanwhile, thrown away.
    var stale: UInt64 = 0
    /// Datagrams given to the kernel.
    var sent: UInt64 = 0
    /// Datagrams that the kernel did not take: a full socket buffer, no route, a datagram that is too long.
    var sendsRefused: UInt64 = 0
    /// Receives that ended because every provided buffer was in use, and were begun again (io_uring only). Nothing is
    /// lost by it as long as the socket's own buffer holds what comes meanwhile.
    var outOfBuffers: UInt64 = 0
    /// Buffers that the ring has now, when it needed more than at first (io_uring only).
    var receiveBuffers: UInt64 = 0
    /// Receives that ended for another reason and were begun again (io_uring only).
    var restarts: UInt64 = 0
    /// Times that queued requests were given to the kernel besides ``waits``.
    var submissions: UInt64 = 0
    /// Times that the worker slept.
    var waits: UInt64 = 0
}
