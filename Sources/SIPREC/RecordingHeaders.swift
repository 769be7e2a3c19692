/// Header values that RFC 7866 asks of both sides of a recording session.
public enum RecordingHeaders {
    /// The feature tag in the server's Contact, RFC 7866 §6.2 and §11.2: a parameter without a value.
    public static let serverFeature = "+sip.srs"
    /// The feature tag in the client's Contact, RFC 7866 §6.1.
    public static let clientFeature = "+sip.src"
    /// The option tag that a client puts in `Require`, RFC 7866 §11.1; the server must know it.
    public static let optionTag = "siprec"
    /// What a server takes, for `Accept`: RFC 7866 §6.2, with both spellings of the metadata type (RFC 9806).
    public static let accept = "application/sdp, multipart/mixed, application/rs-metadata+xml, application/rs-metadata"
    /// The disposition of a metadata body, RFC 7866 §9.1.
    public static let contentDisposition = "recording-session"
    /// The header field, and the URI parameter of the same name, by which a call without metadata asks to be recorded.
    public static let recordOnly = "X-Voice-Connector-Record-Only"
}
