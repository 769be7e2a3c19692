/// Finds the streams of a data directory at start.
enum StreamRegistry {
    /// The streams in the order of their creation. A `stream.json` that is missing or damaged is made up from the files.
    static func load(_ streamsPath: String, region: String, accountID: String) -> [StreamDescription] {
        var streams: [StreamDescription] = []
        for name in FileContents.names(in: streamsPath) {
            guard StreamDescription.isUsableName(name) else { continue }
            let folder = "\(streamsPath)/\(name)"
            let bytes = (try? FileContents.read("\(folder)/stream.json", limit: 64 << 10)) ?? []
            let files = FileContents.names(in: folder).compactMap { file in
                SessionFileName(file).map { (path: "\(folder)/\(file)", session: $0.session) }
            }
            let known = StreamDescription(parsing: bytes, name: name)
            let connectorID = known?.connectorID ?? StreamDescription.connectorID(ofStream: name)
            // A folder of somebody else's is left alone.
            guard known != nil || connectorID != nil || !files.isEmpty else { continue }
            var stream =
                known
                ?? rebuilt(
                    name, connectorID: connectorID ?? "", folder: folder, region: region, accountID: accountID)
            for file in files where file.session > stream.closedSession {
                // Not closed properly, or the note of it was lost: a long session has used up more than one number.
                let last = (try? SessionFileReport(scanning: file.path))?.lastFragmentNumber?.counter ?? 0
                stream.nextSession = max(stream.nextSession, file.session + 1, StreamPool.session(after: last))
            }
            streams.append(stream)
        }
        return streams.sorted { ($0.createdAtMilliseconds, $0.name) < ($1.createdAtMilliseconds, $1.name) }
    }

    private static func rebuilt(
        _ name: String, connectorID: String, folder: String, region: String, accountID: String
    ) -> StreamDescription {
        let created = FileContents.status(folder)?.changedAtMilliseconds ?? 0
        return StreamDescription(
            name: name,
            arn: StreamDescription.arn(
                name: name, region: region, accountID: accountID, createdAtMilliseconds: created),
            connectorID: connectorID, createdAtMilliseconds: created, nextSession: 0, closedSession: -1)
    }
}
