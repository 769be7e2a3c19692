/// One call in the index.
public struct ArchivedCall: Sendable, Equatable {
    /// What is known of the call's end.
    public enum Status: String, Sendable, CaseIterable {
        /// It ended properly.
        case completed = "Completed"
        /// It could not be recorded to its end.
        case failed = "Failed"
        /// It goes on.
        case inProgress = "InProgress"
        /// The service died during it and has not run since.
        case interrupted = "Interrupted"
    }

    /// One recording of a party; a party has several where its codec changed.
    public struct Leg: Sendable, Equatable {
        /// The stream's name.
        public var streamName: String
        /// The session's number in its stream.
        public var session: Int
        /// The m-line.
        public var mediaIndex: Int?
        /// The m-line's label.
        public var label: String?
        /// Whether this party called.
        public var isCaller: Bool?
        /// The session's file, relative to the data directory; nil when it is not kept any more.
        public var relativePath: String?
        /// First sample, milliseconds since 1970.
        public var startedAtMilliseconds: Int64?
        /// End of the time line, milliseconds since 1970.
        public var endedAtMilliseconds: Int64?
        /// 47 digits.
        public var firstFragmentNumber: String?
        /// 47 digits.
        public var lastFragmentNumber: String?
        /// `pcm/8000` and the like, where the records say it.
        public var format: String?
    }

    /// The call, a UUID.
    public var transactionID: String
    /// The SIP Call-ID.
    public var callID: String?
    /// The connector.
    public var connectorID: String?
    /// `Inbound` or `Outbound`.
    public var direction: String?
    /// The caller's number.
    public var fromNumber: String?
    /// The callee's number.
    public var toNumber: String?
    /// When the call was answered, milliseconds since 1970.
    public var startedAtMilliseconds: Int64
    /// When it ended, milliseconds since 1970.
    public var endedAtMilliseconds: Int64?
    /// How it ended, or that it has not.
    public var status: Status
    /// The record's explanation.
    public var message: String?
    /// Its recordings, by m-line.
    public var legs: [Leg]

    /// Whether some of its audio is kept.
    public var hasAudio: Bool { legs.contains { $0.relativePath != nil } }
}

/// What to search for; what is nil does not matter.
public struct CallQuery: Sendable, Equatable {
    /// The most calls on a page.
    public static let maximumLimit = 10_000

    /// Calls that began then or later, milliseconds since 1970.
    public var fromMilliseconds: Int64?
    /// Calls that began before, milliseconds since 1970.
    public var beforeMilliseconds: Int64?
    /// The connector.
    public var connectorID: String?
    /// A part of either number. Only digits count (`+1 (206) 555-0100` finds `+12065550100`); a text without digits
    /// is looked for as it is.
    public var number: String?
    /// The transaction, or its beginning.
    public var transactionID: String?
    /// The SIP Call-ID.
    public var callID: String?
    /// The label of one of its m-lines.
    public var label: String?
    /// How it ended.
    public var status: ArchivedCall.Status?
    /// The page behind this call; see ``CallPage/next``.
    public var after: String?
    /// The most calls on the page.
    public var limit = 50

    /// Everything, newest first.
    public init() {}
}

/// Some calls, newest first.
public struct CallPage: Sendable, Equatable {
    /// The calls.
    public var calls: [ArchivedCall]
    /// What to give as ``CallQuery/after`` for the next page; nil on the last one.
    public var next: String?
}

/// Numbers as they are compared.
enum NumberDigits {
    /// The digits alone; nil when there are none. An international prefix written `00` is none of them.
    static func of(_ number: String) -> String? {
        // What follows the user part of an address is no number.
        let user = number.split(separator: "@", maxSplits: 1).first ?? ""
        var digits = String(decoding: user.utf8.filter { (0x30...0x39).contains($0) }, as: UTF8.self)
        if digits.hasPrefix("00") { digits.removeFirst(2) }
        return digits.isEmpty ? nil : digits
    }
}
