import MediaCore
import MediaEngine
import Synchronization

/// Keeps the payloads that a leg hands out.
final class PayloadTap: LegTap {
    private let state = Mutex<[[UInt8]]>([])

    var payloads: [[UInt8]] { state.withLock { $0 } }

    func append(_ samples: Span<Int16>) {}
    func observe(_ event: LegEvent) {}

    func append(payload: RawSpan, payloadType: UInt8, at position: Int64, length: Int64) {
        let octets = payload.withUnsafeBytes { Array($0) }
        state.withLock { $0.append(octets) }
    }
}
