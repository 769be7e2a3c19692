import Foundation
import StreamSink

/// One stream in the list.
struct StreamRow {
    private let stream: StreamCatalog.Stream
    private let last: StreamCatalog.Session?
    let state: String

    /// - Parameter now: seconds since 1970.
    init(_ stream: StreamCatalog.Stream, now: Double) {
        self.stream = stream
        last = stream.sessions.max { $0.name.session < $1.name.session }
        guard let last else {
            state = "empty"
            return
        }
        var status = stat()
        let changed = stat(last.path, &status) == 0 ? Double(status.st_mtim.tv_sec) : 0
        // A session that is recorded is written to all the time, silence too.
        state = !last.isLive ? "closed" : now - changed < 5 ? "live" : "cut"
    }

    /// The cells: name, state, sessions, transaction, started, length, size.
    func cells(hasYear: Bool) -> [String] {
        guard let last else { return [stream.name, state, "0", "-", "-", "-", "-"] }
        let started = last.startedAtMilliseconds.map { UTCTime(milliseconds: $0).isoSeconds } ?? "-"
        let time = started.replacingOccurrences(of: "T", with: " ").replacingOccurrences(of: "Z", with: "")
        return [
            stream.name, state, "\(stream.sessions.count)", last.name.transactionID,
            hasYear ? time : String(time.dropFirst(5)), Self.length(last.durationMilliseconds), Self.size(last.bytes),
        ]
    }

    var json: JSONValue {
        .object([
            .init("name", .string(stream.name)), .init("arn", .string(stream.arn)),
            .init("connectorId", .string(stream.connectorID)), .init("state", .string(state)),
            .init("sessions", .integer(Int64(stream.sessions.count))),
            .init(
                "lastSession",
                last.map { session in
                    .object([
                        .init("session", .integer(Int64(session.name.session))),
                        .init("transactionId", .string(session.name.transactionID)),
                        .init("mediaIndex", .integer(Int64(session.name.mediaIndex))),
                        .init(
                            "startTime",
                            session.startedAtMilliseconds.map {
                                .string(UTCTime(milliseconds: $0).isoMilliseconds)
                            } ?? .null),
                        .init("durationMilliseconds", .decimal(session.durationMilliseconds)),
                        .init("bytes", .integer(session.bytes)),
                        .init("path", .string(session.path)),
                    ])
                } ?? .null),
        ])
    }

    private static func length(_ milliseconds: Double) -> String {
        let seconds = Int64(min(max(milliseconds, 0), 1e15) / 1000)
        let minutes = String(format: "%02d:%02d", Int(seconds / 60 % 60), Int(seconds % 60))
        return seconds < 3600 ? minutes : "\(seconds / 3600):\(minutes)"
    }

    private static func size(_ bytes: Int64) -> String {
        switch bytes {
        case ..<1000: "\(bytes) B"
        case ..<1_000_000: String(format: "%.1f kB", Double(bytes) / 1e3)
        case ..<1_000_000_000: String(format: "%.1f MB", Double(bytes) / 1e6)
        default: String(format: "%.1f GB", Double(bytes) / 1e9)
        }
    }
}

/// The list as a table that fits the terminal: the two long columns give way first.
struct StreamTable {
    let rows: [StreamRow]
    /// Columns of the terminal; nil when the output is none, then nothing is cut.
    let width: Int?

    static var terminalWidth: Int? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private static let titles = ["STREAM", "STATE", "SESSIONS", "TRANSACTION", "STARTED", "LENGTH", "SIZE"]
    private static let isRight = [false, false, true, false, false, true, true]

    var text: String {
        let hasYear = width.map { $0 >= 120 } ?? true
        let table = [Self.titles] + rows.map { $0.cells(hasYear: hasYear) }
        var widths = Self.titles.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        if let width {
            var excess = widths.reduce(0, +) + 2 * (widths.count - 1) - width
            // A transaction is known by its first eight digits, a stream by the end of its name.
            for (column, least) in [(3, 9), (0, 12)] {
                let given = max(0, min(excess, widths[column] - least))
                widths[column] -= given
                excess -= given
            }
        }
        return table.map { line in
            let cells = line.indices.map { column in
                Self.fit(line[column], widths[column], isRight: Self.isRight[column], keepsEnd: column == 0)
            }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static func fit(_ text: String, _ width: Int, isRight: Bool, keepsEnd: Bool) -> String {
        guard text.count <= width else {
            return keepsEnd ? "…" + text.suffix(max(0, width - 1)) : text.prefix(max(0, width - 1)) + "…"
        }
        let space = String(repeating: " ", count: width - text.count)
        return isRight ? space + text : text + space
    }
}
