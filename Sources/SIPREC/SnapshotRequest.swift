/// The document by which a recording server asks for all metadata again, RFC 7866 §9.2 and its figure 13.
///
/// It travels in an UPDATE (or INVITE) of the recording session with ``contentDisposition``.
public struct SnapshotRequest: Sendable, Equatable {
    /// Why.
    public let reason: SnapshotReason
    /// The type the source itself uses for metadata, so that it knows ours.
    public let contentType: String
    /// The value of `Content-Disposition`.
    public let contentDisposition = "recording-session"

    init(reason: SnapshotReason, sourceType: String?) {
        self.reason = reason
        // RFC 9806 corrects the type to "+xml"; sources of before know only the other.
        contentType =
            sourceType == "application/rs-metadata" ? "application/rs-metadata" : "application/rs-metadata+xml"
    }

    /// The document.
    public var body: [UInt8] {
        let text = XMLReference.escape(String(reason.description.prefix(200)))
        return Array(
            """
            <?xml version="1.0" encoding="UTF-8"?>\r
            <requestsnapshot xmlns='urn:ietf:params:xml:ns:recording:1'>\r
            <requestreason xml:lang="en">\(text)</requestreason>\r
            </requestsnapshot>\r

            """.utf8)
    }
}
