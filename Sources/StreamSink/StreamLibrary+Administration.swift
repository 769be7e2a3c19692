extension StreamLibrary {
    /// The most tags a stream may have.
    public static let maximumTags = 50
    /// Ten years: the longest retention the wire knows.
    public static let maximumRetentionHours = 87_600

    /// Makes a stream.
    public func create(_ request: NewStream) throws(StreamLibraryError) -> StreamInformation {
        try checkWritable()
        guard StreamDescription.isUsableName(request.name) else {
            throw .invalidArgument(
                "a stream's name has 1 to 250 of letters, digits, “_”, “.” and “-”, and does not begin with a point")
        }
        try check(deviceName: request.deviceName, mediaType: request.mediaType)
        try check(retentionHours: request.retentionHours)
        guard request.kmsKeyID?.utf8.count ?? 1 <= 2048 else {
            throw .invalidArgument("a key's name has at most 2,048 characters")
        }
        try check(tags: request.tags)
        guard request.tags.count <= Self.maximumTags else { throw .tagLimit(Self.maximumTags) }
        let now = wallClock()
        var stream = StreamDescription(
            name: request.name,
            arn: StreamDescription.arn(
                name: request.name, region: shelf.region, accountID: shelf.accountID, createdAtMilliseconds: now),
            connectorID: "", createdAtMilliseconds: now, nextSession: 0, closedSession: -1)
        stream.deviceName = request.deviceName
        stream.mediaType = request.mediaType
        stream.kmsKeyID = request.kmsKeyID
        stream.retentionHours = request.retentionHours
        stream.tags = request.tags
        stream.change()
        guard shelf.add(stream) else { throw .streamExists(request.name) }
        do throws(FileError) {
            try shelf.save(request.name)
        } catch {
            _ = shelf.remove(request.name)
            throw .disk(error)
        }
        return information(stream)
    }

    /// What is known of a stream.
    public func stream(_ reference: StreamReference) throws(StreamLibraryError) -> StreamInformation {
        information(try shelf.description(reference))
    }

    /// Streams by name.
    /// - Parameters:
    ///   - namePrefix: how the names begin.
    ///   - after: the last name of the page before.
    ///   - limit: at most so many.
    public func streams(namePrefix: String? = nil, after: String? = nil, limit: Int = .max) -> [StreamInformation] {
        var found: [StreamInformation] = []
        for name in shelf.names where name > after ?? "" {
            guard found.count < limit else { break }
            if let namePrefix, !name.hasPrefix(namePrefix) { continue }
            if let stream = shelf.description(name) { found.append(information(stream)) }
        }
        return found
    }

    /// Deletes a stream and all that is in it. Followers read the session they are in to its end.
    /// - Parameter currentVersion: refuses when the stream has another one; `nil` does not ask.
    public func delete(_ reference: StreamReference, currentVersion: String? = nil) throws(StreamLibraryError) {
        let store = try checkWritable()
        let stream = try shelf.description(reference)
        if let currentVersion, currentVersion != stream.version { throw .versionMismatch(current: stream.version) }
        guard store.pool.remove(stream.name) else {
            guard shelf.description(stream.name) != nil else { throw .noSuchStream(stream.name) }
            throw .streamBusy(stream.name)
        }
        let operations = store.directory.operations
        let folder = shelf.folder(stream.name)
        // Moved first: after a crash in the middle the next start finds no half of a stream.
        let gone = "\(shelf.streamsPath)/\(StreamTrash.prefix)\(RandomUUID.make())"
        let moved = operations.rename(folder, gone)
        guard moved >= 0 || moved == -FileCode.missing else { throw .disk(FileError("delete", folder, moved)) }
        RetentionLedger(dataDirectory: dataDirectory, operations: operations).note(stream: stream.name, at: wallClock())
        shelf.watch(stream.name).changed()
        for session in FileContents.names(in: gone) { indexes.remove("\(folder)/\(session)") }
        StreamTrash.empty(gone, operations: operations)
    }

    /// Changes device and media type; `nil` leaves them.
    public func update(
        _ reference: StreamReference, currentVersion: String, deviceName: String?, mediaType: String?
    ) throws(StreamLibraryError) -> StreamInformation {
        try check(deviceName: deviceName, mediaType: mediaType)
        return try change(reference, currentVersion: currentVersion) { stream in
            if let deviceName { stream.deviceName = deviceName }
            if let mediaType { stream.mediaType = mediaType }
        }
    }

    /// Makes the retention longer or, with a negative number, shorter; what is there already follows the new one. From then
    /// on the connector's setting does not count for this stream.
    public func changeRetention(
        _ reference: StreamReference, currentVersion: String, byHours hours: Int
    ) throws(StreamLibraryError) -> StreamInformation {
        let before = try shelf.description(reference).retentionHours ?? 0
        let (after, overflow) = before.addingReportingOverflow(hours)
        guard !overflow, after >= 0, after <= Self.maximumRetentionHours else {
            throw .invalidArgument(
                "the data retention is \(before) hours now and must stay between 0 and \(Self.maximumRetentionHours)")
        }
        return try change(reference, currentVersion: currentVersion) { stream in
            stream.retentionHours = after
            stream.retentionIsOwn = true
        }
    }

    /// Sets the retention of all streams of a connector but those that have their own. To be called when the connector's
    /// `DataRetentionInHours` is read or has changed.
    public func setRetention(connectorID: String, hours: Int) throws(StreamLibraryError) {
        try checkWritable()
        try check(retentionHours: hours)
        for name in shelf.names {
            guard let stream = shelf.description(name), stream.connectorID == connectorID, !stream.retentionIsOwn,
                stream.retentionHours != hours
            else { continue }
            _ = try change(.name(name), currentVersion: nil) { $0.retentionHours = hours }
        }
    }

    /// Adds tags, or gives those that are there another value.
    public func tag(_ reference: StreamReference, _ tags: [String: String]) throws(StreamLibraryError) {
        try check(tags: tags)
        let all = try shelf.description(reference).tags.merging(tags) { _, new in new }
        guard all.count <= Self.maximumTags else { throw .tagLimit(Self.maximumTags) }
        _ = try change(reference, currentVersion: nil) { $0.tags.merge(tags) { _, new in new } }
    }

    /// Removes tags; one that is not there is no error.
    public func untag(_ reference: StreamReference, _ keys: [String]) throws(StreamLibraryError) {
        _ = try change(reference, currentVersion: nil) { stream in
            for key in keys { stream.tags[key] = nil }
        }
    }

    private func change(
        _ reference: StreamReference, currentVersion: String?, _ body: (inout StreamDescription) -> Void
    ) throws(StreamLibraryError) -> StreamInformation {
        try checkWritable()
        let before = try shelf.description(reference)
        var isStale = false
        let after = shelf.update(before.name) { stream in
            if let currentVersion, currentVersion != stream.version { return isStale = true }
            body(&stream)
            stream.change()
        }
        guard let after else { throw .noSuchStream(before.name) }
        guard !isStale else { throw .versionMismatch(current: after.version) }
        do throws(FileError) { try shelf.save(after.name) } catch { throw .disk(error) }
        return information(after)
    }

    private func information(_ stream: StreamDescription) -> StreamInformation {
        StreamInformation(
            name: stream.name, arn: stream.arn, deviceName: stream.deviceName,
            mediaType: stream.mediaType ?? (stream.connectorID.isEmpty ? nil : "audio/L16"), kmsKeyID: stream.kmsKeyID,
            version: stream.version, status: .active, createdAtMilliseconds: stream.createdAtMilliseconds,
            retentionHours: stream.retentionHours ?? 0, tags: stream.tags,
            connectorID: stream.connectorID.isEmpty ? nil : stream.connectorID, isLive: shelf.live(stream.name) != nil)
    }

    @discardableResult
    func checkWritable() throws(StreamLibraryError) -> FragmentStore {
        guard let store else { throw .readOnly }
        return store
    }

    private func check(deviceName: String?, mediaType: String?) throws(StreamLibraryError) {
        if let deviceName {
            guard !deviceName.isEmpty, deviceName.utf8.count <= 128, StreamDescription.isPlain(deviceName) else {
                throw .invalidArgument("a device's name has 1 to 128 of letters, digits, “_”, “.” and “-”")
            }
        }
        guard let mediaType else { return }
        // [\w\-\.\+]+/[\w\-\.\+]+(,[\w\-\.\+]+/[\w\-\.\+]+)*
        let isGood =
            mediaType.utf8.count <= 128
            && mediaType.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { type in
                let parts = type.split(separator: "/", omittingEmptySubsequences: false)
                return parts.count == 2
                    && parts.allSatisfy { !$0.isEmpty && StreamDescription.isPlain(String($0.filter { $0 != "+" })) }
            }
        guard isGood else {
            throw .invalidArgument("a media type is “type/subtype”, several with commas, 128 characters at most")
        }
    }

    private func check(retentionHours: Int) throws(StreamLibraryError) {
        guard retentionHours >= 0, retentionHours <= Self.maximumRetentionHours else {
            throw .invalidArgument("the data retention is 0 to \(Self.maximumRetentionHours) hours")
        }
    }

    private func check(tags: [String: String]) throws(StreamLibraryError) {
        for (key, value) in tags {
            guard !key.isEmpty, key.count <= 128, value.count <= 256 else {
                throw .invalidArgument("a tag's key has 1 to 128 characters and its value at most 256")
            }
        }
    }
}

/// Folders of streams that are being deleted.
enum StreamTrash {
    static let prefix = ".deleted-"

    static func empty(_ folder: String, operations: FileOperations) {
        for name in FileContents.names(in: folder) { _ = operations.remove("\(folder)/\(name)") }
        _ = operations.removeDirectory(folder)
    }

    /// What a crash has left.
    static func emptyAll(in streamsPath: String, operations: FileOperations) {
        for name in FileContents.names(in: streamsPath) where name.hasPrefix(prefix) {
            empty("\(streamsPath)/\(name)", operations: operations)
        }
    }
}
