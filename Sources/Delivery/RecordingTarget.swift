import StreamSink

/// One leg's finished session.
public struct FinishedRecording: Sendable {
    /// The session's file.
    public var path: String
    /// The stream.
    public var streamName: String
    /// The session's number in its stream.
    public var session: Int
    /// The ENDED event.
    public var event: EventSummary
}

/// What is uploaded of a recording.
public struct FormattedRecording: Sendable {
    /// A file that does not change.
    public var path: String
    /// The object's name after the prefix.
    public var key: String
    /// The MIME type.
    public var contentType: String
    /// Whether ``path`` was made for this upload and is removed after it.
    public var isTemporary: Bool

    /// Makes a result.
    public init(path: String, key: String, contentType: String, isTemporary: Bool) {
        self.path = path
        self.key = key
        self.contentType = contentType
        self.isTemporary = isTemporary
    }
}

/// Makes of a recording what goes to the bucket.
public protocol RecordingFormatter: Sendable {
    /// Whether all legs of a call make one object; they go one after the other then.
    var joinsLegs: Bool { get }
    /// Makes or finds the file to upload. Called again for each try. A ``DeliveryFailure`` says whether trying again may
    /// help; any other error is taken to mean that it may.
    func format(_ recording: FinishedRecording) async throws -> FormattedRecording
}

extension RecordingFormatter {
    /// An object a leg.
    public var joinsLegs: Bool { false }
}

/// The session's file, byte for byte as it lies in the data directory: what a copy of the store is made of. Where the
/// store is encrypted its bytes are, too.
public struct StoredRecordings: RecordingFormatter {
    /// Makes the formatter.
    public init() {}

    /// The recording's own file. The key is `recordings/<connector>/<yyyy>/<mm>/<dd>/<transaction>/<file>`.
    public func format(_ recording: FinishedRecording) async throws -> FormattedRecording {
        FormattedRecording(
            path: recording.path, key: recording.key(fileExtension: "mkv"), contentType: "audio/x-matroska",
            isTemporary: false)
    }
}

extension FinishedRecording {
    /// `recordings/<connector>/<yyyy>/<mm>/<dd>/<transaction>/<session file>.<extension>`, the day being the start's.
    public func key(fileExtension: String) -> String {
        let day = (event.detail("startTime") ?? "").prefix(10).split(separator: "-").joined(separator: "/")
        let file = path.split(separator: "/").last ?? "recording.mkv"
        let name = file.hasSuffix(".mkv") ? file.dropLast(4) : file
        return "recordings/\(event.connectorID)/\(day.isEmpty ? "0000/00/00" : day)/\(event.transactionID)/"
            + "\(streamName.suffix(36))_\(name).\(fileExtension)"
    }
}

/// Finished recordings to a bucket.
struct RecordingTarget: DeliveryTarget {
    let formatter: any RecordingFormatter
    let client: BucketClient
    let dataDirectory: String

    func send(_ messages: [DeliveryMessage]) async -> [DeliveryResult] {
        var results: [DeliveryResult] = []
        for message in messages {
            do {
                try await upload(message)
                results.append(.acknowledged)
            } catch let failure as DeliveryFailure {
                results.append(.failed(failure))
            } catch {
                results.append(.failed(DeliveryFailure(.message, "\(error)")))
            }
        }
        return results
    }

    private func upload(_ message: DeliveryMessage) async throws {
        guard case .event(let event) = message.content else { throw DeliveryFailure(.refused, "not an event") }
        let place = try SessionPlace(event, dataDirectory: dataDirectory, whenMissing: .refused)
        let recording = FinishedRecording(
            path: place.path, streamName: place.streamName, session: place.session, event: event)
        // Making the file may be a minute's work, which is for nothing while the bucket is down.
        if message.failures > 0 { try await client.knock() }
        let formatted = try await formatter.format(recording)
        defer { if formatted.isTemporary { _ = FileOperations.system.remove(formatted.path) } }
        let metadata = [
            ("Transaction-Id", event.transactionID), ("Voice-Connector-Id", event.connectorID),
            ("Call-Id", event.detail("callId") ?? ""), ("From-Number", event.detail("fromNumber") ?? ""),
            ("To-Number", event.detail("toNumber") ?? ""), ("Direction", event.detail("direction") ?? ""),
            ("Is-Caller", event.json["detail"]?["isCaller"]?.boolValue.map { "\($0)" } ?? ""),
            ("Start-Time", event.detail("startTime") ?? ""), ("End-Time", event.detail("endTime") ?? ""),
            ("Start-Fragment-Number", event.detail("startFragmentNumber") ?? ""),
            ("End-Fragment-Number", event.detail("currentFragmentNumber") ?? ""),
            ("Stream-Arn", event.detail("streamArn") ?? ""),
        ]
        try await client.put(
            path: formatted.path, key: formatted.key, contentType: formatted.contentType,
            metadata: metadata.map { (name: $0.0, value: $0.1) }, isTemporary: formatted.isTemporary)
    }
}
