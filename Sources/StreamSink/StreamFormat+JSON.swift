extension StreamFormat {
    /// The form in a call's journal.
    var json: JSONValue {
        switch self {
        case .pcm(let rate): .object([.init("kind", .string("pcm")), .init("sampleRate", .integer(Int64(rate)))])
        case .opus(let rate): .object([.init("kind", .string("opus")), .init("sampleRate", .integer(Int64(rate)))])
        case .payload(let track):
            .object([
                .init("kind", .string("payload")), .init("encoding", .string(track.encodingName)),
                .init("clockRate", .integer(Int64(track.clockRate))),
                .init("sampleRate", .integer(Int64(track.sampleRate))),
                .init("payloadType", .integer(Int64(track.payloadType))),
                .init("fmtp", JSONValue(track.formatParameters)),
            ])
        }
    }

    /// Nil for anything that is not a format.
    init?(json: JSONValue) {
        guard let rate = json["sampleRate"]?.integerValue.flatMap(Int.init(exactly:)) else { return nil }
        switch json["kind"]?.stringValue {
        case "pcm": self = .pcm(sampleRate: rate)
        case "opus": self = .opus(sampleRate: rate)
        case "payload":
            guard let encoding = json["encoding"]?.stringValue,
                let clockRate = json["clockRate"]?.integerValue.flatMap(Int.init(exactly:)),
                let payloadType = json["payloadType"]?.integerValue.flatMap(UInt8.init(exactly:))
            else { return nil }
            self = .payload(
                PayloadTrack(
                    encodingName: encoding, clockRate: clockRate, sampleRate: rate, payloadType: payloadType,
                    formatParameters: json["fmtp"]?.stringValue))
        default: return nil
        }
        guard isUsable else { return nil }
    }

    /// The members of the streaming detail record.
    var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("Format", .string(name))]
        // Kept, but only something that knows the codec can make audio of it.
        if isUnknownCodec { members.append(.init("UnknownCodec", .bool(true))) }
        return members
    }
}
