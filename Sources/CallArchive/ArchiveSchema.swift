import GRDB

/// The tables of the index. Nothing in it is not also in the records, so another version is not converted: it is made
/// anew.
enum ArchiveSchema {
    /// Kept in `PRAGMA user_version`; to be raised with every change below, and where the records are read
    /// differently.
    static let version = 1

    static let tables = """
        CREATE TABLE calls (
            transaction_id TEXT PRIMARY KEY NOT NULL,
            call_id TEXT, connector TEXT, direction TEXT,
            from_number TEXT, to_number TEXT,
            from_digits TEXT, to_digits TEXT,
            start_ms INTEGER NOT NULL, end_ms INTEGER,
            status TEXT, message TEXT
        ) WITHOUT ROWID;
        CREATE INDEX calls_start ON calls (start_ms, transaction_id);
        CREATE INDEX calls_connector ON calls (connector, start_ms);
        CREATE INDEX calls_call_id ON calls (call_id);

        CREATE TABLE legs (
            stream TEXT NOT NULL, session INTEGER NOT NULL,
            transaction_id TEXT NOT NULL,
            media_index INTEGER, label TEXT, is_caller INTEGER,
            file TEXT,
            start_ms INTEGER, end_ms INTEGER,
            first_fragment TEXT, last_fragment TEXT,
            format TEXT, end_reason TEXT,
            PRIMARY KEY (stream, session)
        ) WITHOUT ROWID;
        CREATE INDEX legs_transaction ON legs (transaction_id);
        CREATE INDEX legs_label ON legs (label);

        -- When a folder was last listed: its time of change in nanoseconds, 0 where it may change within the same tick.
        CREATE TABLE folders (path TEXT PRIMARY KEY NOT NULL, changed INTEGER NOT NULL) WITHOUT ROWID;
        -- How far the event log has been read, and the 64 bytes before that place.
        CREATE TABLE log_position (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL, before BLOB NOT NULL);
        INSERT INTO log_position VALUES (1, 0, x'');
        """

    /// Makes the tables in an empty database.
    static func make(_ database: Database) throws {
        try database.execute(sql: tables)
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// Whether the database has these tables.
    static func isCurrent(_ database: Database) throws -> Bool {
        guard try Int.fetchOne(database, sql: "PRAGMA user_version") == version else { return false }
        let names = "'calls', 'legs', 'folders', 'log_position'"
        let count = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN (\(names))"
        guard try Int.fetchOne(database, sql: count) == 4 else { return false }
        return try Int.fetchOne(database, sql: "SELECT count(*) FROM log_position") == 1
    }
}
