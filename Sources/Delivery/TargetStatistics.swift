import StreamSink

/// The numbers of one target since the service started.
public struct TargetStatistics: Sendable, Equatable {
    /// The target's name.
    public var name = ""
    /// Messages that the target has.
    public var acknowledged: Int64 = 0
    /// Tries that came to nothing.
    public var failures: Int64 = 0
    /// Messages given up; they are in the dead letter file.
    public var deadLetters: Int64 = 0
    /// Messages known and not acknowledged.
    public var waiting = 0
    /// Messages being sent at the moment.
    public var inFlight = 0
    /// Whether the target is thought to be down.
    public var isDown = false
    /// Parts of the event log that were gone before they were sent.
    public var lostLogs: Int64 = 0
    /// Messages that were gone when they were to be sent.
    public var lostMessages: Int64 = 0
    /// Lines of the event log that are no events.
    public var damagedLines: Int64 = 0
    /// The last reason for a failure since the last success.
    public var lastFailure: String?

    /// Zeros.
    public init() {}
}

/// A message that was given up, with everything needed to send it by hand.
struct DeadLetter: Sendable {
    var target: String
    var message: DeliveryMessage
    var failures: Int
    var reason: String

    /// How many lines a file of dead letters has; 0 where there is none. Blocks.
    static func count(in path: String) -> Int {
        guard let file = try? UploadFile(path: path) else { return 0 }
        var count = 0
        var offset: Int64 = 0
        while let bytes = try? DiskFile.read(file.descriptor, path, at: offset, count: 1 << 20), !bytes.isEmpty {
            count += bytes.count { $0 == UInt8(ascii: "\n") }
            offset += Int64(bytes.count)
        }
        return count
    }

    /// One line of JSON with its end.
    var line: [UInt8] {
        var members: [JSONValue.Member] = [
            .init("time", .string(UTCTime(milliseconds: DiskFile.wallMilliseconds()).isoMilliseconds)),
            .init("target", .string(target)), .init("id", .string(message.id)),
            .init("failures", .integer(Int64(failures))), .init("reason", .string(reason)),
        ]
        switch message.content {
        case .event(let event): members.append(.init("event", event.json))
        case .object(let key, _): members.append(.init("object", .string(key)))
        }
        return JSONValue.object(members).bytes + [UInt8(ascii: "\n")]
    }
}
