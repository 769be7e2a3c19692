import StreamSink

/// What the service says about a fragment while it is sent.
struct FragmentAcknowledgement: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case buffering, received, persisted, idle
        case error(id: Int64, code: String)
    }

    var kind: Kind
    /// The fragment's timecode, milliseconds since 1970.
    var timecode: Int64?
    var fragmentNumber: String?

    /// Reads one object; nil for anything else. The names are those on the wire; the documentation's are taken, too.
    init?(_ json: JSONValue) {
        let json = json["Acknowledgement"] ?? json
        timecode = json["FragmentTimecode"]?.integerValue
        fragmentNumber = json["FragmentNumber"]?.stringValue
        switch json["EventType"]?.stringValue ?? json["AckEventType"]?.stringValue {
        case "BUFFERING": kind = .buffering
        case "RECEIVED": kind = .received
        case "PERSISTED": kind = .persisted
        case "IDLE": kind = .idle
        case "ERROR":
            let id = json["ErrorId"]?.integerValue ?? json["ErrorId"]?.stringValue.flatMap { Int64($0) }
            kind = .error(id: id ?? 0, code: json["ErrorCode"]?.stringValue ?? "")
        case .some, .none: return nil
        }
    }
}

/// Cuts an answer's bytes into JSON objects as they come; with or without line ends between them.
struct AcknowledgementParser {
    /// More than one acknowledgement ever has.
    static let longest = 16 << 10

    private var bytes: [UInt8] = []
    private var depth = 0
    private var isInText = false
    private var isEscaped = false

    /// Adds bytes and returns what is whole.
    /// - Throws: a failure when the bytes are no objects.
    mutating func append(_ more: some Sequence<UInt8>) throws(DeliveryFailure) -> [FragmentAcknowledgement] {
        var found: [FragmentAcknowledgement] = []
        for byte in more {
            if depth == 0, byte != UInt8(ascii: "{") {
                guard byte <= 0x20 else { throw Self.nonsense }
                continue
            }
            bytes.append(byte)
            guard bytes.count <= Self.longest else { throw Self.nonsense }
            if isInText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInText = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInText = true
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                guard depth == 0 else { continue }
                guard let json = try? JSONValue(parsing: bytes) else { throw Self.nonsense }
                if let acknowledgement = FragmentAcknowledgement(json) { found.append(acknowledgement) }
                bytes = []
            default: break
            }
        }
        return found
    }

    private static let nonsense = DeliveryFailure(
        .message, "the answer to PutMedia is no list of acknowledgements: is the endpoint Kinesis Video Streams?")
}
