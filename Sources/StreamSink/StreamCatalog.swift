/// A list of the streams in a data directory, made by looking at the files; safe beside a running service.
public enum StreamCatalog {
    /// One stream.
    public struct Stream: Sendable {
        /// The stream's name.
        public var name: String
        /// Its ARN; empty when `stream.json` cannot be read.
        public var arn: String
        /// The connector it belongs to; empty for a stream that somebody made.
        public var connectorID: String
        /// Its sessions, oldest first.
        public var sessions: [Session]
        /// Whether a session is being recorded, or was when the service died.
        public var isLive: Bool { sessions.contains { $0.isLive } }
    }

    /// One session.
    public struct Session: Sendable {
        /// The file's name.
        public var name: SessionFileName
        /// The file's path.
        public var path: String
        /// The file's length.
        public var bytes: Int64
        /// Whether the file is not closed.
        public var isLive: Bool
        /// Wall clock of sample 0, milliseconds since 1970.
        public var startedAtMilliseconds: Int64?
        /// The end of the last whole block in milliseconds from sample 0.
        public var durationMilliseconds: Double
    }

    /// All streams, by name. Of a closed file only the header is read, of an open one everything.
    public static func list(dataDirectory: String) -> [Stream] {
        let streamsPath = "\(dataDirectory)/streams"
        return FileContents.names(in: streamsPath).compactMap { name in
            guard StreamDescription.isUsableName(name) else { return nil }
            let folder = "\(streamsPath)/\(name)"
            let json = (try? FileContents.read("\(folder)/stream.json", limit: 64 << 10)) ?? []
            let known = StreamDescription(parsing: json, name: name)
            guard let connectorID = known?.connectorID ?? StreamDescription.connectorID(ofStream: name) else {
                return nil
            }
            return Stream(
                name: name, arn: known?.arn ?? "", connectorID: connectorID,
                sessions: FileContents.names(in: folder).compactMap { session($0, folder: folder) })
        }
    }

    private static func session(_ file: String, folder: String) -> Session? {
        let path = "\(folder)/\(file)"
        guard let name = SessionFileName(file) else { return nil }
        if !SessionFileState.isOpen(path), let bytes = FileContents.status(path)?.size,
            let info = try? StreamReader(path: path).header(), let duration = info.durationMilliseconds
        {
            return Session(
                name: name, path: path, bytes: bytes, isLive: false, startedAtMilliseconds: info.startedAtMilliseconds,
                durationMilliseconds: duration)
        }
        guard let report = try? SessionFileReport(scanning: path) else { return nil }
        return Session(
            name: name, path: path, bytes: report.fileLength, isLive: !report.isFinished,
            startedAtMilliseconds: report.startedAtMilliseconds, durationMilliseconds: report.durationMilliseconds)
    }
}
