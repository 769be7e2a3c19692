import Foundation
import StreamSink

/// Finds a session's file from what a person types.
struct StreamLookup {
    let dataFolder: String

    /// As ``sessionFile(of:)``, but gives the file some time to appear: the event of a call that starts may be read a moment
    /// before its file is there.
    func sessionFile(of text: String, patience: Duration) async throws -> String {
        let end = ContinuousClock.now + patience
        while true {
            do {
                return try sessionFile(of: text)
            } catch {
                guard ContinuousClock.now < end, !Task.isCancelled else { throw error }
                if case StreamLookupError.many = error { throw error }
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The file of a `.mkv` path, of the newest session of a stream (by name, or a part of it that only one has), or of
    /// `TRANSACTION:INDEX` (`:INDEX` may be left off where the call has one stream).
    func sessionFile(of text: String) throws -> String {
        var isFolder: ObjCBool = false
        if text.hasSuffix(".mkv"), FileManager.default.fileExists(atPath: text, isDirectory: &isFolder),
            !isFolder.boolValue
        {
            return text
        }
        let root = dataFolder + "/streams"
        guard let streams = try? FileManager.default.contentsOfDirectory(atPath: root).sorted() else {
            throw StreamLookupError.noData(dataFolder, wanted: text)
        }
        if streams.contains(text) { return try newest(of: text, in: root) }
        guard !text.isEmpty, !text.contains("/") else { throw StreamLookupError.none(text, count: streams.count) }
        let matches = streams.filter { $0.contains(text) }
        if let only = matches.first, matches.count == 1 { return try newest(of: only, in: root) }
        let files = sessions(ofTransaction: text, streams: streams, in: root)
        if let file = files.first, files.count == 1 { return file }
        guard matches.isEmpty, files.isEmpty else {
            throw StreamLookupError.many(text, matches: matches.isEmpty ? files : matches)
        }
        throw StreamLookupError.none(text, count: streams.count)
    }

    private func files(of stream: String, in root: String) -> [(name: SessionFileName, path: String)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(stream)")) ?? []
        return names.compactMap { file in SessionFileName(file).map { ($0, "\(root)/\(stream)/\(file)") } }
    }

    private func newest(of stream: String, in root: String) throws -> String {
        guard let file = files(of: stream, in: root).max(by: { $0.name.session < $1.name.session }) else {
            throw StreamReaderError.noSession(stream: stream, session: nil)
        }
        return file.path
    }

    private func sessions(ofTransaction text: String, streams: [String], in root: String) -> [String] {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard let transaction = parts.first, transaction.count >= 4 else { return [] }
        let index = parts.count == 2 ? Int(parts[1]) : nil
        guard parts.count == 1 || index != nil else { return [] }
        return streams.flatMap { stream in
            files(of: stream, in: root)
                .filter {
                    $0.name.transactionID.hasPrefix(transaction) && (index == nil || $0.name.mediaIndex == index)
                }
                .map(\.path)
        }
    }
}

/// Why no file was found.
enum StreamLookupError: Error, CustomStringConvertible {
    case noData(String, wanted: String)
    case none(String, count: Int)
    case many(String, matches: [String])

    var description: String {
        switch self {
        case .noData(let folder, let wanted):
            "\(folder) is no data folder of the service (looking for \(wanted)); give it with --data"
        case .none(let text, let count):
            "there is no stream “\(text.prefix(100))” among the \(count) here; “earshot streams” lists them"
        case .many(let text, let matches):
            "“\(text.prefix(100))” fits \(matches.count) streams; write more of it, for instance:\n  "
                + matches.prefix(5).joined(separator: "\n  ")
        }
    }
}
