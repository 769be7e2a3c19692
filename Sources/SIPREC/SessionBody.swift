/// The body of a SIP message as it came: octets and the two headers that describe them.
public struct SessionBody: Sendable, Equatable {
    /// The octets after the header of the message.
    public let content: [UInt8]
    /// `Content-Type`; empty where there is none.
    public let contentType: String
    /// `Content-Disposition`, where there is one.
    public let contentDisposition: String?

    /// Makes a body from octets and header values.
    public init(_ content: [UInt8], contentType: String?, contentDisposition: String? = nil) {
        self.content = content
        self.contentType = contentType ?? ""
        self.contentDisposition = contentDisposition
    }

    /// A message without a body.
    public static let none = SessionBody([], contentType: nil)

    var parts: MultipartBody {
        MultipartBody(parsing: content, contentType: contentType, contentDisposition: contentDisposition)
    }
}
