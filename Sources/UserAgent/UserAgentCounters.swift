/// What a user agent has done and refused since it started. A snapshot; counters only grow, gauges say so.
public struct UserAgentCounters: Sendable, Equatable {
    /// Datagrams and whole stream messages received.
    public var messagesReceived: UInt64 = 0
    /// Datagrams and whole messages handed to a socket.
    public var messagesSent: UInt64 = 0
    /// Datagrams and connections dropped unread because the source may not talk.
    public var droppedSources: UInt64 = 0
    /// Messages dropped because they were not readable as SIP.
    public var unreadable: UInt64 = 0
    /// Keep-alives: empty lines or short datagrams without a message (RFC 5626 §3.5.1).
    public var keepAlives: UInt64 = 0
    /// Requests dropped without an answer by the admission.
    public var droppedRequests: UInt64 = 0
    /// Responses that match no transaction.
    public var strayResponses: UInt64 = 0
    /// ACKs that match no transaction and no dialog.
    public var strayAcknowledgements: UInt64 = 0
    /// Requests answered from an existing transaction.
    public var retransmissionsAbsorbed: UInt64 = 0
    /// Messages and connections given up because they were too large or could not be framed.
    public var framingErrors: UInt64 = 0
    /// Messages that could not be sent.
    public var sendFailures: UInt64 = 0
    /// Connections refused because `maxConnections` were open.
    public var connectionsRefused: UInt64 = 0
    /// Connections closed because they were idle, slow to send a message, or slow to read.
    public var connectionsTimedOut: UInt64 = 0
    /// TLS handshakes that failed.
    public var handshakeFailures: UInt64 = 0
    /// Connections accepted or opened.
    public var connectionsOpened: UInt64 = 0
    /// Connections open now (gauge).
    public var connections: Int = 0
    /// Transactions alive now (gauge).
    public var transactions: Int = 0
    /// Dialogs alive now (gauge).
    public var dialogs: Int = 0
    /// Requests received by method; methods that are not known are counted under `OTHER`.
    public var requestsByMethod: [String: UInt64] = [:]
    /// Responses sent by status code.
    public var responsesByStatus: [Int: UInt64] = [:]
    /// Requests refused before a transaction was made, by status code.
    public var refusedByStatus: [Int: UInt64] = [:]

    /// Makes a set of zeros.
    public init() {}

    /// Responses sent in a class: 1 for 1xx … 6 for 6xx.
    public func responses(class digit: Int) -> UInt64 {
        responsesByStatus.reduce(0) { $1.key / 100 == digit ? $0 + $1.value : $0 }
    }
}
