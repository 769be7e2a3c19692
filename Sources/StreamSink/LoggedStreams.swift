import Glibc

/// Which legs of some calls have their STARTED and ENDED events in the log already.
struct LoggedStreams {
    private var logged: Set<String> = []
    private static let longestLine = 4 << 20

    /// Reads the log once, in pieces; lines longer than 4 MB are passed over.
    init(path: String, calls: [String]) {
        let wanted = Set(calls)
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0, !wanted.isEmpty else { return }
        defer { close(file) }
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        var line: [UInt8] = []
        var isTooLong = false
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            var rest = chunk[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                line.append(contentsOf: rest[..<end])
                if !isTooLong { take(line, wanted: wanted) }
                line.removeAll(keepingCapacity: true)
                isTooLong = false
                rest = rest[(end + 1)...]
            }
            if line.count + rest.count > Self.longestLine {
                isTooLong = true
                line.removeAll()
            } else {
                line.append(contentsOf: rest)
            }
        }
    }

    private mutating func take(_ line: [UInt8], wanted: Set<String>) {
        guard let detail = (try? JSONValue(parsing: line))?["detail"],
            let status = detail["streamingStatus"]?.stringValue, let id = detail["transactionId"]?.stringValue,
            wanted.contains(id), let number = detail["startFragmentNumber"]?.stringValue,
            let arn = detail["streamArn"]?.stringValue
        else { return }
        logged.insert("\(status) \(id) \(arn) \(number)")
    }

    /// Whether the event `status` (`STARTED` or `ENDED`) of a leg has been written.
    func contains(_ status: String, _ call: CallRecord, leg: LegRecord) -> Bool {
        logged.contains("\(status) \(call.transactionID) \(leg.streamARN) \(leg.startFragmentNumber)")
    }
}
