/// What is known of a stream: the content of its `stream.json`, made anew from its files when that is missing.
struct StreamDescription: Sendable, Equatable {
    static let namePrefix = "ChimeVoiceConnector-"

    var name: String
    var arn: String
    /// The connector whose calls it holds; empty for a stream that somebody made.
    var connectorID: String
    var createdAtMilliseconds: Int64
    /// The number of the next session; its first fragment's counter is `nextSession * 1000 + 1`.
    var nextSession: Int
    /// The last session that was closed properly, -1 when none was.
    var closedSession: Int
    /// The format of the newest session, for people; each file's header says it too.
    var format: String?
    var deviceName: String?
    var mediaType: String?
    var kmsKeyID: String?
    /// Changes with every change that somebody makes.
    var version = "1"
    /// `nil`: nobody has said, everything is kept.
    var retentionHours: Int?
    /// Whether the retention was changed for this stream alone, so that its connector's does not count any more.
    var retentionIsOwn = false
    var tags: [String: String] = [:]

    static func arn(name: String, region: String, accountID: String, createdAtMilliseconds: Int64) -> String {
        "arn:aws:kinesisvideo:\(region):\(accountID):stream/\(name)/\(createdAtMilliseconds)"
    }

    /// The connector's ID in a stream name (`ChimeVoiceConnector-<connector>-<uuid>`), or `nil`.
    static func connectorID(ofStream name: String) -> String? {
        guard name.hasPrefix(namePrefix) else { return nil }
        let rest = name.dropFirst(namePrefix.count)
        guard rest.utf8.count > 37 else { return nil }
        return String(rest.dropLast(37))
    }

    /// Whether a name can be a stream's: what the wire allows, as far as it can be a folder's name.
    static func isUsableName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 250 && !name.hasPrefix(".") && isPlain(name)
    }

    /// Letters, digits, `_`, `.` and `-` only.
    static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }

    /// A new version.
    mutating func change() {
        version = String(RandomUUID.make().filter { $0 != "-" }.prefix(20))
    }
}

extension StreamDescription {
    var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("Name", .string(name)), .init("Arn", .string(arn)), .init("ConnectorId", .string(connectorID)),
            .init("CreationTime", .integer(createdAtMilliseconds)),
            .init("NextSession", .integer(Int64(nextSession))), .init("ClosedSession", .integer(Int64(closedSession))),
        ]
        func add(_ name: String, _ value: String?) {
            if let value { members.append(.init(name, .string(value))) }
        }
        add("Format", format)
        add("DeviceName", deviceName)
        add("MediaType", mediaType)
        add("KmsKeyId", kmsKeyID)
        add("Version", version)
        if let retentionHours { members.append(.init("DataRetentionInHours", .integer(Int64(retentionHours)))) }
        if retentionIsOwn { members.append(.init("DataRetentionIsOwn", .bool(true))) }
        if !tags.isEmpty {
            let sorted = tags.sorted { $0.key < $1.key }
            members.append(.init("Tags", JSONValue(map: sorted.map { (name: $0.key, value: $0.value) })))
        }
        return .object(members)
    }

    /// Reads a `stream.json`; `nil` when it is not one or names another stream. What older versions did not write has
    /// its default.
    init?(parsing bytes: [UInt8], name: String) {
        guard let json = try? JSONValue(parsing: bytes), json["Name"]?.stringValue == name,
            let arn = json["Arn"]?.stringValue, let connectorID = json["ConnectorId"]?.stringValue,
            let createdAt = json["CreationTime"]?.integerValue, let next = json["NextSession"]?.integerValue,
            let closed = json["ClosedSession"]?.integerValue, let nextSession = Int(exactly: next),
            let closedSession = Int(exactly: closed), nextSession >= 0, nextSession < SessionFileName.maximumSession
        else { return nil }
        self.init(
            name: name, arn: arn, connectorID: connectorID, createdAtMilliseconds: createdAt, nextSession: nextSession,
            closedSession: closedSession, format: json["Format"]?.stringValue)
        deviceName = json["DeviceName"]?.stringValue
        mediaType = json["MediaType"]?.stringValue
        kmsKeyID = json["KmsKeyId"]?.stringValue
        version = json["Version"]?.stringValue ?? "1"
        retentionHours = json["DataRetentionInHours"]?.integerValue.map { Int(clamping: max(0, $0)) }
        retentionIsOwn = json["DataRetentionIsOwn"]?.boolValue ?? false
        for member in json["Tags"]?.members ?? [] { tags[member.name] = member.value.stringValue ?? "" }
    }
}

/// The name of a session's file: `<6-digit session number>_<transactionId>_<m-line index>.mkv`.
public struct SessionFileName: Hashable, Sendable {
    /// Session numbers lie below it, so that a fragment's counter never reaches its limit.
    static let maximumSession = 1 << 40

    /// The session's number in its stream, from 0.
    public let session: Int
    /// The call.
    public let transactionID: String
    /// The m-line of the call's description that the audio came from, from 0.
    public let mediaIndex: Int

    /// Makes a name.
    public init(session: Int, transactionID: String, mediaIndex: Int) {
        self.session = session
        self.transactionID = transactionID
        self.mediaIndex = mediaIndex
    }

    /// Reads a file's name; `nil` for any other file.
    public init?(_ name: String) {
        guard name.hasSuffix(".mkv") else { return nil }
        let parts = name.dropLast(4).split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, let session = Int(parts[0]), session >= 0, session < Self.maximumSession,
            let index = Int(parts[2]), index >= 0
        else { return nil }
        self.init(session: session, transactionID: String(parts[1]), mediaIndex: index)
    }

    /// The file's name.
    public var text: String {
        let number = String(session)
        let zeros = String(repeating: "0", count: max(0, 6 - number.utf8.count))
        return "\(zeros)\(number)_\(transactionID)_\(mediaIndex).mkv"
    }
}
