/// A signature as a request carries it, in its `Authorization` field or in its query. Read, not yet believed.
struct PresentedSignature {
    let credential: PresentedCredential
    /// Lower case, sorted, each once.
    let signedHeaders: [String]
    /// Hexadecimal digits as they were sent.
    let signature: [UInt8]
    let time: SigningTime
    /// Seconds a presigned URL is good for; nil for the header form.
    let expiresIn: Int64?
    let sessionToken: String?

    static let signatureParameter = "X-Amz-Signature"

    /// Finds the signature of a request.
    init(_ headers: HeaderIndex, _ query: CanonicalQuery, limits: SigningLimits) throws(SignatureError) {
        let isPresigned =
            !query.values(Self.signatureParameter).isEmpty || !query.values("X-Amz-Algorithm").isEmpty
        let authorization = try headers.single("authorization")
        switch (authorization, isPresigned) {
        case (nil, false): throw .missingAuthentication
        case (.some, true):
            throw .incomplete(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization "
                    + "header should be specified.")
        case (let authorization?, false): try self.init(authorization: authorization, headers, limits: limits)
        case (nil, true): try self.init(query: query, limits: limits)
        }
    }

    /// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, blanks after the commas or none.
    private init(authorization: String, _ headers: HeaderIndex, limits: SigningLimits) throws(SignatureError) {
        let octets = Array(authorization.utf8)
        guard octets.count <= 8192 else { throw .tooLarge("the Authorization header is longer than 8192 bytes") }
        let end = octets.firstIndex(where: \.isSpace) ?? octets.endIndex
        let algorithm = String(decoding: octets[..<end], as: UTF8.self)
        guard algorithm == CanonicalRequest.algorithm else {
            throw .incomplete(
                "Authorization header requires the algorithm '\(CanonicalRequest.algorithm)', got "
                    + "'\(algorithm.shown)'.")
        }
        var values: [String: String] = [:]
        for part in octets[end...].split(separator: UInt8(ascii: ",")) {
            var piece = part.drop(while: \.isSpace)
            while let last = piece.last, last.isSpace { piece.removeLast() }
            guard !piece.isEmpty else { continue }
            guard let mark = piece.firstIndex(of: UInt8(ascii: "=")) else {
                throw .incomplete(
                    "'\(String(decoding: piece, as: UTF8.self).shown)' not a valid key=value pair (missing "
                        + "equal-sign) in Authorization header.")
            }
            let name = String(decoding: piece[..<mark], as: UTF8.self)
            guard values.updateValue(String(decoding: piece[(mark + 1)...], as: UTF8.self), forKey: name) == nil else {
                throw .incomplete("Authorization header has the parameter '\(name.shown)' more than once.")
            }
        }
        let missing = ["Credential", "Signature", "SignedHeaders"].filter { values[$0, default: ""].isEmpty }
        guard missing.isEmpty else {
            throw .incomplete(missing.map { "Authorization header requires '\($0)' parameter." }.joined(separator: " "))
        }
        credential = try PresentedCredential(parsing: values["Credential", default: ""])
        signedHeaders = try Self.names(values["SignedHeaders", default: ""], limits: limits)
        signature = Array(values["Signature", default: ""].utf8)
        time = try Self.time(headers)
        expiresIn = nil
        sessionToken = try headers.single("x-amz-security-token")
    }

    /// The parameters of a presigned URL.
    private init(query: CanonicalQuery, limits: SigningLimits) throws(SignatureError) {
        func value(_ name: String) throws(SignatureError) -> String {
            let values = query.values(name)
            guard values.count == 1, let value = values.first, !value.isEmpty else {
                throw .incomplete("AWS query-string parameters must include '\(name)', once.")
            }
            return value
        }
        let algorithm = try value("X-Amz-Algorithm")
        guard algorithm == CanonicalRequest.algorithm else {
            throw .incomplete(
                "X-Amz-Algorithm only supports '\(CanonicalRequest.algorithm)', got '\(algorithm.shown)'.")
        }
        credential = try PresentedCredential(parsing: value("X-Amz-Credential"))
        signedHeaders = try Self.names(value("X-Amz-SignedHeaders"), limits: limits)
        signature = Array(try value(Self.signatureParameter).utf8)
        let date = try value("X-Amz-Date")
        guard let time = SigningTime(basic: date) else { throw Self.unreadableDate(date) }
        self.time = time
        let expires = try value("X-Amz-Expires")
        guard expires.utf8.count <= 6, expires.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let seconds = Int64(expires), (1...AWSRequestSigner.longestExpiry).contains(seconds)
        else {
            throw .incomplete(
                "X-Amz-Expires must be a number of seconds from 1 to \(AWSRequestSigner.longestExpiry) (7 days), got "
                    + "'\(expires.shown)'.")
        }
        expiresIn = seconds
        let tokens = query.values("X-Amz-Security-Token")
        guard tokens.count <= 1 else { throw .incomplete("X-Amz-Security-Token is there more than once.") }
        sessionToken = tokens.first
    }

    private static func names(_ text: String, limits: SigningLimits) throws(SignatureError) -> [String] {
        let names = text.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard names.count <= limits.signedHeaders else {
            throw .tooLarge("more than \(limits.signedHeaders) headers are signed")
        }
        guard names.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isTokenCharacter) }) else {
            throw .incomplete("SignedHeaders must be header names separated by semicolons, got '\(text.shown)'.")
        }
        let sorted = names.map { Array(String(decoding: $0, as: UTF8.self).lowercasedASCII.utf8) }
            .sorted { $0.lexicographicallyPrecedes($1) }
        guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0 != $1 }) else {
            throw .incomplete("SignedHeaders names a header twice: '\(text.shown)'.")
        }
        return sorted.map { String(decoding: $0, as: UTF8.self) }
    }

    /// `X-Amz-Date`, or `Date` where there is none. Either is part of what is signed, listed or not.
    private static func time(_ headers: HeaderIndex) throws(SignatureError) -> SigningTime {
        if let text = try headers.single("x-amz-date") {
            guard let time = SigningTime(basic: text) else { throw unreadableDate(text) }
            return time
        }
        guard let text = try headers.single("date") else {
            throw .incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
        }
        guard let time = SigningTime(httpDate: text) ?? SigningTime(basic: text) else { throw unreadableDate(text) }
        return time
    }

    private static func unreadableDate(_ text: String) -> SignatureError {
        .incomplete(
            "Date must be in ISO-8601 'basic format'. Got '\(text.shown)'. See "
                + "http://en.wikipedia.org/wiki/ISO_8601")
    }
}
