/// What is wrong with a readable request, and how it is answered, as far as neither a dialog nor the
/// configuration is needed to tell (RFC 3261 §8.2, the messages of RFC 4475 and RFC 5118).
///
/// Order of the checks: version (505), syntax (400), method (405), URI scheme (416), extensions (420),
/// then for INVITE the body (415) and what the client accepts (406).
public struct RequestInspection {
    /// How the request came; decides how Content-Length is judged.
    public enum Arrival: Sendable {
        /// One datagram, one message.
        case datagram
        /// Cut from a TCP or TLS stream.
        case stream
    }

    /// The methods a recording server takes.
    public static let usualMethods: [SIPMethod] = [.invite, .ack, .bye, .cancel, .options, .update]
    /// The bodies a recording server reads (RFC 7866 §9.1); `multipart/*` takes every multipart type.
    public static let usualContentTypes = [
        "application/sdp", "multipart/mixed", "multipart/*", "application/rs-metadata+xml",
        "application/rs-metadata",
    ]

    private static let metadataTypes = [
        "application/rs-metadata", "application/rs-metadata+xml", "application/rs-metadata-request",
    ]

    /// The answer that refuses the request; nil when nothing is wrong.
    ///
    /// An ACK always gives nil, as it must never be answered (RFC 3261 §17): drop it when
    /// ``fault(of:arrivedBy:)`` finds something.
    ///
    /// - Parameters:
    ///   - supportedExtensions: option tags that Require may name.
    ///   - allowedMethods: every other method is answered with 405 and these as Allow.
    ///   - acceptedContentTypes: what the body of an INVITE may be; `type/*` takes all subtypes.
    ///   - toTag: the tag of the answer; nil takes ``SIPRequest/statelessTag(salt:)``.
    public static func rejection(
        of request: SIPRequest, arrivedBy arrival: Arrival,
        supportedExtensions: [String] = [],
        allowedMethods: [SIPMethod] = usualMethods,
        acceptedContentTypes: [String] = usualContentTypes,
        toTag: String? = nil
    ) -> SIPResponse? {
        guard request.method != .ack else { return nil }
        let tag = toTag ?? request.statelessTag()
        if let fault = fault(of: request, arrivedBy: arrival) {
            return fault == .version
                ? request.response(505, toTag: tag) : request.response(400, fault.description, toTag: tag)
        }
        guard allowedMethods.contains(request.method) else {
            var response = request.response(405, toTag: tag)
            response.headers.append(.allow, allowedMethods.map(\.rawValue).joined(separator: ", "))
            return response
        }
        // RFC 3261 §8.2.2.1.
        guard request.requestURI != nil else { return request.response(416, toTag: tag) }
        if let response = extensionRejection(of: request, supported: supportedExtensions, tag: tag) {
            return response
        }
        guard request.method == .invite else { return nil }
        return bodyRejection(of: request, accepted: acceptedContentTypes, tag: tag)
            ?? acceptRejection(of: request, tag: tag)
    }

    /// RFC 3261 §8.2.2.3. A CANCEL must not be refused for its Require.
    private static func extensionRejection(
        of request: SIPRequest, supported: [String], tag: String
    ) -> SIPResponse? {
        guard request.method != .cancel else { return nil }
        let unsupported = request.headers.listValues(.require).filter { required in
            !supported.contains { $0.equalsIgnoringCase(required) }
        }
        guard !unsupported.isEmpty else { return nil }
        var response = request.response(420, toTag: tag)
        response.headers.append(.unsupported, unsupported.joined(separator: ", "))
        return response
    }

    /// RFC 3261 §8.2.3.
    private static func bodyRejection(of request: SIPRequest, accepted: [String], tag: String) -> SIPResponse? {
        guard !request.body.isEmpty else { return nil }
        let disposition = request.headers[.contentDisposition].flatMap { try? ParameterizedValue(parsing: $0) }
        if disposition?[parameter: "handling"]?.equalsIgnoringCase("optional") == true { return nil }
        guard request.headers.listValues(.contentEncoding).allSatisfy({ $0.equalsIgnoringCase("identity") }) else {
            var response = request.response(415, toTag: tag)
            response.headers.append(.acceptEncoding, "identity")
            return response
        }
        guard let contentType = request.contentType else {
            return request.response(400, MessageFault.missing(.contentType).description, toTag: tag)
        }
        guard !accepted.contains(where: { covers($0, contentType.value) }) else { return nil }
        var response = request.response(415, toTag: tag)
        response.headers.append(.accept, accepted.joined(separator: ", "))
        return response
    }

    /// RFC 3261 §20.1 and §21.4.7: the answer is always SDP. An empty Accept takes nothing.
    ///
    /// Recording clients that list only their metadata types are taken to accept SDP too: RFC 8068 §3.4.1
    /// prints such an INVITE.
    private static func acceptRejection(of request: SIPRequest, tag: String) -> SIPResponse? {
        guard request.headers.contains(.accept) else { return nil }
        let takesSDP = request.headers.listValues(.accept).contains { range in
            guard let range = try? ParameterizedValue(parsing: range) else { return false }
            return covers(range.value, "application/sdp") || metadataTypes.contains(where: range.isValue)
        }
        guard !takesSDP else { return nil }
        var response = request.response(406, toTag: tag)
        response.headers.append(.warning, "399 earshot \"The answer can only be application/sdp\"")
        return response
    }

    /// Whether a media range such as `application/sdp`, `multipart/*` or `*/*` takes the type.
    private static func covers(_ range: String, _ type: String) -> Bool {
        if range == "*/*" || range == "*" || range.equalsIgnoringCase(type) { return true }
        guard range.utf8.suffix(2).elementsEqual("/*".utf8) else { return false }
        let prefix = String(range.dropLast())
        return String(decoding: type.utf8.prefix(prefix.utf8.count), as: UTF8.self).equalsIgnoringCase(prefix)
    }
}
