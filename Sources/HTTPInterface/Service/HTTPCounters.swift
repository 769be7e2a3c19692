import Synchronization

/// What the HTTP interface counted since its start. Thread-safe; read it with ``values``.
public final class HTTPCounters: Sendable {
    /// The counters at one moment.
    public struct Values: Sendable, Equatable {
        /// Connections taken, and those open now.
        public var connections = 0, openConnections = 0
        /// Connections closed at once since there were too many, or too many from their address.
        public var excessConnections = 0
        /// Answers that ended before their time since their access key was revoked.
        public var revokedAnswers = 0
        /// Requests whose header was read.
        public var requests = 0
        /// Answers by class: 2xx, 4xx (without 403), 403, 5xx.
        public var succeeded = 0, refused = 0, forbidden = 0, failed = 0
        /// Connections closed since their request did not come in time, or since their reader took nothing.
        public var slowRequests = 0, stalledReaders = 0
        /// Bodies refused for their size.
        public var oversizedBodies = 0
        /// Calls refused since too many were open (readers of a stream, producers, HLS sessions).
        public var limitedCalls = 0
        /// GetMedia calls, and those open now.
        public var mediaReaders = 0, openMediaReaders = 0
        /// Bytes and fragments sent by GetMedia and GetMediaForFragmentList.
        public var mediaBytes = 0, mediaFragments = 0
        /// PutMedia: fragments taken, and connections ended by an error of the producer.
        public var ingestedFragments = 0, ingestErrors = 0
    }

    private let state = Mutex(Values())

    init() {}

    /// A copy of all counters.
    public var values: Values { state.withLock { $0 } }

    func add(_ path: any WritableKeyPath<Values, Int> & Sendable, _ count: Int = 1) {
        state.withLock { $0[keyPath: path] &+= count }
    }

    func countAnswer(status: Int) {
        state.withLock {
            switch status {
            case ..<400: $0.succeeded &+= 1
            case 403: $0.forbidden &+= 1
            case ..<500: $0.refused &+= 1
            default: $0.failed &+= 1
            }
        }
    }
}
