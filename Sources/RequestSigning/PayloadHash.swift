import Crypto

/// What a signature says about the body: the last line of the canonical request.
public enum PayloadHash: Sendable, Hashable {
    /// The body is not covered: `UNSIGNED-PAYLOAD`, or a producer that signs its headers alone.
    case unsigned
    /// SHA-256 of the whole body in 64 lower-case hexadecimal digits.
    case hash([UInt8])
    /// The body is `aws-chunked`: read it through ``VerifiedRequest/chunkedBody(limits:)``.
    case streaming(signed: Bool, hasTrailer: Bool)

    /// Of a body of no bytes.
    public static let empty = PayloadHash.hash(Hexadecimal.digits(of: SHA256.hash(data: [UInt8]())))

    /// Of a whole body.
    public static func of(_ body: some Sequence<UInt8>) -> PayloadHash {
        .hash(Hexadecimal.digits(of: SHA256.hash(data: Array(body))))
    }

    /// The value of `x-amz-content-sha256`.
    public var headerValue: String { String(decoding: line, as: UTF8.self) }

    var line: [UInt8] {
        switch self {
        case .unsigned: Array("UNSIGNED-PAYLOAD".utf8)
        case .hash(let digits): digits
        case .streaming(signed: true, hasTrailer: false): Array("STREAMING-AWS4-HMAC-SHA256-PAYLOAD".utf8)
        case .streaming(signed: true, hasTrailer: true): Array("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER".utf8)
        // Without signatures there is a form with a trailer only.
        case .streaming(signed: false, hasTrailer: _): Array("STREAMING-UNSIGNED-PAYLOAD-TRAILER".utf8)
        }
    }

    /// Reads `x-amz-content-sha256`; nil for anything that is not one of its forms.
    init?(headerValue value: String) {
        let octets = Array(value.utf8)
        let marks: [PayloadHash] = [
            .unsigned, .streaming(signed: true, hasTrailer: false), .streaming(signed: true, hasTrailer: true),
            .streaming(signed: false, hasTrailer: true),
        ]
        if let mark = marks.first(where: { $0.line == octets }) {
            self = mark
        } else if octets.count == 64, octets.allSatisfy(Hexadecimal.isLowerDigit) {
            self = .hash(octets)
        } else {
            return nil
        }
    }
}

/// What the receiver knows of a body when the signature is checked.
public enum PayloadDigest: Sendable, Hashable {
    /// The whole body was read; its SHA-256 in 64 lower-case hexadecimal digits. Make it with ``of(_:)`` or
    /// ``BodyHash``.
    case sha256([UInt8])
    /// The body is still to come. What the request says of it stands in ``VerifiedRequest/payload``: a claimed hash is
    /// the caller's to compare at the end, and ``PayloadHash/unsigned`` means that nobody vouches for the body.
    case streamed

    /// Of a body of no bytes.
    public static let empty = PayloadDigest.of([UInt8]())

    /// Of a whole body.
    public static func of(_ body: some Sequence<UInt8>) -> PayloadDigest {
        .sha256(Hexadecimal.digits(of: SHA256.hash(data: Array(body))))
    }
}

/// Hashes a body that arrives in pieces. Owned by one task.
public struct BodyHash: Sendable {
    private var hash = SHA256()

    /// Before the first piece.
    public init() {}

    /// Takes the next piece.
    public mutating func update(_ bytes: [UInt8]) { hash.update(data: bytes) }

    /// The digest of all pieces so far.
    public var digest: PayloadDigest { .sha256(digits) }

    /// Whether all pieces so far are the body that a request claimed; false for claims that are not hashes.
    public func matches(_ claim: PayloadHash) -> Bool {
        guard case .hash(let claimed) = claim else { return false }
        return ConstantTime.areEqual(claimed, digits)
    }

    private var digits: [UInt8] { Hexadecimal.digits(of: hash.finalize()) }
}
