import ArgumentParser
import CallArchive
import Foundation
import StreamSink

/// `earshot search`: finds calls.
struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Find calls by time, connector, number, label or how they ended.",
        discussion: """
            Newest first. Times are UTC: 2026-11-23, 2026-11-23T19:30, 14:30 (today), now, today, yesterday, "yesterday \
            14:30", and 30m, 2h, 3d or 1w for so long ago; a day as --to means its end. Of a number a part is enough, and \
            only its digits count. AUDIO says which recordings are still kept. What is found is right beside a running \
            service and without one.
            """)

    @Option(help: ArgumentHelp("Calls that began then or later.", valueName: "time"))
    var from: String?
    @Option(help: ArgumentHelp("Calls that began before.", valueName: "time"))
    var to: String?
    @Option(help: ArgumentHelp("Only calls of this connector.", valueName: "id"))
    var connector: String?
    @Option(help: ArgumentHelp("A part of the caller's or the callee's number.", valueName: "number"))
    var number: String?
    @Option(help: ArgumentHelp("The transaction, or its beginning.", valueName: "id"))
    var transaction: String?
    @Option(help: ArgumentHelp("The SIP Call-ID.", valueName: "id"))
    var callId: String?
    @Option(help: ArgumentHelp("The label of one of its streams.", valueName: "label"))
    var label: String?
    @Option(help: ArgumentHelp("completed, failed, in-progress or interrupted.", valueName: "status"))
    var status: String?
    @Option(help: "The most calls shown.")
    var limit = 50
    @Option(help: ArgumentHelp("The page behind this call.", valueName: "transaction"))
    var after: String?
    @Option(help: ArgumentHelp("The service's data folder.", valueName: "folder"))
    var data = "./data"
    @Flag(help: "One JSON object instead of a table.")
    var json = false

    mutating func run() throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: data, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure("earshot search: there is no folder \(data); give the service's data folder with --data")
        }
        let query = try query()
        let page: CallPage
        do throws(CallIndexError) {
            page = try CallIndex(dataDirectory: data).search(query)
        } catch {
            throw Failure("earshot search: \(error)")
        }
        if json {
            StandardOutput.line(
                JSONValue.object([
                    .init("calls", .array(page.calls.map(CallRow.json))),
                    .init("next", page.next.map(JSONValue.string) ?? .null),
                ]).text)
        } else if page.calls.isEmpty {
            StandardOutput.line("no such calls in \(data)")
        } else {
            StandardOutput.line(CallTable(calls: page.calls, width: StreamTable.terminalWidth).text)
            if let next = page.next { StandardOutput.line("there are more: --after \(next)") }
        }
    }

    private func query() throws -> CallQuery {
        var query = CallQuery()
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        func time(_ text: String, _ option: String) throws -> Range<Int64> {
            guard let range = TimeText.parse(text, now: now) else {
                throw ValidationError(
                    "“\(text)” for \(option) is no time; write for instance 2026-11-23, 2026-11-23T19:30, yesterday or 2h"
                )
            }
            return range
        }
        query.fromMilliseconds = try from.map { try time($0, "--from").lowerBound }
        query.beforeMilliseconds = try to.map { try time($0, "--to").upperBound }
        query.connectorID = connector
        query.number = number
        query.transactionID = transaction
        query.callID = callId
        query.label = label
        query.after = after
        query.status = try status.map { text in
            let wanted = text.lowercased().filter(\.isLetter)
            guard let found = ArchivedCall.Status.allCases.first(where: { $0.rawValue.lowercased() == wanted }) else {
                throw ValidationError("--status is completed, failed, in-progress or interrupted, not “\(text)”")
            }
            return found
        }
        guard (1...CallQuery.maximumLimit).contains(limit) else {
            throw ValidationError("--limit is between 1 and \(CallQuery.maximumLimit)")
        }
        query.limit = limit
        return query
    }
}

