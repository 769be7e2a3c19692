import Glibc

/// Where the clusters of a file lie and how long they are, so that their sizes can be written in when the file is closed.
///
/// While a cluster grows it has no size. Inside a Segment that has one, strict readers complain of that; every reader
/// takes it. Clusters of PCM are all alike, so a call needs one entry whatever its length; others need 12 bytes each.
struct ClusterPlaces: Sendable, Equatable {
    /// The bytes of a cluster's head: identifier and eight bytes of size.
    static let headLength: Int64 = 12
    /// With more than so many entries (more than an hour of Opus) the sizes are left out.
    static let limit = 4096

    private struct Run: Equatable {
        /// Bytes after the head.
        var length: UInt32
        /// Bytes from there to the next head.
        var gap: UInt32
        var count: UInt32
    }

    struct Cluster: Equatable {
        /// Where the head lies in the file.
        var head: Int64
        /// Bytes after the head.
        var length: UInt32
    }

    private var first: Int64 = 0
    private var runs: [Run] = []
    /// The newest cluster; the distance to its successor is not known yet.
    private var last: Cluster?
    private var isComplete = true

    init() {
        // All that a PCM session needs, so that nothing is allocated in mid-call.
        runs.reserveCapacity(2)
    }

    /// Adds the next cluster: where its head lies and where its last block ends.
    mutating func add(head: Int64, end: Int64) {
        guard isComplete, let length = UInt32(exactly: end - head - Self.headLength) else { return isComplete = false }
        guard let previous = last else {
            first = head
            last = Cluster(head: head, length: length)
            return
        }
        last = Cluster(head: head, length: length)
        let gap = head - previous.head - Self.headLength - Int64(previous.length)
        guard let gap = UInt32(exactly: gap) else { return isComplete = false }
        if let run = runs.last, run.length == previous.length, run.gap == gap, run.count < .max {
            runs[runs.count - 1].count += 1
        } else if runs.count < Self.limit {
            runs.append(Run(length: previous.length, gap: gap, count: 1))
        } else {
            isComplete = false
        }
    }

    /// Writes all sizes into a closed file. What cannot be written is left: the file is whole without it. Sealed bytes
    /// are not written over, and no player but our own reader sees them.
    func write(into path: String, operations: FileOperations) {
        guard isComplete, last != nil, !SealedLayout.isSealed(path) else { return }
        let opened = operations.open(path, O_WRONLY, 0)
        guard opened >= 0 else { return }
        for cluster in self {
            var size: [UInt8] = []
            size.appendElementSize(Int(cluster.length), length: 8)
            guard operations.writeAll(size, to: Int32(opened), at: cluster.head + 4).code == 0 else { break }
        }
        _ = operations.close(Int32(opened))
    }
}

extension ClusterPlaces: Sequence {
    /// The clusters in the file's order.
    func makeIterator() -> AnyIterator<Cluster> {
        var head = first
        var run = 0
        var number: UInt32 = 0
        return AnyIterator {
            guard run < runs.count else {
                guard run == runs.count, let last else { return nil }
                run += 1
                return last
            }
            let found = Cluster(head: head, length: runs[run].length)
            head += Self.headLength + Int64(runs[run].length) + Int64(runs[run].gap)
            number += 1
            if number == runs[run].count {
                run += 1
                number = 0
            }
            return found
        }
    }
}

extension ClusterPlaces {
    /// An estimate of what it keeps allocated.
    var capacityBytes: Int { runs.capacity * 12 }
}
