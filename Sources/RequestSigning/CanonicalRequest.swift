import Crypto

/// The text whose hash is signed: method, path, query, fields, their names and the body's hash, a line each.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
struct CanonicalRequest {
    static let algorithm = "AWS4-HMAC-SHA256"

    var method: String
    var path: [UInt8]
    var query: [UInt8]
    /// `name:value\n` for each signed field.
    var headers: [UInt8]
    /// Sorted names with semicolons between.
    var signedHeaders: [UInt8]
    var payload: [UInt8]

    /// SHA-256 in hexadecimal digits.
    var hash: [UInt8] {
        var hash = SHA256()
        hash.update(data: Array(method.utf8) + [0x0A])
        hash.update(data: path + [0x0A])
        hash.update(data: query + [0x0A])
        hash.update(data: headers + [0x0A])
        hash.update(data: signedHeaders + [0x0A])
        hash.update(data: payload)
        return Hexadecimal.digits(of: hash.finalize())
    }

    func signature(key: SigningKey, time: SigningTime) -> [UInt8] {
        key.sign(algorithm: Self.algorithm, time: time, [hash])
    }
}
