/// A request. Accessors read the headers anew at each call and give nil when a header is absent or unreadable.
public struct SIPRequest: Sendable, Equatable {
    /// The method.
    public var method: SIPMethod
    /// The Request-URI as written; any scheme.
    public var uri: String
    /// The header fields.
    public var headers: HeaderFields
    /// The body: as many octets as Content-Length says, or what there is.
    public var body: [UInt8]
    /// What the parser noticed and a header does not show; see ``RequestInspection/fault(of:arrivedBy:)``.
    public internal(set) var faults: [MessageFault] = []
    /// Octets of the datagram after the body, to be ignored (RFC 3261 §18.3) unless a client is known to
    /// write a Content-Length that is too small. Not part of ``serialized()``.
    public internal(set) var surplus: [UInt8] = []

    /// Makes a request.
    public init(method: SIPMethod, uri: String, headers: HeaderFields = HeaderFields(), body: [UInt8] = []) {
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body
    }

    /// The request without its body, for whoever keeps it.
    public var head: SIPRequest {
        var head = self
        head.body = []
        head.surplus = []
        return head
    }

    /// The Request-URI when it is `sip:` or `sips:`.
    public var requestURI: SIPURI? { try? SIPURI(parsing: uri) }
    /// The first Via value: of the element that sent the request.
    public var via: Via? { headers.firstVia }
    /// The From header.
    public var from: NameAddress? { headers.address(.from) }
    /// The To header.
    public var to: NameAddress? { headers.address(.to) }
    /// The first Contact value.
    public var contact: NameAddress? { headers.firstAddress(.contact) }
    /// The Call-ID header.
    public var callID: String? { headers[.callID] }
    /// The CSeq header.
    public var cSeq: CSeq? { headers.cSeq }
    /// The Content-Type header with its parameters.
    public var contentType: ParameterizedValue? { headers.contentType }

    /// Notes in the first Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4): `received`
    /// when the address is not the sent-by host or the client asked for `rport`, and `rport` if it asked.
    ///
    /// A server transport calls it once, before anything else looks at the request.
    public mutating func noteSource(host: String, port: UInt16) {
        guard var via, let index = headers.fields.firstIndex(where: { $0.name == .via }) else { return }
        if via.wantsRport { via.rport = port }
        if via.wantsRport || via.host != host.lowercasedASCII { via.received = host }
        let others = HeaderList.elements(of: headers.fields[index].value).dropFirst()
        headers.fields[index].value = ([via.description] + others).joined(separator: ", ")
    }

    /// The request as it goes out: CRLF line ends and a Content-Length that is right.
    public func serialized() -> [UInt8] {
        MessageWriter.write(startLine: "\(method.rawValue) \(uri) SIP/2.0", headers: headers, body: body)
    }
}
