/// A message body as its parts: multipart (RFC 2046 §5.1) as sources really write it, or one single part.
///
/// Reading never fails; ``findings`` tells what was odd. Bounded: at most ``maximumParts`` parts, one level of nesting.
public struct MultipartBody: Sendable, Equatable {
    /// The parts in order; parts of a nested multipart stand in the place of it. Empty for an empty body.
    public let parts: [BodyPart]
    /// Oddities, each once, in the order they were met.
    public let findings: [Finding]

    /// Something odd about a body; raw values appear in logs.
    public enum Finding: String, Sendable, Equatable {
        /// `Content-Type` says multipart but names no boundary, or names one that is not in the body.
        case boundaryGuessed
        /// `Content-Type` says multipart and no boundary line is in the body: taken as one part.
        case noBoundaryFound
        case missingFinalBoundary
        /// Parts after the sixteenth were dropped.
        case tooManyParts
        /// A part without any header.
        case partWithoutHeaders
        /// A part's `Content-Length` does not lead to the next boundary; it was ignored.
        case wrongPartLength
        /// More than one level of multipart: the inner one was kept as one part.
        case nestedTooDeep
    }

    /// More parts are dropped.
    public static let maximumParts = 16

    /// Reads a body.
    ///
    /// - Parameters:
    ///   - body: The octets after the header of the message; not changed, not copied line by line.
    ///   - contentType: The value of the message's `Content-Type`; empty where there is none.
    public init(parsing body: [UInt8], contentType: String) {
        var reader = MultipartReader()
        reader.read(body[...], type: contentType, disposition: nil, depth: 0)
        parts = reader.parts
        findings = reader.findings
    }

    /// As ``init(parsing:contentType:)``, with the message's `Content-Disposition`: metadata may travel alone.
    public init(parsing body: [UInt8], contentType: String, contentDisposition: String?) {
        var reader = MultipartReader()
        reader.read(body[...], type: contentType, disposition: contentDisposition, depth: 0)
        parts = reader.parts
        findings = reader.findings
    }

    /// The first part that is a session description.
    public var sessionDescription: [UInt8]? { parts.first { $0.role == .sessionDescription }?.content }

    /// The first part that is recording metadata.
    public var metadata: [UInt8]? { metadataPart?.content }

    /// The first part that is recording metadata, with its headers.
    public var metadataPart: BodyPart? { parts.first { $0.role == .metadata } }
}
