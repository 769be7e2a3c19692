/// A writer's buffer, reused for every write, with the places at which a write can be cut and nothing is torn.
struct WriteScratch {
    struct Mark {
        var offset: Int
        var position: FragmentMuxer.Position
        var hasHeader: Bool
    }

    var bytes: [UInt8] = []
    private var marks: [Mark] = []
    private var start: FragmentMuxer.Position

    init() {
        start = FragmentMuxer.Position(serverMilliseconds: 0)
        bytes.reserveCapacity(16 << 10)
        marks.reserveCapacity(64)
    }

    mutating func reset(at position: FragmentMuxer.Position) {
        bytes.removeAll(keepingCapacity: true)
        marks.removeAll(keepingCapacity: true)
        start = position
    }

    /// Notes that everything so far is whole.
    mutating func mark(_ position: FragmentMuxer.Position, hasHeader: Bool) {
        marks.append(Mark(offset: bytes.count, position: position, hasHeader: hasHeader))
    }

    /// The last whole place at or before `written` bytes.
    func lastMark(before written: Int, startedWithHeader: Bool) -> Mark {
        marks.last { $0.offset <= written } ?? Mark(offset: 0, position: start, hasHeader: startedWithHeader)
    }
}
