extension SIPMessage {
    /// Reads a datagram, or one message that ``StreamFramer`` cut out of a stream.
    ///
    /// Only what cannot be understood at all throws: no start line of SIP, a status code that is none, more than
    /// ``HeaderFields/maximumCount`` fields, more than ``maximumSize`` octets. Everything else is kept, and the
    /// inspections say what is wrong with it.
    public init(parsingDatagram bytes: [UInt8]) throws(SIPParseError) {
        guard bytes.count <= Self.maximumSize else {
            throw SIPParseError("the message has more than \(Self.maximumSize) octets", at: Self.maximumSize)
        }
        var reader = MessageReader(bytes)
        // RFC 3261 §7.5: line ends before the start line are ignored.
        reader.skipEmptyLines()
        let lineStart = reader.position
        guard let range = reader.nextLine() else { throw SIPParseError("there is no start line", at: lineStart) }
        let start = try StartLine(bytes[range], at: range.lowerBound)
        var section = try reader.headerSection()
        let (body, surplus, lengthFault) = Self.body(in: bytes[reader.position...], headers: section.fields)
        if let lengthFault { section.faults.append(lengthFault) }
        switch start {
        case .request(let method, let uri, let faults):
            var request = SIPRequest(method: method, uri: uri, headers: section.fields, body: body)
            request.faults = faults + section.faults
            request.surplus = surplus
            self = .request(request)
        case .response(let status, let reason, let faults):
            var response = SIPResponse(status: status, reason: reason, headers: section.fields, body: body)
            response.faults = faults + section.faults
            self = .response(response)
        }
    }

    /// Cuts the body to Content-Length (RFC 3261 §18.3). Without a readable one the body goes to the end.
    private static func body(
        in rest: ArraySlice<UInt8>, headers: HeaderFields
    ) -> (body: [UInt8], surplus: [UInt8], fault: MessageFault?) {
        guard case .octets(let count) = ContentLength(of: headers.values(.contentLength)) else {
            return (Array(rest), [], nil)
        }
        guard count <= rest.count else {
            return (Array(rest), [], .bodyTooShort(declared: count, actual: rest.count))
        }
        return (Array(rest.prefix(count)), Array(rest.dropFirst(count)), nil)
    }
}

/// What the Content-Length fields of a message say together (RFC 3261 §20.14).
enum ContentLength: Equatable {
    case absent
    case octets(Int)
    /// Not a number, or more than an `Int` can hold.
    case unreadable
    /// Two different numbers: nobody can tell where the message ends.
    case conflicting

    init(of values: [String]) {
        self = .absent
        for value in values {
            guard let number = value.trimmedBlanks.utf8.decimalValue(as: UInt.self), let count = Int(exactly: number)
            else {
                self = .unreadable
                return
            }
            switch self {
            case .octets(count), .absent: self = .octets(count)
            case .octets, .unreadable, .conflicting:
                self = .conflicting
                return
            }
        }
    }
}
