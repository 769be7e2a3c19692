import GRDB
import Glibc
import StreamSink

/// Puts what one record says into the tables. Each can be applied again, and in any order.
struct IndexEntries {
    /// A line of the event log. What is not understood is passed over.
    func apply(event line: [UInt8], _ database: Database) throws {
        guard let json = try? JSONValue(parsing: line), json["source"]?.stringValue == "aws.chime",
            let detail = json["detail"], let transaction = detail["transactionId"]?.stringValue
        else { return }
        let status = detail["streamingStatus"]?.stringValue
        switch status {
        case "STARTED", "ENDED":
            guard let start = Self.milliseconds(detail["startTime"]),
                let number = detail["startFragmentNumber"]?.stringValue.flatMap({ FragmentNumber($0) }),
                let stream = detail["streamArn"]?.stringValue?.split(separator: "/").dropFirst().first
            else { return }
            try call(transaction, detail, start: start, database)
            let last = detail["currentFragmentNumber"]?.stringValue
            try leg(
                Leg(
                    stream: String(stream), session: Int(clamping: number.counter / 1000), transaction: transaction,
                    mediaIndex: detail["sdp"]?["mediaIndex"]?.integerValue,
                    label: detail["sdp"]?["mediaLabel"]?.stringValue, isCaller: detail["isCaller"]?.boolValue,
                    start: start, end: status == "ENDED" ? Self.milliseconds(detail["endTime"]) : nil,
                    first: number.description, last: last, format: nil,
                    endReason: detail["endReason"]?.stringValue), database)
        case "FAILED":
            guard let time = Self.milliseconds(detail["failTime"]) else { return }
            try call(transaction, detail, start: time, database)
            try database.run(
                sql: """
                    UPDATE calls SET status = 'Failed', message = ?, end_ms = ?
                    WHERE transaction_id = ? AND status IS NULL
                      AND NOT EXISTS (SELECT 1 FROM legs WHERE legs.transaction_id = calls.transaction_id)
                    """, arguments: [detail["failureReason"]?.stringValue, time, transaction])
        default: return
        }
    }

    private func call(_ transaction: String, _ detail: JSONValue, start: Int64, _ database: Database) throws {
        let from = detail["fromNumber"]?.stringValue
        let to = detail["toNumber"]?.stringValue
        // A call's own record knows better; its numbers stay.
        try database.run(
            sql: """
                INSERT INTO calls (transaction_id, call_id, connector, direction, from_number, to_number, from_digits,
                    to_digits, start_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (transaction_id) DO UPDATE SET
                    call_id = coalesce(call_id, excluded.call_id), connector = coalesce(connector, excluded.connector),
                    direction = coalesce(direction, excluded.direction),
                    from_number = iif(status IS NULL, coalesce(excluded.from_number, from_number), from_number),
                    to_number = iif(status IS NULL, coalesce(excluded.to_number, to_number), to_number),
                    from_digits = iif(status IS NULL, coalesce(excluded.from_digits, from_digits), from_digits),
                    to_digits = iif(status IS NULL, coalesce(excluded.to_digits, to_digits), to_digits),
                    start_ms = min(start_ms, excluded.start_ms)
                """,
            arguments: [
                transaction, detail["callId"]?.stringValue, detail["voiceConnectorId"]?.stringValue,
                detail["direction"]?.stringValue, from, to, from.flatMap { NumberDigits.of($0) },
                to.flatMap { NumberDigits.of($0) }, start,
            ])
    }

    /// A call detail record.
    func apply(callRecord json: JSONValue, thousandths: Int64, _ database: Database) throws {
        guard let transaction = json["TransactionId"]?.stringValue,
            let start = json["StartTimeEpochSeconds"]?.integerValue, start.magnitude < 1 << 40
        else { return }
        let end = json["EndTimeEpochSeconds"]?.integerValue.flatMap { $0.magnitude < 1 << 40 ? $0 * 1000 : nil }
        let from = json["SourcePhoneNumber"]?.stringValue
        let to = json["DestinationPhoneNumber"]?.stringValue
        try database.run(
            sql: """
                INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (transaction_id) DO UPDATE SET
                    call_id = excluded.call_id, connector = excluded.connector, direction = excluded.direction,
                    from_number = excluded.from_number, to_number = excluded.to_number,
                    from_digits = excluded.from_digits, to_digits = excluded.to_digits,
                    start_ms = excluded.start_ms, end_ms = excluded.end_ms, status = excluded.status,
                    message = excluded.message
                """,
            arguments: [
                transaction, json["CallId"]?.stringValue, json["VoiceConnectorId"]?.stringValue,
                json["Direction"]?.stringValue, from, to, from.flatMap { NumberDigits.of($0) },
                to.flatMap { NumberDigits.of($0) }, start * 1000 + thousandths, end,
                json["Status"]?.stringValue ?? "Completed", json["StatusMessage"]?.stringValue,
            ])
    }

