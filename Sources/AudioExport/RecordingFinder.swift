import Glibc
import StreamSink

/// Finds a call's session files, and its roles in the call's journal or records, in a data directory. It needs no
/// index and is safe beside a running service.
public struct RecordingFinder: Sendable {
    /// The data directory.
    public let dataDirectory: String

    /// A finder for a data directory's path.
    public init(dataDirectory: String) {
        self.dataDirectory = dataDirectory
    }

    /// The call of a transaction, or of the beginning of one (eight characters or more) that only one call has.
    public func recording(transactionID text: String) throws(ExportError) -> CallRecording {
        guard text.utf8.count >= 8, text.utf8.count <= 64,
            text.utf8.allSatisfy({ $0 == 0x2D || Self.isLetterOrDigit($0) })
        else { throw .noSuchCall(text, data: dataDirectory) }
        var found: [(stream: String, file: String, name: SessionFileName)] = []
        for stream in FolderListing.names("\(dataDirectory)/streams") {
            for file in FolderListing.names("\(dataDirectory)/streams/\(stream)") {
                guard let name = SessionFileName(file), name.transactionID.hasPrefix(text) else { continue }
                found.append((stream, file, name))
            }
        }
        let transactions = Set(found.map(\.name.transactionID))
        guard let transaction = transactions.contains(text) ? text : transactions.first else {
            throw .noSuchCall(text, data: dataDirectory)
        }
        guard transactions.count == 1 || transaction == text else {
            throw .severalCalls(text, matches: transactions.sorted())
        }
        found.removeAll { $0.name.transactionID != transaction }
        guard found.count <= CallRecording.maximumSessions else { throw .tooManySessions(found.count) }

        var recording = CallRecording(transactionID: transaction, legs: [])
        let roles = journal(of: transaction, into: &recording) ?? records(of: transaction, found, into: &recording)
        var sessions = found.map { file in
            CallRecording.Session(
                path: "\(dataDirectory)/streams/\(file.stream)/\(file.file)", streamName: file.stream,
                number: file.name.session, isCaller: nil, mediaIndex: file.name.mediaIndex, label: nil)
        }
        for index in sessions.indices {
            guard let role = roles[Role.Key(sessions[index].streamName, sessions[index].number)] else { continue }
            sessions[index].isCaller = role.isCaller
            sessions[index].mediaIndex = role.mediaIndex
            sessions[index].label = role.label
        }
        // A party's sessions have its m-line; a codec change opens the next one in another stream.
        for session in sessions.sorted(by: { ($0.mediaIndex, $0.path) < ($1.mediaIndex, $1.path) }) {
            if let last = recording.legs.last, last.mediaIndex == session.mediaIndex, last.isCaller == session.isCaller
            {
                recording.legs[recording.legs.count - 1].sessions.append(session)
            } else {
                recording.legs.append(
                    .init(
                        isCaller: session.isCaller, mediaIndex: session.mediaIndex, label: session.label,
                        sessions: [session]))
            }
        }
        return recording
    }

    private struct Role {
        struct Key: Hashable {
            var stream: String
            var session: Int
            init(_ stream: String, _ session: Int) {
                self.stream = stream
                self.session = session
            }
        }
        var isCaller: Bool?
        var mediaIndex: Int
        var label: String?
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }

    /// The journal of a call that goes on.
    private func journal(of transaction: String, into recording: inout CallRecording) -> [Role.Key: Role]? {
        guard let json = FolderListing.json("\(dataDirectory)/calls/\(transaction).json"),
            json["transactionId"]?.stringValue == transaction
        else { return nil }
        recording.callID = json["callId"]?.stringValue
        recording.connectorID = json["voiceConnectorId"]?.stringValue
        recording.fromNumber = json["fromNumber"]?.stringValue
        recording.toNumber = json["toNumber"]?.stringValue
        recording.direction = json["direction"]?.stringValue
        var roles: [Role.Key: Role] = [:]
        for leg in json["legs"]?.arrayValue ?? [] {
            guard let stream = leg["streamName"]?.stringValue,
                let name = leg["path"]?.stringValue?.split(separator: "/").last.flatMap({ SessionFileName(String($0)) })
            else { continue }
            roles[Role.Key(stream, name.session)] = Role(
                isCaller: leg["isCaller"]?.boolValue, mediaIndex: Self.mediaIndex(leg["mediaIndex"]) ?? name.mediaIndex,
                label: leg["mediaLabel"]?.stringValue)
        }
        return roles
    }

