/// Turns samples into the packets of an encoded stream format; given at ``FragmentStore/openSession`` by whoever has a
/// codec, since this module has none.
///
/// Made, used and released on the session's writer thread only, one frame at a time. It may keep state.
public protocol FrameEncoder: AnyObject {
    /// The encoder's delay in samples of 48,000 a second (RFC 7845 §5.1, pre-skip).
    var preSkip: Int { get }

    /// Encodes 20 ms of samples (`sampleRate / 50` of them) and appends the packet to `packet`. Appending nothing means
    /// that the frame could not be encoded; it is then a gap.
    func encode(_ frame: Span<Int16>, into packet: inout [UInt8])

    /// Forgets everything: the next frame does not follow the last one.
    func reset()
}

/// Makes a session's encoder, on the writer's thread; nil when none can be had, then the session's audio is lost.
public typealias FrameEncoderFactory = @Sendable () -> (any FrameEncoder)?

/// A session's encoder in the hands of the writer: made at the first use.
struct LazyEncoder: @unchecked Sendable {
    // Unchecked: the value lies in a session's file, which one writer thread uses under a lock.
    private let factory: FrameEncoderFactory
    private var made: (any FrameEncoder)?
    private var isMade = false

    init(_ factory: @escaping FrameEncoderFactory) {
        self.factory = factory
    }

    mutating func encoder() -> (any FrameEncoder)? {
        if !isMade {
            isMade = true
            made = factory()
        }
        return made
    }

    func reset() { made?.reset() }
}
