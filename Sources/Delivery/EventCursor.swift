import StreamSink

/// What is written down of an ``EventFeed``: which bytes of which files were dealt with.
struct EventCursor {
    struct Segment {
        var inode: UInt64
        var mark: String
        var settled: SettledRanges
    }

    /// Ranges beyond it are left out; their messages are sent twice after a crash.
    static let mostRanges = 1000

    var segments: [Segment]

    init(segments: [Segment]) {
        self.segments = segments
    }

    /// The file's content.
    var bytes: [UInt8] {
        let list = segments.map { segment in
            JSONValue.object([
                .init("inode", .string(String(segment.inode))), .init("end", .integer(segment.settled.end)),
                .init("mark", .string(segment.mark)),
                .init(
                    "above",
                    .array(
                        segment.settled.above.prefix(Self.mostRanges).map {
                            .array([.integer($0.lowerBound), .integer($0.upperBound)])
                        })),
            ])
        }
        return JSONValue.object([.init("cursorVersion", .integer(1)), .init("log", .array(list))]).bytes + [0x0A]
    }

    /// Reads a file's content; nil when it is none.
    init?(parsing bytes: [UInt8]) {
        guard let json = try? JSONValue(parsing: bytes), json["cursorVersion"]?.integerValue == 1,
            let list = json["log"]?.arrayValue
        else { return nil }
        segments = []
        for entry in list {
            guard let inode = entry["inode"]?.stringValue.flatMap({ UInt64($0) }),
                let end = entry["end"]?.integerValue, end >= 0, let mark = entry["mark"]?.stringValue
            else { return nil }
            let above = (entry["above"]?.arrayValue ?? []).compactMap { pair -> Range<Int64>? in
                guard let values = pair.arrayValue, values.count == 2, let low = values[0].integerValue,
                    let high = values[1].integerValue, low >= 0, low < high
                else { return nil }
                return low..<high
            }
            segments.append(Segment(inode: inode, mark: mark, settled: SettledRanges(end: end, above: above)))
        }
    }
}

extension EventCursor.Segment {
    init(_ segment: LogSegment) {
        self.init(inode: segment.inode, mark: segment.mark(before: segment.settled.end), settled: segment.settled)
    }
}
