/// The metadata of one recording session as it grows from document to document.
struct MetadataKeeper {
    private(set) var metadata: RecordingMetadata?
    private(set) var status = MetadataStatus.missing
    private var asked = 0
    private var lastRaw: [UInt8]?

    /// Takes in what a message carried.
    ///
    /// - Parameters:
    ///   - isFirst: Then missing metadata is reported, and nothing is asked for: the source has just begun.
    ///   - mayAsk: Whether a snapshot may be asked for.
    mutating func take(_ parts: MultipartBody, isFirst: Bool, mayAsk: Bool) -> MetadataUpdate? {
        guard let part = parts.metadataPart else {
            guard isFirst else { return nil }
            return MetadataUpdate(
                status: status, raw: nil, isChanged: false, snapshot: nil, findings: parts.findings.map(\.rawValue))
        }
        let update = RecordingMetadata(parsing: part.content)
        let isChanged = lastRaw != part.content
        lastRaw = part.content
        let outcome = merge(update, isFirst: isFirst)
        return MetadataUpdate(
            status: status, raw: part.content, isChanged: isChanged,
            snapshot: mayAsk ? request(for: outcome, type: part.mediaType.name) : nil,
            findings: parts.findings.map(\.rawValue) + update.findings)
    }

    private mutating func merge(_ update: RecordingMetadata, isFirst: Bool) -> MergeOutcome {
        if var known = metadata {
            let outcome = known.apply(update)
            metadata = known
            status = known.status
            return outcome
        }
        guard update.status != .unreadable else {
            status = .unreadable
            return isFirst ? .applied : .needsSnapshot(.unreadable)
        }
        metadata = update
        status = update.status
        // A document that calls itself complete and is not will not get better by asking.
        guard update.mode == .partial else { return .applied }
        // BroadWorks starts with "partial" documents that are whole: only open references are a gap.
        if let open = update.openReferences.first { return .needsSnapshot(open) }
        return isFirst ? .applied : .needsSnapshot(.noBase)
    }

    /// A source that cannot do better is not asked for ever.
    private mutating func request(for outcome: MergeOutcome, type: String) -> SnapshotRequest? {
        guard case .needsSnapshot(let reason) = outcome, asked < RecordingSession.maximumSnapshotRequests else {
            return nil
        }
        asked += 1
        return SnapshotRequest(reason: reason, sourceType: type)
    }
}
