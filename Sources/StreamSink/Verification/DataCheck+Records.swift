extension DataCheck {
    private static let callRecords = "Amazon-Chime-Voice-Connector-CDRs"
    private static let streamingRecords = "Amazon-Chime-Voice-Connector-SDRs"
    /// A call's two records are written together; so long after the first the second may be waited for.
    private static let recordGrace: Int64 = 60_000

    /// Reads every record, and looks whether the fragments it names are there.
    func checkRecords() {
        for folder in [Self.callRecords, Self.streamingRecords] {
            eachObject(in: "objects/\(folder)/json") { path in
                guard tell(summary.bytes) else { return }
                if path.split(separator: "/").last?.hasPrefix(".") ?? true { return checkLeftover(path) }
                let bytes: [UInt8]
                do throws(FileError) {
                    bytes = try FileContents.read("\(dataDirectory)/\(path)")
                } catch {
                    guard FileContents.status("\(dataDirectory)/\(path)") != nil else { return }
                    return add(VerificationFinding(.unreadableFile, path: path, detail: "\(error)"))
                }
                guard let record = try? JSONValue(parsing: bytes), let id = record["TransactionId"]?.stringValue else {
                    return add(
                        VerificationFinding(
                            .unreadableRecord, path: path, detail: "the record is not JSON, or has no TransactionId"))
                }
                folder == Self.callRecords
                    ? checkCall(record, path: path) : checkStreaming(record, transactionID: id, path: path)
            }
        }
    }

    /// The objects lie at `<connector>/<yyyy>/<mm>/<dd>/`. One folder's names are held at a time.
    private func eachObject(in root: String, _ body: (String) -> Void) {
        func folders(_ path: String, _ depth: Int) -> [String] {
            FileContents.names(in: "\(dataDirectory)/\(path)").map { "\(path)/\($0)" }
        }
        for connector in folders(root, 0) {
            for year in folders(connector, 1) {
                for month in folders(year, 2) {
                    for day in folders(month, 3) {
                        for object in folders(day, 4) where !summary.isPartial { body(object) }
                    }
                }
            }
        }
    }

    private func checkLeftover(_ path: String) {
        guard stream == nil, !isInUse else { return }
        add(VerificationFinding(.leftover, path: path, detail: "a write that was broken off has left this file"))
    }

    private func checkCall(_ record: JSONValue, path: String) {
        guard stream == nil else { return }
        summary.records += 1
        guard record["Streaming"]?.boolValue ?? false else { return }
        checkCounterpart(of: path, Self.callRecords, Self.streamingRecords, "streaming detail record")
    }

    private func checkCounterpart(of path: String, _ own: String, _ other: String, _ name: String) {
        let start = "objects/\(own)/"
        guard path.hasPrefix(start) else { return }
        let wanted = "objects/\(other)/\(path.dropFirst(start.count))"
        guard FileContents.status("\(dataDirectory)/\(wanted)") == nil,
            let written = FileContents.status("\(dataDirectory)/\(path)")?.changedAtMilliseconds,
            !isInUse || now - written > Self.recordGrace
        else { return }
        add(VerificationFinding(.missingRecord, path: wanted, detail: "the call's \(name) is missing"))
    }

    private func checkStreaming(_ record: JSONValue, transactionID: String, path: String) {
        let legs = record["Legs"]?.arrayValue ?? []
        if let stream, !legs.contains(where: { $0["StreamName"]?.stringValue == stream }) { return }
        summary.records += 1
        if stream == nil { checkCounterpart(of: path, Self.streamingRecords, Self.callRecords, "call detail record") }
        let end = (record["EndTimeEpochSeconds"]?.integerValue ?? 0).multipliedReportingOverflow(by: 1000)
        for leg in legs where stream == nil || leg["StreamName"]?.stringValue == stream {
            guard let name = leg["StreamName"]?.stringValue, StreamDescription.isUsableName(name),
                let index = leg["MediaIndex"]?.integerValue.flatMap(Int.init(exactly:)), index >= 0,
                let start = leg["StartFragmentNumber"]?.stringValue.flatMap({ FragmentNumber($0) }),
                FragmentStore.isPathSafe(transactionID)
            else {
                add(
                    VerificationFinding(
                        .unreadableRecord, path: path, detail: "a leg without stream, m-line or first fragment"))
                continue
            }
            // Without a last fragment nothing was recorded.
            guard let last = leg["EndFragmentNumber"]?.stringValue.flatMap({ FragmentNumber($0) }) else { continue }
            let session = SessionFileName(
                session: Int(clamping: (max(start.counter, 1) - 1) / 1000), transactionID: transactionID,
                mediaIndex: index)
            checkLeg(
                RecordedRange(stream: name, session: session, first: start, last: last, record: path),
                endedAt: end.overflow ? 0 : end.partialValue)
        }
    }

    /// What a record says of one leg.
    private struct RecordedRange {
        var stream: String
        var session: SessionFileName
        var first: FragmentNumber
        var last: FragmentNumber
        var record: String
    }

    private func checkLeg(_ leg: RecordedRange, endedAt: Int64) {
        let folder = "\(streamsPath)/\(leg.stream)"
        func tell(
            _ kind: VerificationFinding.Kind, level: VerificationFinding.Level? = nil, _ detail: String,
            count: UInt64? = nil
        ) {
            var finding = VerificationFinding(
                kind, level: level, streamName: leg.stream, path: leg.record, detail: detail)
            finding.fragment = leg.first
            finding.lastFragment = leg.last
            finding.fragmentCount = count.map { Int(clamping: $0) }
            add(finding)
        }
        guard FileContents.status(folder) != nil else {
            if let deletion = deletions[leg.stream] {
                return tell(.deletedSession, "\(leg.stream): \(Self.say(deletion))")
            }
            return tell(.missingStream, "the record names the stream \(leg.stream), which is not there")
        }
        let path = "\(folder)/\(leg.session.text)"
        guard let source = try? SessionBytes(path: path) else {
            guard FileContents.status(path) == nil else { return }
            if let deletion = deletions["\(leg.stream)/\(leg.session.text)"] ?? later(endedAt, deletions[leg.stream]) {
                guard deletion.isEarly else { return summary.expiredLegs += 1 }
                return tell(.deletedSession, "\(leg.session.text): \(Self.say(deletion))")
            }
            let bytes = (try? FileContents.read("\(folder)/stream.json", limit: 64 << 10)) ?? []
            let known = StreamDescription(parsing: bytes, name: leg.stream)
            if let hours = known?.retentionHours {
                let kept =
                    hours > 0
                    ? Int64(min(hours, 1 << 30)) * 3_600_000 : StreamLibrary.unretainedMilliseconds
                if endedAt &+ kept <= now { return summary.expiredLegs += 1 }
            }
            let oldest = FileContents.names(in: folder).compactMap { SessionFileName($0)?.session }.min()
            // Sessions are deleted oldest first, by the disk budget before their time.
            if known?.retentionHours != nil, let oldest, leg.session.session < oldest {
                return tell(
                    .missingSession, level: .note,
                    "\(leg.session.text) went before its stream's retention: by the disk budget, or by hand")
            }
            return tell(.missingSession, "\(leg.session.text), which the record names, is not there")
        }
        let index: SessionIndex?
        do throws(WalkError) { index = try SessionIndex.load(source, live: nil, isFinal: true) } catch {
            // The file's own findings say why.
            return
        }
        guard let index else {
            return tell(
                .missingRecordedFragments, "\(leg.session.text) has no whole fragment",
                count: leg.last.counter &- leg.first.counter &+ 1)
        }
        let there = index.entries.count { $0.number.counter >= leg.first.counter && $0.number <= leg.last }
        let wanted = leg.last.counter &- leg.first.counter &+ 1
        // What recovery had to give up is told of the session's file.
        let losses = (try? SessionLosses.load(session: path)) ?? nil
        let lost = losses?.lostFragments(from: leg.first.counter, to: leg.last.counter) ?? 0
        func isAccounted(_ number: FragmentNumber) -> Bool {
            index.entry(number) != nil
                || losses.map { losses in
                    losses.lostFragments(from: number.counter, to: number.counter) > 0
                        || index.entries.contains { $0.number.counter == number.counter }
                } ?? false
        }
        if leg.last < leg.first || !isAccounted(leg.first) || !isAccounted(leg.last)
            || there + lost < Int(clamping: wanted)
        {
            tell(
                .missingRecordedFragments,
                "of \(wanted) fragments of \(leg.session.text) that the record names, \(there) are there",
                count: wanted > UInt64(there) ? wanted - UInt64(there) : nil)
        }
    }

    private static func say(_ deletion: RetentionLedger.Deletion) -> String {
        "deleted at \(UTCTime(milliseconds: deletion.atMilliseconds).isoSeconds): \(deletion.reason)"
    }

    /// A stream of that name that was made after it was deleted has other sessions.
    private func later(_ endedAt: Int64, _ deletion: RetentionLedger.Deletion?) -> RetentionLedger.Deletion? {
        deletion.flatMap { $0.atMilliseconds >= endedAt ? $0 : nil }
    }

    /// Journals of calls that nobody records any more.
    func checkJournals() {
        let folder = "calls"
        for name in FileContents.names(in: "\(dataDirectory)/\(folder)") where name.hasSuffix(".json") {
            let path = "\(folder)/\(name)"
            guard let bytes = try? FileContents.read("\(dataDirectory)/\(path)") else { continue }
            let call: CallRecord
            do throws(CallJournalError) { call = try CallRecord(parsing: bytes) } catch {
                if stream == nil, FileContents.status("\(dataDirectory)/\(path)") != nil {
                    add(VerificationFinding(.unreadableJournal, path: path, detail: "\(error)"))
                }
                continue
            }
            guard stream == nil || call.legs.contains(where: { $0.streamName == stream }), !isInUse else { continue }
            add(
                VerificationFinding(
                    .openJournal, path: path,
                    detail:
                        "the call \(call.transactionID) was cut and waits for recovery: the service writes its records "
                        + "when it starts"))
        }
        guard stream == nil else { return }
        for name in FileContents.names(in: "\(dataDirectory)/\(folder)/damaged") {
            add(
                VerificationFinding(
                    .unreadableJournal, level: .note, path: "\(folder)/damaged/\(name)",
                    detail:
                        "a journal that could not be read was put aside here for people; remove it when it is looked at"
                ))
        }
    }
}
