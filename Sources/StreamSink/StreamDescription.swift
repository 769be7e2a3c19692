/// What is known of a stream: the content of its `stream.json`, made anew from its files when that is missing.
struct StreamDescription: Sendable, Equatable {
    static let namePrefix = "ChimeVoiceConnector-"

    var name: String
    var arn: String
    var connectorID: String
    var createdAtMilliseconds: Int64
    /// The number of the next session; its first fragment's counter is `nextSession * 1000 + 1`.
    var nextSession: Int
    /// The last session that was closed properly, -1 when none was.
    var closedSession: Int
    /// The format of the newest session, for people; each file's header says it too.
    var format: String?

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

    var json: JSONValue {
        .object(
            [
                .init("Name", .string(name)), .init("Arn", .string(arn)), .init("ConnectorId", .string(connectorID)),
                .init("CreationTime", .integer(createdAtMilliseconds)),
                .init("NextSession", .integer(Int64(nextSession))),
                .init("ClosedSession", .integer(Int64(closedSession))),
            ] + (format.map { [.init("Format", .string($0))] } ?? []))
    }
}

extension StreamDescription {
    /// Reads a `stream.json`; `nil` when it is not one or names another stream.
    init?(parsing bytes: [UInt8], name: String) {
        guard let json = try? JSONValue(parsing: bytes), json["Name"]?.stringValue == name,
            let arn = json["Arn"]?.stringValue, let connectorID = json["ConnectorId"]?.stringValue,
            let createdAt = json["CreationTime"]?.integerValue, let next = json["NextSession"]?.integerValue,
            let closed = json["ClosedSession"]?.integerValue, let nextSession = Int(exactly: next),
            let closedSession = Int(exactly: closed), nextSession >= 0
        else { return nil }
        self.init(
            name: name, arn: arn, connectorID: connectorID, createdAtMilliseconds: createdAt, nextSession: nextSession,
            closedSession: closedSession, format: json["Format"]?.stringValue)
    }
}

/// The name of a session's file: `<6-digit session number>_<transactionId>_<m-line index>.mkv`.
public struct SessionFileName: Hashable, Sendable {
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
        guard parts.count == 3, let session = Int(parts[0]), session >= 0, let index = Int(parts[2]), index >= 0 else {
            return nil
        }
        self.init(session: session, transactionID: String(parts[1]), mediaIndex: index)
    }

    /// The file's name.
    public var text: String {
        let number = String(session)
        let zeros = String(repeating: "0", count: max(0, 6 - number.utf8.count))
        return "\(zeros)\(number)_\(transactionID)_\(mediaIndex).mkv"
    }
}
