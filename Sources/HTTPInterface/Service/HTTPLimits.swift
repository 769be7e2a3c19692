/// What clients may cost; everything a request can make grow is bounded here.
///
/// The worst case in memory is about ``connections`` × (``headerBytes`` + ``jsonBodyBytes`` + 400 KiB of socket and read
/// buffers), plus ``ingests`` × ``fragmentBytes`` for producers that send fragments as large as allowed, plus
/// ``heldBytes``.
public struct HTTPLimits: Sendable {
    /// Connections at once, however many descriptors there are; what is beyond is closed at once. As a rule
    /// ``ConnectionBounds`` allows fewer.
    public var connections = 4096
    /// All header fields of a request together, bytes.
    public var headerBytes = 16 * 1024
    /// Header fields of a request.
    public var headerFields = 100
    /// A JSON body, bytes; the largest legal one (1,000 fragment numbers) has about 50,000.
    public var jsonBodyBytes = 256 * 1024
    /// How long a connection may be without a request after one was answered.
    public var idleTime: Duration = .seconds(60)
    /// From a connection's start, or the first byte of a later request, to the end of the header.
    public var headerTime: Duration = .seconds(10)
    /// From the end of a header to the end of a JSON body.
    public var bodyTime: Duration = .seconds(15)
    /// How long a reader may take nothing at all before its connection is closed and what it holds is released.
    public var stallTime: Duration = .seconds(60)
    /// How long a connection with an answer under way may last when the service is to stop.
    public var shutdownTime: Duration = .seconds(5)
    /// How often an answer that goes on asks whether its access key may still have it.
    public var permissionTime: Duration = .seconds(1)
    /// GetMedia and GetMediaForFragmentList calls at once on one stream. The service this stands in for allows 3.
    public var readersPerStream = 1000
    /// PutMedia calls at once on all streams (one a stream).
    public var ingests = 256
    /// A fragment that a producer sends, bytes (ErrorId 4001).
    public var fragmentBytes = 50_000_000
    /// A fragment that a producer sends, milliseconds (ErrorId 4002).
    public var fragmentMilliseconds: Int64 = 20_000
    /// A PutMedia body whose hash is signed, bytes: it is held back until it is known to be the one.
    public var heldBodyBytes = 32 << 20
    /// All bodies that are held back, bytes.
    public var heldBytes = 128 << 20
    /// The tail: GetMedia ends when nothing came for so long.
    public var tailTime: Duration = .seconds(3)
    /// PutMedia says IDLE after each such time without a byte, and ends after ``ingestIdleEnd``.
    public var ingestIdleTime: Duration = .seconds(10)
    /// PutMedia's connection is closed after so long without a byte.
    public var ingestIdleEnd: Duration = .seconds(30)
    /// A whole fragment is held back up to this size in the whole-fragment mode; the rest of a larger one is passed
    /// on as it comes.
    public var wholeFragmentBytes = 4 * 1024 * 1024
    /// The media of one clip, bytes.
    public var clipBytes = 100 * 1024 * 1024
    /// HLS sessions at once.
    public var hlsSessions = 1000

    /// The defaults.
    public init() {}
}
