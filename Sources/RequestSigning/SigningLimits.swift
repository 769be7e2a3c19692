/// How much of a request is looked at before it is refused. Anyone may send one, so the work for it has a bound: a
/// head at these limits costs about as much as hashing 128 KiB twice.
public struct SigningLimits: Sendable, Hashable {
    /// Bytes of path, query and all fields together.
    public var headBytes = 64 << 10
    /// Fields in the request.
    public var headers = 128
    /// Fields named in `SignedHeaders`.
    public var signedHeaders = 64
    /// Parameters in the query.
    public var parameters = 256
    /// Bytes of a chunk of a signed `aws-chunked` body. A chunk is kept until its signature is right, so this is the
    /// memory a connection may take. (SDKs send 64 KiB to 1 MiB.)
    public var chunkBytes = 4 << 20
    /// Bytes of the trailer of an `aws-chunked` body.
    public var trailerBytes = 8 << 10

    /// The limits above.
    public init() {}
}
