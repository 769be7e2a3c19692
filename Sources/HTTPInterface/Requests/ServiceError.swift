import HTTPTypes
import Hummingbird
import NIOCore
import StreamSink

/// An error as AWS's clients read it: a type they know, a status, and a sentence for a person.
public struct ServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The HTTP status.
    public var status: Int
    /// The exception's name, in `x-amzn-ErrorType`.
    public var type: String
    /// What was wrong, where, and how to mend it.
    public var message: String

    /// Makes an error.
    public init(status: Int, type: String, message: String) {
        self.status = status
        self.type = type
        self.message = message
    }

    /// The type and the message.
    public var description: String { "\(type): \(message)" }

    /// The request contradicts the model's constraints.
    public static func validation(_ message: String) -> Self {
        Self(status: 400, type: "ValidationException", message: message)
    }

    /// A value is well formed and cannot be served.
    public static func invalidArgument(_ message: String) -> Self {
        Self(status: 400, type: "InvalidArgumentException", message: message)
    }

    /// There is no such stream, fragment or session.
    public static func notFound(_ message: String) -> Self {
        Self(status: 404, type: "ResourceNotFoundException", message: message)
    }

    /// The caller's role does not allow it.
    public static func accessDenied(_ message: String) -> Self {
        Self(status: 403, type: "AccessDeniedException", message: message)
    }

    /// Too many calls at once.
    public static func connectionLimit(_ message: String) -> Self {
        Self(status: 400, type: "ConnectionLimitExceededException", message: message)
    }

    /// What came is no HTTP/1.1: a bad chunk size, a body that ends too soon, two lengths, no Host.
    static let malformed = Self(
        status: 400, type: "MalformedHttpRequestException",
        message: "The request is not well-formed HTTP/1.1, or ended before it was whole.")

    /// The request did not come in time.
    static let timeout = Self(
        status: 408, type: "RequestTimeoutException", message: "The request did not come whole in time.")

    /// The service ends.
    static let stopping = Self(
        status: 503, type: "ServiceUnavailableException", message: "The service is stopping. Ask again.")

    /// Something here failed; the log says what.
    public static let internalFailure = Self(
        status: 500, type: "InternalFailure", message: "The request failed; the service's log names the reason.")
}

extension ServiceError {
    /// The answer's body.
    var json: JSONValue { .object([.init("Message", .string(message)), .init("message", .string(message))]) }

    /// The answer with the error's headers and body.
    public func response(requestID: String) -> Response {
        var response = Response.json(json, status: .init(code: status))
        // Clients look for the first spelling, KVS documents the second.
        response.headers[.amznErrorType] = type
        response.headers[.amzErrorType] = type
        return response
    }
}

extension HTTPField.Name {
    private static func known(_ text: String) -> Self { Self(text) ?? .contentType }

    static let amznErrorType = known("x-amzn-ErrorType")
    static let amzErrorType = known("x-amz-ErrorType")
    static let amzRequestID = known("x-amz-RequestId")
    static let amznRequestID = known("x-amzn-RequestId")
    static let amznStreamName = known("x-amzn-stream-name")
    static let amznStreamARN = known("x-amzn-stream-arn")
    static let amznTimecodeType = known("x-amzn-fragment-timecode-type")
    static let amznProducerStart = known("x-amzn-producer-start-timestamp")
    static let amznAcknowledgments = known("x-amzn-fragment-acknowledgment-required")
    static let amzContentSHA256 = known("x-amz-content-sha256")
    static let earshotFragments = known("x-earshot-fragments")
    static let earshotLayout = known("x-earshot-layout")
}

extension Response {
    /// An answer with a JSON body.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "application/json"
        let bytes = value.bytes
        headers[.contentLength] = String(bytes.count)
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
