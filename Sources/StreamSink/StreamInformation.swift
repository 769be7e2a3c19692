/// What is known of a stream, with the names of the wire.
public struct StreamInformation: Sendable, Equatable {
    /// The stream's name.
    public var name: String
    /// Its ARN.
    public var arn: String
    /// The producer's device, where somebody named it.
    public var deviceName: String?
    /// The media type, e.g. `audio/L16`.
    public var mediaType: String?
    /// The key that was named at creation; kept for the caller, nothing is done with it.
    public var kmsKeyID: String?
    /// Changes with every change of the stream; letters and digits.
    public var version: String
    /// The stream's state.
    public var status: StreamStatus
    /// When it was made, milliseconds since 1970.
    public var createdAtMilliseconds: Int64
    /// How long fragments are kept; 0 = the last five minutes or 200 MB.
    public var retentionHours: Int
    /// The tags that somebody gave it.
    public var tags: [String: String]
    /// The connector whose calls it holds; `nil` for a stream that somebody made.
    public var connectorID: String?
    /// Whether something is being recorded into it.
    public var isLive: Bool
}

/// The state of a stream, as on the wire. Everything here happens at once, so the others of the wire do not occur.
public enum StreamStatus: String, Sendable {
    /// Ready.
    case active = "ACTIVE"
}

/// How a stream is named in a request.
public enum StreamReference: Sendable, Hashable, CustomStringConvertible {
    /// By its name.
    case name(String)
    /// By its ARN, which also holds the time of its creation.
    case arn(String)

    /// The name or the ARN, cut to a printable length.
    public var description: String {
        switch self {
        case .name(let text), .arn(let text): String(text.prefix(300))
        }
    }
}

/// A stream to be made.
public struct NewStream: Sendable, Equatable {
    /// 1 to 250 of letters, digits, `_`, `.` and `-`, the first no point. (The wire allows 256; a file's name has 255.)
    public var name: String
    /// At most 128 of letters, digits, `_`, `.` and `-`.
    public var deviceName: String?
    /// `type/subtype`, or several with commas; at most 128 characters.
    public var mediaType: String?
    /// At most 2,048 characters.
    public var kmsKeyID: String?
    /// 0 or more.
    public var retentionHours: Int
    /// At most 50.
    public var tags: [String: String]

    /// Makes a request.
    public init(
        name: String, deviceName: String? = nil, mediaType: String? = nil, kmsKeyID: String? = nil,
        retentionHours: Int = 0, tags: [String: String] = [:]
    ) {
        self.name = name
        self.deviceName = deviceName
        self.mediaType = mediaType
        self.kmsKeyID = kmsKeyID
        self.retentionHours = retentionHours
        self.tags = tags
    }
}
