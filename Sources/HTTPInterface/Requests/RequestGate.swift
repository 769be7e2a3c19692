public import AccessKeys
public import Hummingbird
import NIOCore
public import RequestSigning

/// Lets in what is signed and allowed: every route that needs a signature takes its requests through here.
public struct RequestGate: Sendable {
    /// The signing names of what this interface serves; chime-sdk-voice signs as `chime`.
    private static let services: Set<String> = ["kinesisvideo", "chime"]

    private let access: Access
    private let verifier: AWSSignatureVerifier
    private let clock: InterfaceClock
    private let limits: HTTPLimits
    /// The service's own.
    let counters: HTTPCounters

    /// Whether requests must be signed.
    enum Access: Sendable {
        /// By one of these keys; without a store nobody gets in.
        case keys(AccessKeyStore?)
        /// No: everybody may do everything.
        case open
    }

    init(access: Access, clock: InterfaceClock, limits: HTTPLimits, counters: HTTPCounters) {
        self.access = access
        verifier = AWSSignatureVerifier(service: Self.services)
        self.clock = clock
        self.limits = limits
        self.counters = counters
    }

    /// Reads the body (bounded), checks the signature over it and the role, and hands over the bytes.
    ///
    /// The body is read first since its hash is signed; a caller who shows a key, right or wrong, costs at most
    /// ``HTTPLimits/jsonBodyBytes`` and ``HTTPLimits/bodyTime``, and one who shows none, nothing.
    public func bytes(
        of request: Request, for action: AccessAction, context: inout InterfaceContext
    ) async throws -> [UInt8] {
        if case .keys = access, request.headers[.authorization] == nil, request.uri.query?.contains("mz-") != true {
            throw Self.answer(.missingAuthentication)
        }
        let tooLarge = ServiceError(
            status: 413, type: "RequestEntityTooLargeException",
            message: "The body may have at most \(limits.jsonBodyBytes) bytes.")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limits.jsonBodyBytes {
            counters.add(\.oversizedBodies)
            throw tooLarge
        }
        try await context.wantBody(of: request)
        var bytes: [UInt8] = []
        for try await buffer in request.body {
            guard bytes.count + buffer.readableBytes <= limits.jsonBodyBytes else {
                counters.add(\.oversizedBodies)
                throw tooLarge
            }
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        _ = try verify(request, .of(bytes), action, &context)
        return bytes
    }

    private static func answer(_ error: SignatureError) -> ServiceError {
        ServiceError(status: error.status, type: error.code(), message: error.message)
    }

    /// Checks the signature over the header alone, before a byte of the body is read. For producers, whose bodies
    /// have no end yet, and for requests without a body.
    /// - Returns: what the signature says of the body; `nil` where signatures are not required.
    public func admit(
        _ request: Request, for action: AccessAction, context: inout InterfaceContext
    ) async throws -> VerifiedRequest? {
        let isStreamed = request.method == .post || request.method == .put
        let verified = try verify(request, isStreamed ? .streamed : .empty, action, &context)
        if isStreamed { try await context.wantBody(of: request) }
        return verified
    }

    private func verify(
        _ request: Request, _ body: PayloadDigest, _ action: AccessAction, _ context: inout InterfaceContext
    ) throws(ServiceError) -> VerifiedRequest? {
        guard case .keys(let keys) = access else {
            context.caller = Caller(accessKeyID: "-")
            context.permission = .everybody(action)
            return nil
        }
        var headers = request.headers.map { (name: $0.name.rawName, value: $0.value) }
        // HTTP types keep Host apart from the fields.
        if let authority = request.head.authority { headers.append((name: "host", value: authority)) }
        let head = SignedRequestHead(
            method: request.method.rawValue, target: request.head.path ?? "/", headers: headers)
        let verified: VerifiedRequest
        do {
            verified = try verifier.verify(
                head, body: body, nowSeconds: clock.milliseconds() / 1000, secret: { keys?.secret(for: $0) })
        } catch {
            throw Self.answer(error)
        }
        guard let role = keys?.role(for: verified.accessKeyID), role.allows(action) else {
            throw .accessDenied(
                "The key \(verified.accessKeyID) has a role that does not allow this (\(action.rawValue)). "
                    + "Make one that does with 'earshot keys create --role …'.")
        }
        context.caller = Caller(accessKeyID: verified.accessKeyID)
        context.permission = Permission(keys: keys, accessKeyID: verified.accessKeyID, action: action)
        return verified
    }
}
