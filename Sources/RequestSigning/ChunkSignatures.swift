import Crypto

/// The chain of signatures through an `aws-chunked` body: each covers its chunk and the signature before, so chunks
/// cannot be changed, left out, repeated or put in another order.
///
/// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
struct ChunkSignatures: Sendable {
    private let key: SigningKey
    private let time: SigningTime
    private(set) var last: [UInt8]

    /// - Parameter seed: the request's own signature.
    init(key: SigningKey, time: SigningTime, seed: [UInt8]) {
        self.key = key
        self.time = time
        last = seed
    }

    mutating func next(chunk: [UInt8]) -> [UInt8] {
        last = key.sign(
            algorithm: "AWS4-HMAC-SHA256-PAYLOAD", time: time,
            [last, PayloadHash.empty.line, Hexadecimal.digits(of: SHA256.hash(data: chunk))])
        return last
    }

    /// - Parameter lines: `name:value\n` of each trailer field.
    mutating func next(trailer lines: [UInt8]) -> [UInt8] {
        last = key.sign(
            algorithm: "AWS4-HMAC-SHA256-TRAILER", time: time,
            [last, Hexadecimal.digits(of: SHA256.hash(data: lines))])
        return last
    }
}
