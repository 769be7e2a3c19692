import MediaCore
import SecureMedia

/// A way that packets take through the engine, of which it is said that it costs no allocation, lock or reference count.
struct AllocationPath {
    enum Work {
        /// Receive, unprotect, jitter buffer, decode, fragment.
        case record
        /// Receive, unprotect, rewrite, protect, send.
        case relay
        /// Receive, unprotect, protect, send to another recorder, and record.
        case fork
    }

    enum Codec {
        case muLaw, aLaw, g722, opus

        var payloadType: UInt8 {
            switch self {
            case .muLaw: 0
            case .aLaw: 8
            case .g722: 9
            case .opus: 96
            }
        }

        /// Ticks of the RTP clock in 20 ms.
        var ticks: UInt32 { self == .opus ? 960 : 160 }
    }

    let name: String
    let work: Work
    var suite: CryptoSuite?
    var codec = Codec.muLaw
    var format = TimelineFormat.narrowband
    /// Digits are kept out of the audio, which is handed out later for it.
    var redactsDigits = false

    static let all: [AllocationPath] = [
        AllocationPath(name: "record", work: .record),
        AllocationPath(name: "record-alaw", work: .record, codec: .aLaw),
        AllocationPath(name: "record-srtp", work: .record, suite: .counter128Tag80),
        AllocationPath(name: "record-srtp-gcm", work: .record, suite: .galois128),
        AllocationPath(name: "record-wideband", work: .record, format: .wideband),
        AllocationPath(name: "record-g722", work: .record, codec: .g722, format: .wideband),
        AllocationPath(name: "record-g722-narrow", work: .record, codec: .g722),
        AllocationPath(name: "record-opus", work: .record, codec: .opus, format: .wideband),
        AllocationPath(name: "record-payloads", work: .record, codec: .opus, format: .verbatim),
        AllocationPath(name: "record-redacted", work: .record, redactsDigits: true),
        AllocationPath(name: "relay", work: .relay, format: .statistics),
        AllocationPath(name: "relay-srtp", work: .relay, suite: .counter128Tag80, format: .statistics),
        AllocationPath(name: "relay-srtp-gcm", work: .relay, suite: .galois128, format: .statistics),
        AllocationPath(name: "fork-srtp", work: .fork, suite: .counter128Tag80),
    ]

    /// Telephone events, beside what the table of static payload types says.
    static let eventType: UInt8 = 101

    var payloads: PayloadMap {
        var map = PayloadMap()
        map.map(Codec.muLaw.payloadType, encoding: "PCMU", clockRate: 8_000)
        map.map(Codec.aLaw.payloadType, encoding: "PCMA", clockRate: 8_000)
        map.map(Codec.g722.payloadType, encoding: "G722", clockRate: 8_000)
        map.map(13, encoding: "CN", clockRate: 8_000)
        map.map(Codec.opus.payloadType, encoding: "opus", clockRate: 48_000)
        map.map(Self.eventType, encoding: "telephone-event", clockRate: codec == .opus ? 48_000 : 8_000)
        return map
    }
}