    /// The records of a call that is over: the detail records lie in a folder of the day on which the call began.
    private func records(
        of transaction: String, _ found: [(stream: String, file: String, name: SessionFileName)],
        into recording: inout CallRecording
    ) -> [Role.Key: Role] {
        guard let first = found.first else { return [:] }
        let connector = Self.connector(ofStream: first.stream)
        recording.connectorID = connector
        let starts = found.compactMap { Self.start(of: "\(dataDirectory)/streams/\($0.stream)/\($0.file)") }
        guard let connector, let start = starts.min() else { return [:] }
        // The call began at most a day before its first sample.
        let days = [start, start - 86_400_000].map { UTCTime(milliseconds: $0).dateFolder }
        func record(_ kind: String) -> JSONValue? {
            for day in days {
                let folder = "\(dataDirectory)/objects/Amazon-Chime-Voice-Connector-\(kind)/json/\(connector)/\(day)"
                for name in FolderListing.names(folder) where name.hasSuffix("_" + transaction) {
                    return FolderListing.json("\(folder)/\(name)")
                }
            }
            return nil
        }
        if let call = record("CDRs") {
            recording.callID = call["CallId"]?.stringValue
            recording.fromNumber = call["SourcePhoneNumber"]?.stringValue
            recording.toNumber = call["DestinationPhoneNumber"]?.stringValue
            recording.direction = call["Direction"]?.stringValue
            recording.status = call["Status"]?.stringValue
        }
        var roles: [Role.Key: Role] = [:]
        guard let streaming = record("SDRs") else { return roles }
        recording.status = recording.status ?? streaming["Status"]?.stringValue
        for leg in streaming["Legs"]?.arrayValue ?? [] {
            guard let stream = leg["StreamName"]?.stringValue,
                let number = leg["StartFragmentNumber"]?.stringValue.flatMap({ FragmentNumber($0) })
            else { continue }
            // A session's first fragment counts from its number times a thousand.
            roles[Role.Key(stream, Int(clamping: number.counter / 1000))] = Role(
                isCaller: leg["IsCaller"]?.boolValue, mediaIndex: Self.mediaIndex(leg["MediaIndex"]) ?? 0,
                label: leg["MediaLabel"]?.stringValue)
        }
        return roles
    }

    private static func mediaIndex(_ value: JSONValue?) -> Int? { value?.integerValue.flatMap { Int(exactly: $0) } }

    /// `ChimeVoiceConnector-<connector>-<uuid>`.
    private static func connector(ofStream name: String) -> String? {
        let prefix = "ChimeVoiceConnector-"
        guard name.hasPrefix(prefix), name.utf8.count > prefix.utf8.count + 37 else { return nil }
        return String(name.dropFirst(prefix.count).dropLast(37))
    }

    private static func start(of path: String) -> Int64? {
        guard let reader = try? StreamReader(path: path), case .opened(let start, _)? = try? reader.read() else {
            return nil
        }
        return start
    }
}

/// Folders and small files, as far as the finder needs them.
enum FolderListing {
    /// The names in a folder, sorted; empty when it cannot be read.
    static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// A JSON file of at most 16 MB.
    static func json(_ path: String) -> JSONValue? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size > 0, status.st_size <= 16 << 20 else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        guard read(file, &bytes, bytes.count) == bytes.count else { return nil }
        return try? JSONValue(parsing: bytes)
    }
}
