import GRDB

/// One search as SQL.
struct CallSearch {
    let query: CallQuery
    /// Whether a service runs: a call without an end goes on then.
    let isRunning: Bool

    private var statusSQL: String {
        """
        CASE WHEN c.status IS NOT NULL THEN c.status
             WHEN EXISTS (SELECT 1 FROM legs WHERE transaction_id = c.transaction_id)
              AND NOT EXISTS (SELECT 1 FROM legs WHERE transaction_id = c.transaction_id AND end_ms IS NULL)
             THEN iif(EXISTS (SELECT 1 FROM legs WHERE transaction_id = c.transaction_id AND end_reason IS NOT NULL),
                      'Failed', 'Completed')
             ELSE '\(isRunning ? "InProgress" : "Interrupted")' END
        """
    }

    func run(_ database: Database) throws -> CallPage {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        func add(_ sql: String, _ values: (any DatabaseValueConvertible)...) {
            conditions.append(sql)
            arguments += StatementArguments(values.map { $0 as (any DatabaseValueConvertible)? })
        }
        if let from = query.fromMilliseconds { add("c.start_ms >= ?", from) }
        if let before = query.beforeMilliseconds { add("c.start_ms < ?", before) }
        if let connector = query.connectorID { add("c.connector = ?", connector) }
        if let number = query.number {
            if let digits = NumberDigits.of(number) {
                add("(instr(c.from_digits, ?) > 0 OR instr(c.to_digits, ?) > 0)", digits, digits)
            } else {
                let text = number.lowercased()
                add("(instr(lower(c.from_number), ?) > 0 OR instr(lower(c.to_number), ?) > 0)", text, text)
            }
        }
        if let id = query.transactionID {
            // A range, so that the key is used: everything that begins with it.
            add("c.transaction_id >= ? AND c.transaction_id < ?", id, id + "\u{10FFFF}")
        }
        if let id = query.callID { add("c.call_id = ?", id) }
        if let label = query.label {
            add("c.transaction_id IN (SELECT transaction_id FROM legs WHERE label = ?)", label)
        }
        if let status = query.status { add("(\(statusSQL)) = ?", status.rawValue) }
        if let after = query.after {
            add(
                "(c.start_ms, c.transaction_id) < (SELECT start_ms, transaction_id FROM calls WHERE transaction_id = ?)",
                after)
        }
        let limit = min(max(1, query.limit), CallQuery.maximumLimit)
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        // The call's record has its end in whole seconds, cut; the events of its legs in milliseconds.
        let sql = """
            SELECT c.*, \(statusSQL) AS shown_status,
                nullif(max(coalesce(c.end_ms, 0), coalesce((SELECT max(end_ms) FROM legs
                    WHERE transaction_id = c.transaction_id), 0)), 0) AS shown_end
            FROM calls c \(condition) ORDER BY c.start_ms DESC, c.transaction_id DESC LIMIT \(limit + 1)
            """
        let rows = try Row.fetchAll(database, sql: sql, arguments: arguments)
        let calls = try rows.prefix(limit).map { try call($0, database) }
        return CallPage(calls: calls, next: rows.count > limit ? calls.last?.transactionID : nil)
    }

    private func call(_ row: Row, _ database: Database) throws -> ArchivedCall {
        let id: String = row["transaction_id"]
        let status = ArchivedCall.Status(rawValue: row["shown_status"] ?? "") ?? .completed
        let legs = try Row.fetchAll(
            database,
            sql: "SELECT * FROM legs WHERE transaction_id = ? ORDER BY media_index, stream, session LIMIT 256",
            arguments: [id])
        return ArchivedCall(
            transactionID: id, callID: row["call_id"], connectorID: row["connector"], direction: row["direction"],
            fromNumber: row["from_number"], toNumber: row["to_number"], startedAtMilliseconds: row["start_ms"],
            endedAtMilliseconds: status == .inProgress ? nil : row["shown_end"], status: status,
            message: row["message"],
            legs: legs.map(Self.leg))
    }

    private static func leg(_ row: Row) -> ArchivedCall.Leg {
        let format: String? = row["format"]
        return ArchivedCall.Leg(
            streamName: row["stream"], session: row["session"], mediaIndex: row["media_index"], label: row["label"],
            isCaller: row["is_caller"], relativePath: row["file"], startedAtMilliseconds: row["start_ms"],
            endedAtMilliseconds: row["end_ms"], firstFragmentNumber: row["first_fragment"],
            lastFragmentNumber: row["last_fragment"], format: format == "" ? nil : format)
    }
}
