import Synchronization

/// A stream in use by one session.
struct ClaimedStream: Sendable {
    let name: String
    let arn: String
    let session: Int
    var description: StreamDescription
}

/// The streams of each connector and which of them are free.
///
/// A free stream is used again, the one that has been free longest first: a reader that still looks at the last call's
/// stream gets as much time as there is.
final class StreamPool: Sendable {
    private struct State {
        /// Names of streams, by connector; the one that has been free longest first.
        var free: [String: [String]] = [:]
        var claimed: Set<String> = []
    }

    private let state = Mutex(State())
    private let shelf: StreamShelf

    /// All streams of the shelf are free.
    init(shelf: StreamShelf) {
        self.shelf = shelf
        let streams = shelf.names.compactMap { shelf.description($0) }
            .sorted { ($0.createdAtMilliseconds, $0.name) < ($1.createdAtMilliseconds, $1.name) }
        state.withLock { state in
            for stream in streams where !stream.connectorID.isEmpty {
                state.free[stream.connectorID, default: []].append(stream.name)
            }
        }
    }

    /// Streams in use, and all streams.
    var counts: (claimed: Int, total: Int) { (state.withLock { $0.claimed.count }, shelf.count) }

    /// A stream of a connector for a new session: a free one, or a new one.
    /// - Parameter retentionHours: what its connector says; `nil` leaves what is known.
    func claim(
        connectorID: String, wallClock: Int64, format: StreamFormat = .pcm(sampleRate: 8000), retentionHours: Int? = nil
    ) -> ClaimedStream {
        state.withLock { state in
            while state.free[connectorID]?.isEmpty == false, let name = state.free[connectorID]?.removeFirst() {
                if let claim = take(name, format: format, retentionHours: retentionHours, &state) { return claim }
            }
            while true {
                let name = "\(StreamDescription.namePrefix)\(connectorID)-\(RandomUUID.make())"
                let stream = StreamDescription(
                    name: name,
                    arn: StreamDescription.arn(
                        name: name, region: shelf.region, accountID: shelf.accountID, createdAtMilliseconds: wallClock),
                    connectorID: connectorID, createdAtMilliseconds: wallClock, nextSession: 0, closedSession: -1,
                    mediaType: format.mediaType)
                guard shelf.add(stream) else { continue }
                if let claim = take(name, format: format, retentionHours: retentionHours, &state) { return claim }
            }
        }
    }

    /// Claims one stream by its name, whoever's it is; `nil` when it is in use or gone.
    func claim(name: String) -> ClaimedStream? {
        state.withLock { state in
            guard !state.claimed.contains(name), let stream = shelf.description(name) else { return nil }
            state.free[stream.connectorID]?.removeAll { $0 == name }
            return take(name, format: nil, retentionHours: nil, &state)
        }
    }

    private func take(
        _ name: String, format: StreamFormat?, retentionHours: Int?, _ state: inout State
    ) -> ClaimedStream? {
        let stream = shelf.update(name) { stream in
            stream.nextSession += 1
            if let format { stream.format = format.name }
            if let retentionHours, !stream.retentionIsOwn, stream.retentionHours != retentionHours {
                stream.retentionHours = retentionHours
                stream.change()
            }
        }
        guard let stream else { return nil }
        state.claimed.insert(name)
        return ClaimedStream(name: name, arn: stream.arn, session: stream.nextSession - 1, description: stream)
    }

    /// Takes the next session of a stream that is claimed already.
    func nextSession(of claim: ClaimedStream, lastCounter: UInt64) -> ClaimedStream? {
        let stream = shelf.update(claim.name) { stream in
            stream.closedSession = claim.session
            stream.nextSession = max(stream.nextSession, Self.session(after: lastCounter)) + 1
        }
        return stream.map {
            ClaimedStream(name: $0.name, arn: $0.arn, session: $0.nextSession - 1, description: $0)
        }
    }

    /// Gives a stream back. Returns its new description.
    /// - Parameter lastCounter: a session of more than 999 fragments has used the counters of the sessions after it.
    @discardableResult
    func release(_ claim: ClaimedStream, lastCounter: UInt64) -> StreamDescription {
        let stream = shelf.update(claim.name) { stream in
            stream.nextSession = max(stream.nextSession, Self.session(after: lastCounter))
            stream.closedSession = claim.session
        }
        state.withLock { state in
            guard state.claimed.remove(claim.name) != nil, let stream, !stream.connectorID.isEmpty else { return }
            state.free[stream.connectorID, default: []].append(claim.name)
        }
        return stream ?? claim.description
    }

    /// Takes a stream out for good; false when it is in use or gone.
    func remove(_ name: String) -> Bool {
        state.withLock { state in
            guard !state.claimed.contains(name), let stream = shelf.description(name) else { return false }
            state.free[stream.connectorID]?.removeAll { $0 == name }
            return shelf.remove(name)
        }
    }

    /// The first session number whose counters all lie above `counter`.
    static func session(after counter: UInt64) -> Int { Int(clamping: counter / 1000) + 1 }
}

/// Random (version 4) UUIDs in lower case, RFC 9562 §5.4.
public enum RandomUUID {
    /// Makes one.
    public static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.appendBigEndian(generator.next(), count: 8)
        bytes.appendBigEndian(generator.next(), count: 8)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
