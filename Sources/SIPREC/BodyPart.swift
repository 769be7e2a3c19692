/// One part of a message body, with its headers as written.
public struct BodyPart: Sendable, Equatable {
    /// One header of a part.
    public struct Header: Sendable, Equatable {
        /// As written.
        public let name: String
        /// Trimmed, folded lines joined by a blank.
        public let value: String
    }

    /// The part's headers in order, at most 32; for a body that is no multipart, its `Content-Type`.
    public let headers: [Header]
    /// The octets between the headers and the next boundary line, without the line end that belongs to the boundary.
    public let content: [UInt8]

    /// Makes a part.
    public init(headers: [Header], content: [UInt8]) {
        self.headers = headers
        self.content = content
    }

    /// The first value of that header, any case of letters.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.asciiLowercased == name.asciiLowercased }?.value
    }

    /// The `Content-Type`; an empty name where there is none.
    public var mediaType: MediaType { MediaType(parsing: header("content-type") ?? "") }

    /// What the part is for, by its type, else its disposition, else its content.
    public var role: Role {
        let type = mediaType.name
        if type == "application/sdp" { return .sessionDescription }
        if BodyPart.isMetadata(type) { return .metadata }
        // Known types that are neither: never look inside (Cisco's application/gtd, media_control+xml, …).
        if !type.isEmpty, type != "text/plain", type != "application/xml", type != "text/xml",
            type != "application/octet-stream", !type.hasPrefix("multipart/")
        {
            return BodyPart.isRecordingDisposition(header("content-disposition")) ? .metadata : .other
        }
        if BodyPart.isRecordingDisposition(header("content-disposition")) { return .metadata }
        return BodyPart.roleByContent(content)
    }

    /// What a part is for.
    public enum Role: String, Sendable, Equatable { case sessionDescription, metadata, other }

    /// RFC 7866 §11 and RFC 9806, and the types seen in the field.
    private static func isMetadata(_ type: String) -> Bool {
        let known = ["application/rs-metadata+xml", "application/rs-metadata", "application/ +xml", "application/+xml"]
        return known.contains(type) || type.hasPrefix("application/recording-metadata")
    }

    private static func isRecordingDisposition(_ value: String?) -> Bool {
        guard let value else { return false }
        return MediaType(parsing: value).name == "recording-session"
    }

    private static func roleByContent(_ content: [UInt8]) -> Role {
        let start = content.drop { $0.isASCIISpace || $0 == 0xEF || $0 == 0xBB || $0 == 0xBF }
        if start.starts(with: "v=0".utf8) { return .sessionDescription }
        guard start.first == UInt8(ascii: "<") else { return .other }
        let head = start.prefix(2048).text.asciiLowercased
        return head.contains("recording") && !head.contains("requestsnapshot") ? .metadata : .other
    }
}
