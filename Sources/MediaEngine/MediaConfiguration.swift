import CMediaSockets
import MediaCore

/// How the media engine runs.
public struct MediaConfiguration: Sendable {
    /// Ports that legs may use; RTP takes the even ones, RTCP the odd one above.
    public var ports: ClosedRange<UInt16> = 10_000...19_999
    /// Worker threads. A call's legs all live on one.
    public var workers: Int = 1
    /// How datagrams are read and sent.
    public var backEnd = MediaBackEndChoice.automatic
    /// Each worker stays on one core.
    public var pinsWorkers = false
    /// How long the ports of a leg that has ended rest before another leg gets them, nanoseconds. They stay bound
    /// meanwhile, and what arrives is dropped and counted (``PortReport``).
    public var portRest: Int64 = 5_000_000_000
    /// Port pairs at rest that stay bound, at most; the longest-rested beyond it rest unbound. Each takes two descriptors
    /// and about 8 kB of kernel memory. Never more than fit into a quarter of the descriptors that the process may have.
    public var maximumRestingPairs = 2_048
    /// Kernel buffer of each RTP socket, octets.
    public var receiveBuffer: Int32 = 65_536
    /// Takes a sentence for the log when something of the engine does not work as configured. Any thread; not for packets.
    public var notice: @Sendable (String) -> Void = { _ in }
    /// How time lines wait, fill and anchor.
    public var timeline = TimelinePolicy()
    /// Legs at most; one more is refused.
    public var maximumLegs: Int = 16_000

    /// The defaults.
    public init() {}

    /// Processors that this process may use, at least 1: what `workers` is set to where nobody chose.
    public static var availableProcessors: Int { Int(media_processors()) }
}

/// Why a leg cannot be opened.
public enum MediaEngineError: Error, CustomStringConvertible {
    /// Every port pair of the range is in use or cannot be bound.
    case noFreePorts(ClosedRange<UInt16>)
    case tooManyLegs(Int)
    case system(String, errno: Int32)
    case stopped

    /// What, where, and how to mend it.
    public var description: String {
        switch self {
        case .noFreePorts(let range):
            "no free RTP port pair in media.ports \(range.lowerBound)-\(range.upperBound): widen the range, or look for "
                + "another program that uses it"
        case .tooManyLegs(let limit): "more than \(limit) legs: raise media.maxCalls, or add a node"
        case .system(let what, let number): "\(what) failed with errno \(number)"
        case .stopped: "the media engine has been stopped"
        }
    }
}
