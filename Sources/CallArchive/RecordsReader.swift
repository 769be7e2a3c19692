import Foundation
import GRDB
import Glibc
import StreamSink

/// Brings the index up to what the data directory holds: the event log from where it was left, and the folders that
/// have changed since. Everything it does can be done again without harm.
struct RecordsReader {
    let dataDirectory: String
    let entries: IndexEntries

    /// The most of the log that goes into one transaction.
    private static let chunkSize = 1 << 20
    /// Longer lines are passed over.
    private static let longestLine = 4 << 20
    /// A folder that changed less than this ago may change again with the same time.
    private static let settledNanoseconds: Int64 = 2_000_000_000

    // --- the event log

    /// Whether there was something; call it until there is not.
    func readEvents(_ database: Database) throws -> Bool {
        let path = "\(dataDirectory)/logs/events.jsonl"
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        guard let row = try Row.fetchOne(database, sql: "SELECT position, before FROM log_position") else {
            return false
        }
        var position: Int64 = row["position"]
        let before: [UInt8] = Array((row["before"] as Data?) ?? Data())
        // Another log than the one that was read (restored, rotated): from its start.
        if position > 0, read(file, Int(position) - before.count, before.count) != before { position = 0 }
        var length = Self.chunkSize
        while true {
            let bytes = read(file, Int(position), length)
            guard let end = bytes.lastIndex(of: 0x0A) else {
                guard bytes.count == length else { return false }
                guard length < Self.longestLine else {
                    try store(database, position + Int64(length), Array(bytes.suffix(64)))
                    return true
                }
                length = Self.longestLine
                continue
            }
            for line in bytes[..<end].split(separator: 0x0A) { try entries.apply(event: Array(line), database) }
            try store(database, position + Int64(end) + 1, Array(bytes[...end].suffix(64)))
            return true
        }
    }

    private func store(_ database: Database, _ position: Int64, _ before: [UInt8]) throws {
        try database.run(
            sql: "UPDATE log_position SET position = ?, before = ?", arguments: [position, Data(before)])
    }

    private func read(_ file: Int32, _ offset: Int, _ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, count))
        let got = pread(file, &bytes, bytes.count, max(0, offset))
        return Array(bytes.prefix(max(0, got)))
    }

    // --- folders

    /// Folders that have changed since they were listed.
    func changedFolders(_ database: Database) throws -> [(path: String, changed: Int64)] {
        var known: [String: Int64] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT path, changed FROM folders") {
            known[row["path"]] = row["changed"]
        }
        var folders = FolderNames.list("\(dataDirectory)/streams").map { "streams/\($0)" }
        for kind in ["CDRs", "SDRs"] {
            var level = ["objects/Amazon-Chime-Voice-Connector-\(kind)/json"]
            // connector, year, month, day
            for _ in 0..<4 {
                level = level.flatMap { folder in
                    FolderNames.list("\(dataDirectory)/\(folder)").map { "\(folder)/\($0)" }
                }
            }
            folders += level
        }
        let now = Self.nanoseconds()
        let listed = Set(folders)
        // A stream that was deleted: its recordings are gone.
        let gone = known.keys.filter { $0.hasPrefix("streams/") && !listed.contains($0) }.map { ($0, Int64(0)) }
        return gone
            + folders.compactMap { folder in
                var status = stat()
                guard stat("\(dataDirectory)/\(folder)", &status) == 0 else { return nil }
                let changed = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
                guard known[folder] != changed else { return nil }
                return (folder, now - changed > Self.settledNanoseconds ? changed : 0)
            }
    }

    /// Takes in one folder's names.
    func readFolder(_ folder: (path: String, changed: Int64), _ database: Database) throws {
        let names = FolderNames.list("\(dataDirectory)/\(folder.path)")
        if names.isEmpty, FolderNames.isMissing("\(dataDirectory)/\(folder.path)") {
            try readStream(String(folder.path.dropFirst(8)), [], database)
            try database.run(sql: "DELETE FROM folders WHERE path = ?", arguments: [folder.path])
            return
        }
        if folder.path.hasPrefix("streams/") {
            try readStream(String(folder.path.dropFirst(8)), names, database)
        } else {
            try readObjects(folder.path, names, database)
        }
        try database.run(
            sql: "INSERT INTO folders VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET changed = excluded.changed",
            arguments: [folder.path, folder.changed])
    }

    private func readObjects(_ folder: String, _ names: [String], _ database: Database) throws {
        let isCall = folder.hasPrefix("objects/Amazon-Chime-Voice-Connector-CDRs")
        let day = TimeText.parse(folder.split(separator: "/").suffix(3).joined(separator: "-"), now: 0) ?? 0..<0
        let known = try Set(
            String.fetchAll(
                database,
                sql: isCall
                    ? "SELECT transaction_id FROM calls WHERE status IS NOT NULL AND start_ms >= ? AND start_ms < ?"
                    : """
                    SELECT transaction_id FROM legs JOIN calls USING (transaction_id)
                    WHERE format IS NOT NULL AND calls.start_ms >= ? AND calls.start_ms < ?
                    """, arguments: [day.lowerBound, day.upperBound]))
        for name in names {
            // <HH.MM.SS.mmm>_<transaction>
            let parts = name.split(separator: "_", maxSplits: 1)
            guard parts.count == 2, !known.contains(String(parts[1])) else { continue }
            guard let json = FolderNames.json("\(dataDirectory)/\(folder)/\(name)") else { continue }
            let thousandths = Int64(parts[0].suffix(3)) ?? 0
            if isCall {
                try entries.apply(callRecord: json, thousandths: thousandths, database)
            } else {
                try entries.apply(streamingRecord: json, thousandths: thousandths, database)
            }
        }
    }

    private func readStream(_ stream: String, _ names: [String], _ database: Database) throws {
        var kept: Set<Int> = []
        var stored: [Int: String] = [:]
        for row in try Row.fetchAll(
            database, sql: "SELECT session, file FROM legs WHERE stream = ? AND file IS NOT NULL", arguments: [stream])
        { stored[row["session"]] = row["file"] }
        for file in names {
            guard let name = SessionFileName(file) else { continue }
            kept.insert(name.session)
            guard stored[name.session] != "streams/\(stream)/\(file)" else { continue }
            try entries.apply(
                file: "streams/\(stream)/\(file)", name, stream: stream, dataDirectory: dataDirectory, database)
        }
        for session in stored.keys where !kept.contains(session) {
            try database.run(
                sql: "UPDATE legs SET file = NULL WHERE stream = ? AND session = ?", arguments: [stream, session])
        }
    }

    static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Folders and small files, as far as the index needs them.
enum FolderNames {
    /// The names in a folder without those that begin with a point, sorted; empty when it cannot be read.
    static func list(_ path: String) -> [String] {
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

    /// Whether there is nothing of that name.
    static func isMissing(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) != 0 && errno == ENOENT
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
