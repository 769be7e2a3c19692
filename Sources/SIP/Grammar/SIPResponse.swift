/// A response. Accessors read the headers anew at each call and give nil when a header is absent or unreadable.
public struct SIPResponse: Sendable, Equatable {
    /// The status code, 100 to 699.
    public var status: Int
    /// The reason phrase; may be empty or hold any UTF-8.
    public var reason: String
    /// The header fields.
    public var headers: HeaderFields
    /// The body.
    public var body: [UInt8]
    /// What the parser noticed and a header does not show; see ``ResponseInspection/fault(of:)``.
    public internal(set) var faults: [MessageFault] = []

    /// Makes a response; without a reason it gets the usual phrase of its status.
    public init(status: Int, reason: String? = nil, headers: HeaderFields = HeaderFields(), body: [UInt8] = []) {
        self.status = status
        self.reason = reason ?? Self.usualReason(status)
        self.headers = headers
        self.body = body
    }

    /// The first Via value: of the element the response is for.
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
    /// 1xx.
    public var isProvisional: Bool { status < 200 }
    /// 2xx.
    public var isSuccess: Bool { status >= 200 && status < 300 }

    /// The response as it goes out: CRLF line ends and a Content-Length that is right.
    public func serialized() -> [UInt8] {
        MessageWriter.write(startLine: "SIP/2.0 \(status) \(reason)", headers: headers, body: body)
    }

    /// The phrase RFC 3261 §21 (or the RFC of the extension) gives the status.
    public static func usualReason(_ status: Int) -> String {
        phrases[status] ?? phrases[status / 100 * 100] ?? ""
    }

    private static let phrases: [Int: String] = [
        100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
        200: "OK", 202: "Accepted", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily",
        305: "Use Proxy", 380: "Alternative Service", 400: "Bad Request", 401: "Unauthorized",
        402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
        413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
        416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
        422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
        481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
        484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
        488: "Not Acceptable Here", 491: "Request Pending", 493: "Undecipherable",
        500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
        504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
        600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
    ]
}