    /// A streaming detail record: what it says of the legs.
    func apply(streamingRecord json: JSONValue, thousandths: Int64, _ database: Database) throws {
        guard let transaction = json["TransactionId"]?.stringValue else { return }
        for item in (json["Legs"]?.arrayValue ?? []).prefix(256) {
            guard let stream = item["StreamName"]?.stringValue,
                let number = item["StartFragmentNumber"]?.stringValue.flatMap({ FragmentNumber($0) })
            else { continue }
            let end = json["EndTimeEpochSeconds"]?.integerValue.flatMap { $0.magnitude < 1 << 40 ? $0 * 1000 : nil }
            let start = json["StartTimeEpochSeconds"]?.integerValue.flatMap {
                $0.magnitude < 1 << 40 ? $0 * 1000 + thousandths : nil
            }
            try leg(
                Leg(
                    stream: stream, session: Int(clamping: number.counter / 1000), transaction: transaction,
                    mediaIndex: item["MediaIndex"]?.integerValue, label: item["MediaLabel"]?.stringValue,
                    isCaller: item["IsCaller"]?.boolValue, start: nil, end: nil, first: number.description,
                    last: item["EndFragmentNumber"]?.stringValue, format: item["Format"]?.stringValue ?? "",
                    endReason: nil
                ), database)
            // To the second only: the events know better.
            try database.run(
                sql: """
                    UPDATE legs SET start_ms = coalesce(start_ms, ?), end_ms = coalesce(end_ms, ?)
                    WHERE stream = ? AND session = ?
                    """,
                arguments: [start, end, stream, Int(clamping: number.counter / 1000)])
        }
    }

    private struct Leg {
        var stream: String
        var session: Int
        var transaction: String
        var mediaIndex: Int64?
        var label: String?
        var isCaller: Bool?
        var start: Int64?
        var end: Int64?
        var first: String?
        var last: String?
        var format: String?
        var endReason: String?
    }

    private func leg(_ leg: Leg, _ database: Database) throws {
        try database.run(
            sql: """
                INSERT INTO legs (stream, session, transaction_id, media_index, label, is_caller, start_ms, end_ms,
                    first_fragment, last_fragment, format, end_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (stream, session) DO UPDATE SET
                    transaction_id = excluded.transaction_id,
                    media_index = coalesce(excluded.media_index, media_index), label = coalesce(excluded.label, label),
                    is_caller = coalesce(excluded.is_caller, is_caller),
                    start_ms = coalesce(excluded.start_ms, start_ms), end_ms = coalesce(excluded.end_ms, end_ms),
                    first_fragment = coalesce(excluded.first_fragment, first_fragment),
                    last_fragment = coalesce(excluded.last_fragment, last_fragment),
                    format = coalesce(excluded.format, format), end_reason = coalesce(excluded.end_reason, end_reason)
                """,
            arguments: [
                leg.stream, leg.session, leg.transaction, leg.mediaIndex, leg.label, leg.isCaller, leg.start, leg.end,
                leg.first, leg.last, leg.format, leg.endReason,
            ])
    }

    /// A session's file. Where nothing else knows its call (the records are lost), its header and tags tell a little.
    func apply(
        file: String, _ name: SessionFileName, stream: String, dataDirectory: String, _ database: Database
    ) throws {
        try database.run(
            sql: """
                INSERT INTO legs (stream, session, transaction_id, media_index, file) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (stream, session) DO UPDATE SET file = excluded.file
                """, arguments: [stream, name.session, name.transactionID, name.mediaIndex, file])
        let isKnown = try Int.fetchOne(
            database, sql: "SELECT 1 FROM calls WHERE transaction_id = ?", arguments: [name.transactionID])
        guard isKnown == nil, let header = Self.header("\(dataDirectory)/\(file)") else { return }
        // A file that does not grow has ended, and about then.
        let end = RecordsReader.nanoseconds() / 1_000_000 - header.changed > 60_000 ? header.changed : nil
        let connector = stream.hasPrefix("ChimeVoiceConnector-") ? String(stream.dropFirst(20).dropLast(37)) : nil
        try database.run(
            sql: """
                INSERT INTO calls (transaction_id, call_id, connector, start_ms, end_ms) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (transaction_id) DO NOTHING
                """, arguments: [name.transactionID, header.callID, connector, header.start, end])
        try database.run(
            sql:
                "UPDATE legs SET start_ms = coalesce(start_ms, ?), end_ms = coalesce(end_ms, ?) WHERE transaction_id = ?",
            arguments: [header.start, end, name.transactionID])
    }

    private static func header(_ path: String) -> (start: Int64, callID: String?, changed: Int64)? {
        guard let reader = try? StreamReader(path: path), case .opened(let start?, _)? = try? reader.read() else {
            return nil
        }
        var callID: String?
        if case .fragment(let fragment)? = try? reader.read() { callID = fragment.value("CallId") }
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return (start, callID, Int64(status.st_mtim.tv_sec) * 1000)
    }

    private static func milliseconds(_ value: JSONValue?) -> Int64? {
        value?.stringValue.flatMap { TimeText.parse($0, now: 0)?.lowerBound }
    }
}
