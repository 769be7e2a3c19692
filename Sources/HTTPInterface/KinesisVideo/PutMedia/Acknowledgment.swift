import StreamSink

/// One line of PutMedia's answer.
enum Acknowledgment: Equatable {
    /// A fragment has begun to arrive.
    case buffering(timecode: Int64, number: FragmentNumber)
    /// It has arrived.
    case received(timecode: Int64, number: FragmentNumber)
    /// It is on the disk.
    case persisted(timecode: Int64, number: FragmentNumber)
    /// Nothing came for a while.
    case idle
    /// Nothing more is taken; which fragment, where it was one.
    case error(PutMediaFault, timecode: Int64?, number: FragmentNumber?)

    /// The JSON object and the end of its line, with the names that are on the wire (not those of the documentation).
    var line: [UInt8] {
        var members: [JSONValue.Member]
        switch self {
        case .buffering(let timecode, let number): members = Self.members("BUFFERING", timecode, number)
        case .received(let timecode, let number): members = Self.members("RECEIVED", timecode, number)
        case .persisted(let timecode, let number): members = Self.members("PERSISTED", timecode, number)
        case .idle: members = Self.members("IDLE", nil, nil)
        case .error(let fault, let timecode, let number):
            members = Self.members("ERROR", timecode, number)
            // C producers parse a number here, whatever stands around it.
            members.append(.init("ErrorId", .integer(Int64(fault.id))))
            members.append(.init("ErrorCode", .string(fault.code)))
        }
        return JSONValue.object(members).bytes + [0x0A]
    }

    private static func members(_ type: String, _ timecode: Int64?, _ number: FragmentNumber?) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("EventType", .string(type))]
        if let timecode { members.append(.init("FragmentTimecode", .integer(timecode))) }
        if let number { members.append(.init("FragmentNumber", .string(number.description))) }
        return members
    }
}
