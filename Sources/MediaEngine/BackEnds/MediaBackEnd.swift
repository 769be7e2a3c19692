import MediaCore

/// How much memory a back end takes. One value for each worker.
struct BackEndConfiguration: Sendable {
    /// Sockets at most; one more is refused.
    var maximumSockets = 65_536
    /// Buffers that the kernel may fill before the worker takes them over, at first: a power of two. A buffer takes
    /// 2.2 kB, so that these are 2.3 MB. (io_uring only; epoll has one.)
    var receiveBuffers = 1_024
    /// To so many they are doubled each time that none was left: few stay in the cache, but a worker that had to wait for
    /// its core finds more than they hold, and each socket without a buffer must be armed again. (io_uring only.)
    var mostReceiveBuffers = 16_384
    /// The buffers are doubled only while there are more than so many sockets for each: a leg has two, and sends a packet
    /// in 20 ms, so that a worker may wait for its core about as long as that.
    var socketsPerBuffer = 2
    /// Octets of the longest datagram that is handed out: RTP stays below an Ethernet frame's 1,500, and T.38 has the limit
    /// that its relay has.
    var maximumDatagram = FaxRelay.largestDatagram
    /// Octets of datagrams that wait for one submission; full, it is submitted at once. (io_uring only.)
    var sendMemory = 262_144
    /// Requests that wait for one submission, at most. (io_uring only.)
    var submissions = 1_024
    /// Datagrams for which a wait ends before its pace is over. (io_uring only.)
    var batch = 256
    /// Sockets are registered with the ring, where the kernel is new enough for that. (io_uring only.)
    var registersSockets = true

    init() {}
}

/// How a media worker gets datagrams in and out. Owned by the worker's thread, which also makes it and lets it go; no
/// call is thread-safe.
///
/// A round of the worker:
///
///     backEnd.wait(until: deadline, pace: pace)
///     while let datagram = backEnd.next() { …; backEnd.send(…) }
///     backEnd.flush()                // where what was sent must not lie until the next wait
///     // between rounds: add, remove, drain
///
/// The worker is generic over the back end, so that each packet's calls are direct ones.
protocol MediaBackEnd: ~Copyable {
    init(_ configuration: BackEndConfiguration) throws(MediaEngineError)

    /// Receives from `socket` from now on. False when there is no room for one more, or the kernel does not take it.
    mutating func add(_ socket: Int32, token: UInt64, isIPv6: Bool) -> Bool
    /// Receives no more: nothing with this token is handed out afterwards, not even what had already been received.
    /// Called before the socket is closed. The kernel lets go of the port at the end of the next wait.
    mutating func remove(_ socket: Int32, token: UInt64)
    /// What lies in a socket at the end of a call: everything that the kernel had received for it, in order, one
    /// datagram a call, and nil when there is no more. The socket is quiet afterwards, and the only thing left to do with
    /// it is ``remove(_:token:)``. One socket is drained at a time, and not inside the loop over ``next()``.
    mutating func drain(_ socket: Int32, token: UInt64) -> Datagram?

    /// An eventfd that ends a wait: at once where nothing is received, and within a pace where something is. Its owner
    /// clears it. One for each back end.
    mutating func addWake(_ descriptor: Int32) -> Bool
    /// Submits what is queued and sleeps until `deadline` (arrival clock, nanoseconds) at the latest. While datagrams
    /// come in, it sleeps for about `pace` nanoseconds, so that one look serves many of them; after a wait that brought
    /// none, it sleeps until one comes.
    mutating func wait(until deadline: Int64, pace: Int64)
    /// The next datagram of this round; nil when the round is over. Takes back the one before.
    mutating func next() -> Datagram?
    /// The token of the datagram that ``next()`` will return after `distance` others, where that is known: what belongs to
    /// it can be fetched into the cache. A hint: the datagram may still turn out to be one that is not handed out.
    func upcomingToken(_ distance: Int) -> UInt64?

    /// Copies a datagram and sends it at the latest with the next ``flush()`` or ``wait(until:pace:)``; datagrams of one
    /// socket leave in order. False when it could not be taken; a refusal that comes later is only counted.
    mutating func send(
        _ octets: UnsafeRawBufferPointer, from socket: Int32, token: UInt64, to destination: MediaAddress, isIPv6: Bool
    ) -> Bool
    /// Sends what is queued.
    mutating func flush()

    var counters: BackEndCounters { get }
    /// Datagrams of `socket` that were longer than ``BackEndConfiguration/maximumDatagram``, since it was added. (Mutating,
    /// because a call that borrowed the whole of a worker's back end would copy it.)
    mutating func truncated(_ socket: Int32) -> UInt64
}