/// One call in the table and as JSON.
private enum CallRow {
    static let titles = ["STARTED", "LENGTH", "STATUS", "FROM", "TO", "TRANSACTION", "AUDIO", "CONNECTOR"]

    static func cells(_ call: ArchivedCall) -> [String] {
        let started = UTCTime(milliseconds: call.startedAtMilliseconds).isoSeconds
            .replacingOccurrences(of: "T", with: " ").replacingOccurrences(of: "Z", with: "")
        let kept = call.legs.count { $0.relativePath != nil }
        let audio = call.legs.isEmpty ? "-" : kept == call.legs.count ? "\(kept)" : "\(kept) of \(call.legs.count)"
        return [
            started, call.endedAtMilliseconds.map { length($0 - call.startedAtMilliseconds) } ?? "-",
            call.status.rawValue, plain(call.fromNumber), plain(call.toNumber), call.transactionID, audio,
            plain(call.connectorID),
        ]
    }

    /// Numbers come from outside: nothing that steers a terminal.
    private static func plain(_ text: String?) -> String {
        guard let text, !text.isEmpty else { return "-" }
        let shown = text.unicodeScalars.prefix(40).filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
        return String(String.UnicodeScalarView(shown))
    }

    private static func length(_ milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds) / 1000
        let minutes = String(format: "%02d:%02d", Int(seconds / 60 % 60), Int(seconds % 60))
        return seconds < 3600 ? minutes : "\(seconds / 3600):\(minutes)"
    }

    static func json(_ call: ArchivedCall) -> JSONValue {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        func time(_ value: Int64?) -> JSONValue {
            value.map { .string(UTCTime(milliseconds: $0).isoMilliseconds) } ?? .null
        }
        let legs = call.legs.map { leg in
            JSONValue.object([
                .init("streamName", .string(leg.streamName)), .init("session", .integer(Int64(leg.session))),
                .init("mediaIndex", leg.mediaIndex.map { .integer(Int64($0)) } ?? .null),
                .init("mediaLabel", text(leg.label)), .init("isCaller", leg.isCaller.map(JSONValue.bool) ?? .null),
                .init("path", text(leg.relativePath)), .init("startTime", time(leg.startedAtMilliseconds)),
                .init("endTime", time(leg.endedAtMilliseconds)),
                .init("startFragmentNumber", text(leg.firstFragmentNumber)),
                .init("endFragmentNumber", text(leg.lastFragmentNumber)), .init("format", text(leg.format)),
            ])
        }
        return .object([
            .init("transactionId", .string(call.transactionID)), .init("callId", text(call.callID)),
            .init("voiceConnectorId", text(call.connectorID)), .init("direction", text(call.direction)),
            .init("fromNumber", text(call.fromNumber)), .init("toNumber", text(call.toNumber)),
            .init("startTime", time(call.startedAtMilliseconds)), .init("endTime", time(call.endedAtMilliseconds)),
            .init("status", .string(call.status.rawValue)), .init("message", text(call.message)),
            .init("legs", .array(legs)),
        ])
    }
}

/// The calls as a table; on a narrow terminal the connector and the rest of the transaction give way.
private struct CallTable {
    let calls: [ArchivedCall]
    let width: Int?

    var text: String {
        var table = [CallRow.titles] + calls.map(CallRow.cells)
        if let width, lineLength(table) > width {
            table = table.map { Array($0.dropLast()) }
            if lineLength(table) > width {
                // Eight digits are enough for the other commands.
                for row in table.indices.dropFirst() { table[row][5] = String(table[row][5].prefix(8)) }
            }
        }
        let widths = widths(table)
        return table.map { row in
            let cells = row.indices.map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private func widths(_ table: [[String]]) -> [Int] {
        (table.first ?? []).indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    }

    private func lineLength(_ table: [[String]]) -> Int { widths(table).reduce(0) { $0 + $1 + 2 } - 2 }
}
