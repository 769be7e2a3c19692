extension SessionFileReport {
    /// What a repair did.
    public enum Repair: Sendable, Equatable {
        /// Nothing was wrong.
        case notNeeded
        /// Its torn end was cut off, damage was made a Void, and length and duration were written in.
        case repaired(removedBytes: Int64)
        /// Removed: the crash came before the header was whole, so there was no audio in it.
        case removed
    }

    /// Makes a file that a crash left open a closed one, with its index. Nothing that was whole is lost, and what is lost is
    /// told in ``losses`` and, before the file is changed, in `<session>.lost` beside it. Running it again does nothing.
    ///
    /// Not for files that are being written.
    public static func repair(
        _ path: String, operations: FileOperations = .system
    ) throws(FileError) -> (report: SessionFileReport, repair: Repair) {
        let source = try SessionBytes(path: path, givesZeros: true)
        let length = source.length
        guard let header = try header(source) else {
            let report = try SessionFileReport(scanning: path)
            // Never throw away what is no recording of ours at all.
            if report.damage != nil || report.track != nil { return (report, .notNeeded) }
            let removed = operations.remove(path)
            guard removed >= 0 else { throw FileError("remove", path, removed) }
            return (report, .removed)
        }
        if header.finishedLength == length {
            var report = try SessionFileReport(scanning: path)
            report.losses = try SessionLosses.load(session: path)?.losses ?? []
            return (report, .notNeeded)
        }
        var salvage: SessionSalvage
        let patches: [SessionPatch]
        var report = SessionFileReport(path: path)
        do throws(WalkError) {
            salvage = try SessionSalvage(
                source, header: header, index: indexEntries(path), firstCounter: firstCounter(path))
            report.losses = try tell(try salvage.losses(), path, operations: operations)
            patches = try salvage.patches()
            try report.take(salvage, source)
        } catch {
            throw error.fileError(path)
        }
        try report.close(patches, operations: operations)
        salvage.openClusters.write(into: path, operations: operations)
        // Without its index a session is whole; readers find its fragments in the file.
        let written = try SessionBytes(path: path)
        let index = SessionIndex(header: header, entries: try salvage.entries(written))
        IndexWriter.replace(index, of: path, operations: operations)
        return (report, .repaired(removedBytes: length - salvage.end))
    }

    /// What stands before the first fragment; `nil` when that cannot be read, or is not whole.
    private static func header(_ source: SessionBytes) throws(FileError) -> SessionHeader? {
        // Our own ends with the tracks, whatever follows; tags that are damaged could be taken for a part of it.
        var scanner = MatroskaScanner()
        scanner.append(try source.bytes(0..<min(source.length, SessionHeader.limit)))
        var short: SessionHeader?
        while short == nil, let token = try? scanner.next() {
            guard case .track = token else { continue }
            short = try? SessionHeader(source, limit: scanner.offset, endsAtLimit: true)
        }
        if let short, short.isOwn { return short }
        do throws(WalkError) {
            if let header = try SessionHeader(source, limit: source.length) { return header }
        } catch {
            if case .file(let error) = error { throw error }
        }
        return short
    }

    private static func indexEntries(_ path: String) -> [IndexEntry] {
        guard var cursor = try? IndexCursor(path: IndexFile.path(of: path)), cursor.isUsable else { return [] }
        var entries: [IndexEntry] = []
        while let entry = try? cursor.next(), entries.count < 1 << 20 { entries.append(entry) }
        return entries
    }

    private static func firstCounter(_ path: String) -> UInt64? {
        SessionFileName(String(path.split(separator: "/").last ?? "")).map { UInt64(clamping: $0.session) * 1000 + 1 }
    }

    /// Writes down what is lost, with what was lost before. Throws when that cannot be written: then nothing is changed.
    private static func tell(
        _ found: [SessionLoss], _ path: String, operations: FileOperations
    ) throws(WalkError) -> [SessionLoss] {
        do throws(FileError) {
            var known = try SessionLosses.load(session: path)
            if !found.isEmpty {
                known = known ?? SessionLosses()
                if known?.add(found) == true { try known?.save(session: path, operations: operations) }
            }
            return known?.losses ?? []
        } catch {
            throw .file(error)
        }
    }

    /// Takes over what was found.
    private mutating func take(_ salvage: SessionSalvage, _ source: SessionBytes) throws(WalkError) {
        var scanner = MatroskaScanner()
        scanner.append(salvage.header.bytes)
        while let token = try? scanner.next() {
            switch token {
            case .segment(let dataOffset, _): segmentStart = dataOffset
            case .info(let info): durationOffset = info.durationOffset
            default: break
            }
        }
        track = salvage.header.track
        startedAtMilliseconds = salvage.header.startedAtMilliseconds
        fileLength = salvage.end
        wholeLength = salvage.end
        segmentSize = segmentStart.map { salvage.end - $0 }
        fragments = salvage.pieces.count
        lastFragmentNumber = salvage.pieces.last?.number
        samples = salvage.samples
        durationMilliseconds = salvage.endMilliseconds
        isFinished = true
        guard let first = salvage.pieces.first else { return }
        var window = salvage.window
        let bytes = try window.bytes(first.offset..<first.cluster)
        var tags = MatroskaScanner(offset: first.offset)
        tags.append(bytes ?? [])
        var fragment = Fragment(timecodeMilliseconds: first.timecode, tags: [])
        if case .tags(let values)? = try? tags.next() {
            fragment = Fragment(timecodeMilliseconds: first.timecode, tags: values)
        }
        fragment.number = first.number
        firstFragment = fragment
    }

    /// Cuts the file and writes into it; its length goes last: it is what tells readers that everything is in place.
    private func close(_ patches: [SessionPatch], operations: FileOperations) throws(FileError) {
        guard let segmentStart, let segmentSize else { throw FileError("close", path, -FileCode.invalid) }
        var patches = patches
        if let offset = durationOffset {
            let duration = MatroskaHeader.duration(milliseconds: durationMilliseconds)
            patches.append(SessionPatch(offset: offset, bytes: duration))
        }
        patches.append(SessionPatch(offset: segmentStart - 8, bytes: MatroskaHeader.segmentSize(segmentSize)))
        try SessionPatch.finish(path, length: fileLength, patches, operations: operations)
    }
}

extension WalkError {
    fileprivate func fileError(_ path: String) -> FileError {
        switch self {
        case .file(let error): error
        case .damaged: FileError("read", path, -FileCode.invalid)
        }
    }
}
