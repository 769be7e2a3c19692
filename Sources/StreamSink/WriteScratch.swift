/// A writer's buffers, reused for every write: the bytes, the places at which they can be cut and nothing is torn, and
/// the sample buffers that come back from the sessions.
struct WriteScratch {
    struct Mark {
        var offset: Int
        var position: FragmentMuxer.Position
        var hasHeader: Bool
    }

    /// More than this is given back after a write.
    private static let keptCapacity = 64 << 10

    var bytes: [UInt8] = []
    /// The same bytes sealed, for an encrypted file.
    var sealed: [UInt8] = []
    /// A block whose samples lie in two buffers, put together.
    var joined: [Int16] = []
    /// One encoded packet.
    var packet: [UInt8] = []
    /// There are sessions that need them.
    var keepsWideBuffers = false
    /// Empty sample buffers for the sessions' next hand-in.
    private(set) var spares: [[Int16]] = []
    private(set) var marks: [Mark] = []
    private var start: FragmentMuxer.Position

    init() {
        start = FragmentMuxer.Position(serverMilliseconds: 0)
        bytes.reserveCapacity(16 << 10)
        marks.reserveCapacity(64)
    }

    mutating func reset(at position: FragmentMuxer.Position) {
        if sealed.capacity > Self.keptCapacity { sealed = [] }
        if bytes.capacity > Self.keptCapacity { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
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

    /// Takes a sample buffer back, empty afterwards; one that a stall has made large is released.
    mutating func giveBack(_ buffer: inout [Int16]) {
        guard buffer.capacity > 0 else { return }
        var returned: [Int16] = []
        swap(&returned, &buffer)
        guard returned.capacity <= PendingSamples.largestKeptCapacity * (keepsWideBuffers ? 2 : 1) else { return }
        returned.removeAll(keepingCapacity: true)
        spares.append(returned)
    }

    /// Hands the empty buffers over; beyond `limit` they are released.
    mutating func moveSpares(to others: inout [[Int16]], limit: Int) {
        let room = max(0, limit - others.count)
        if spares.count > room { spares.removeLast(spares.count - room) }
        if others.isEmpty {
            swap(&spares, &others)
        } else {
            while let spare = spares.popLast() { others.append(spare) }
        }
    }
}
