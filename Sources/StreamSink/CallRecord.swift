/// Everything the events and records of one recorded call are made from. It is also the content of the call's journal.
public struct CallRecord: Sendable, Equatable {
    /// Which way the call went, seen from the service.
    public enum Direction: String, Sendable {
        /// Towards the customer's equipment.
        case inbound = "Inbound"
        /// From the customer's equipment.
        case outbound = "Outbound"
    }

    /// AWS region, e.g. `us-east-1`.
    public var region: String
    /// Twelve-digit account.
    public var accountID: String
    /// The call, a UUID.
    public var transactionID: String
    /// The SIP Call-ID of a SIPREC call.
    public var callID: String
    /// The connector.
    public var connectorID: String
    /// Which way the call went.
    public var direction: Direction
    /// The caller's number; never empty, consumers store it as a key.
    public var fromNumber: String
    /// The callee's number; never empty.
    public var toNumber: String
    /// The digest user, where one was asked for.
    public var sipAuthUser: String?
    /// When the call was answered, milliseconds since 1970.
    public var startedAtMilliseconds: Int64
    /// Headers of the INVITE, names in lower case, in order.
    public var inviteHeaders: [(name: String, value: String)] = []
    /// The recording metadata as it came, line ends kept: the octets, which the record shares with whoever read them.
    public var siprecMetadataOctets: [UInt8]?
    /// The recording metadata as text; octets that are no UTF-8 are replaced.
    public var siprecMetadata: String? {
        get { siprecMetadataOctets.map { String(decoding: $0, as: UTF8.self) } }
        set { siprecMetadataOctets = newValue.map { Array($0.utf8) } }
    }
    /// `complete`, `partial`, `missing` or `unreadable`.
    public var metadataStatus: String?
    /// Two-letter country of the caller's number, where known.
    public var sourceCountry: String?
    /// Two-letter country of the callee's number, where known.
    public var destinationCountry: String?
    /// The name given to the caller's number.
    public var sourceName: String?
    /// The name given to the callee's number.
    public var destinationName: String?
    /// The streams.
    public var legs: [LegRecord] = []

    /// Makes a record without legs.
    public init(
        region: String, accountID: String, transactionID: String, callID: String, connectorID: String,
        direction: Direction, fromNumber: String, toNumber: String, startedAtMilliseconds: Int64
    ) {
        self.region = region
        self.accountID = accountID
        self.transactionID = transactionID
        self.callID = callID
        self.connectorID = connectorID
        self.direction = direction
        self.fromNumber = fromNumber
        self.toNumber = toNumber
        self.startedAtMilliseconds = startedAtMilliseconds
    }

    /// Equal when everything is, headers in the same order.
    public static func == (left: Self, right: Self) -> Bool { left.json == right.json }
}

/// One leg of a recorded call: its stream, its role, and how its media fared.
public struct LegRecord: Sendable, Equatable {
    /// The stream's name.
    public var streamName: String
    /// The stream's ARN.
    public var streamARN: String
    /// The session's file, relative to the data directory.
    public var relativePath: String
    /// Whether this party called; `nil` when no rule could say.
    public var isCaller: Bool?
    /// The rule that decided it.
    public var roleRule: String?
    /// The m-line, from 0.
    public var mediaIndex: Int
    /// The m-line's `a=label`.
    public var mediaLabel: String?
    /// Wall clock of sample 0, milliseconds since 1970.
    public var startedAtMilliseconds: Int64
    /// The first fragment.
    public var startFragmentNumber: FragmentNumber
    /// The last fragment; known at the end, `nil` when nothing was written.
    public var endFragmentNumber: FragmentNumber?
    /// What the file holds.
    public var format: StreamFormat
    /// How the media fared.
    public var quality = LegQuality()

    /// Makes a leg's record.
    public init(
        streamName: String, streamARN: String, relativePath: String, isCaller: Bool?, roleRule: String?,
        mediaIndex: Int, mediaLabel: String?, startedAtMilliseconds: Int64, startFragmentNumber: FragmentNumber,
        format: StreamFormat = .pcm(sampleRate: 8000)
    ) {
        self.streamName = streamName
        self.streamARN = streamARN
        self.relativePath = relativePath
        self.isCaller = isCaller
        self.roleRule = roleRule
        self.mediaIndex = mediaIndex
        self.mediaLabel = mediaLabel
        self.startedAtMilliseconds = startedAtMilliseconds
        self.startFragmentNumber = startFragmentNumber
        self.format = format
    }

    /// Makes the record of a session.
    public init(
        session: StreamSession, isCaller: Bool?, roleRule: String?, mediaIndex: Int, mediaLabel: String?
    ) {
        self.init(
            streamName: session.streamName, streamARN: session.streamARN, relativePath: session.relativePath,
            isCaller: isCaller, roleRule: roleRule, mediaIndex: mediaIndex, mediaLabel: mediaLabel,
            startedAtMilliseconds: session.startedAtMilliseconds, startFragmentNumber: session.startFragmentNumber,
            format: session.format)
    }

    /// Takes over what a finished session left behind.
    public mutating func finish(_ summary: SessionSummary) {
        endFragmentNumber = summary.endFragmentNumber
        quality.writerLostMilliseconds = summary.lostSamples / 8
    }
}
