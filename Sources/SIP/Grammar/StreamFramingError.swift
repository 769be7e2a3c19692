/// Why a stream can no longer be cut into messages. The connection must be closed.
public struct StreamFramingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Reason: Sendable, Equatable {
        /// What begins here is no SIP start line: another protocol, or a Content-Length before was too small.
        case notSIP
        /// Start line and header fields are longer than the limit, in octets.
        case headerTooLarge(limit: Int)
        /// There are more header fields than the limit.
        case tooManyFields(limit: Int)
        /// Content-Length announces more than a message may have; 513 answers it.
        case messageTooLarge(limit: Int)
        /// Content-Length is no number, or there are two that differ; 400 answers it.
        case contentLength
    }

    /// What happened.
    public let reason: Reason
    /// The header section as far as it was read, for a last answer (RFC 4475 §3.1.2.3); empty when there is none.
    public let head: [UInt8]

    /// What is wrong, in one line.
    public var description: String {
        switch reason {
        case .notSIP: "the stream holds something that is not a SIP message"
        case .headerTooLarge(let limit): "the header section has more than \(limit) octets"
        case .tooManyFields(let limit): "a message has more than \(limit) header fields"
        case .messageTooLarge(let limit): "Content-Length makes the message longer than \(limit) octets"
        case .contentLength: "Content-Length is unreadable or given twice with different values"
        }
    }
}
