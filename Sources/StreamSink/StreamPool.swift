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
        var free: [String: [StreamDescription]] = [:]
        var claimed = 0
        var total = 0
    }

    private let state = Mutex(State())
    private let region: String
    private let accountID: String

    init(region: String, accountID: String, streams: [StreamDescription]) {
        self.region = region
        self.accountID = accountID
        state.withLock { state in
            for stream in streams { state.free[stream.connectorID, default: []].append(stream) }
            state.total = streams.count
        }
    }

    /// Streams in use, and all streams.
    var counts: (claimed: Int, total: Int) { state.withLock { ($0.claimed, $0.total) } }

    func claim(connectorID: String, wallClock: Int64) -> ClaimedStream {
        state.withLock { state in
            state.claimed += 1
            var stream: StreamDescription
            if state.free[connectorID]?.isEmpty == false, let first = state.free[connectorID]?.removeFirst() {
                stream = first
            } else {
                state.total += 1
                let name = "\(StreamDescription.namePrefix)\(connectorID)-\(RandomUUID.make())"
                stream = StreamDescription(
                    name: name,
                    arn: StreamDescription.arn(
                        name: name, region: region, accountID: accountID, createdAtMilliseconds: wallClock),
                    connectorID: connectorID, createdAtMilliseconds: wallClock, nextSession: 0, closedSession: -1)
            }
            let session = stream.nextSession
            stream.nextSession += 1
            return ClaimedStream(name: stream.name, arn: stream.arn, session: session, description: stream)
        }
    }

    /// Gives a stream back. Returns its new description.
    /// - Parameter lastCounter: a session of more than 999 fragments has used the counters of the sessions after it.
    func release(_ claim: ClaimedStream, lastCounter: UInt64) -> StreamDescription {
        var stream = claim.description
        stream.nextSession = max(stream.nextSession, Self.session(after: lastCounter))
        stream.closedSession = claim.session
        state.withLock { state in
            state.claimed -= 1
            state.free[stream.connectorID, default: []].append(stream)
        }
        return stream
    }

    /// The first session number whose counters all lie above `counter`.
    static func session(after counter: UInt64) -> Int { Int(counter / 1000) + 1 }
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
