/// A rule that a readable message breaks. Its description is fit for a reason phrase: short, one line, and it
/// quotes nothing of the message but names from the grammar.
public enum MessageFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// More or other blanks in the start line than the grammar has (RFC 3261 §7.1).
    case startLineBlanks
    /// A request line without SIP-Version.
    case missingVersion
    /// Another protocol version than SIP/2.0; answered with 505.
    case version
    /// The Request-URI cannot be read, or has parts it must not have.
    case requestURI(String)
    /// A header line without colon, or whose name is not a token; lines count from 1, the start line being 1.
    case headerLine(number: Int)
    /// The datagram ends inside a header line.
    case unfinishedHeaders
    /// A header that must be there is not.
    case missing(HeaderName)
    /// A header that may be there once has several values.
    case repeated(HeaderName)
    /// A header whose value cannot be read.
    case malformed(HeaderName, String)
    /// The datagram ends before the body does (RFC 3261 §18.3).
    case bodyTooShort(declared: Int, actual: Int)
    /// CSeq names another method than the request line (RFC 3261 §8.1.1.5).
    case methodMismatch
    /// A response with several Via values: it is not for this element (RFC 3261 §8.1.3.3).
    case severalViaValues

    /// What is wrong, in one line.
    public var description: String {
        switch self {
        case .startLineBlanks: "Extra blanks in the start line"
        case .missingVersion: "Missing SIP-Version in the request line"
        case .version: "Only SIP/2.0 is spoken here"
        case .requestURI(let detail): "Bad Request-URI: \(detail)"
        case .headerLine(let number): "Line \(number) is not a header field"
        case .unfinishedHeaders: "The last header field is cut off"
        case .missing(let name): "Missing \(name) header"
        case .repeated(let name): "More than one \(name) value"
        case .malformed(let name, let detail): "Bad \(name) header: \(detail)"
        case .bodyTooShort(let declared, let actual): "Content-Length is \(declared) but the body has \(actual) octets"
        case .methodMismatch: "The method in CSeq differs from the request line"
        case .severalViaValues: "A response with more than one Via"
        }
    }
}
