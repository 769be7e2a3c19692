import StreamSink

/// What is kept of one call's audio, and what its records say of it.
public struct CallRecording: Sendable, Equatable {
    /// The most session files of one call that are looked at.
    public static let maximumSessions = 64

    /// One session's file.
    public struct Session: Sendable, Equatable {
        /// The file.
        public var path: String
        /// The stream's name.
        public var streamName: String
        /// The session's number in its stream.
        public var number: Int
        /// Whether this party called; nil when nothing says it.
        public var isCaller: Bool?
        /// The m-line.
        public var mediaIndex: Int
        /// The m-line's label.
        public var label: String?
    }

    /// One party: its sessions, more than one where its codec changed.
    public struct Leg: Sendable, Equatable {
        /// Whether this party called; nil when nothing says it.
        public var isCaller: Bool?
        /// The m-line.
        public var mediaIndex: Int
        /// The m-line's label.
        public var label: String?
        /// The sessions, in the order in which they were opened.
        public var sessions: [Session]

        /// `caller`, `callee`, or `leg-<m-line>`.
        public var name: String { isCaller.map { $0 ? "caller" : "callee" } ?? "leg-\(mediaIndex)" }
    }

    /// The call, a UUID.
    public var transactionID: String
    /// The SIP Call-ID.
    public var callID: String?
    /// The connector.
    public var connectorID: String?
    /// The caller's number.
    public var fromNumber: String?
    /// The callee's number.
    public var toNumber: String?
    /// `Inbound` or `Outbound`.
    public var direction: String?
    /// `Completed` or `Failed`; nil while the call goes on, or when it was cut and the service has not run since.
    public var status: String?
    /// The parties, by m-line.
    public var legs: [Leg]

    /// Whether the records do not say yet that the call has ended.
    public var isUnfinished: Bool { status == nil }

    /// The legs of the left and the right channel: the caller's and the callee's; without roles by their order.
    public var stereoChannels: [[Leg]] {
        var left = legs.filter { $0.isCaller == true }
        var right = legs.filter { $0.isCaller == false }
        for leg in legs where leg.isCaller == nil {
            if left.isEmpty { left.append(leg) } else { right.append(leg) }
        }
        return [left, right]
    }
}
