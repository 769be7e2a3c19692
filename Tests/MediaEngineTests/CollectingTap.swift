import MediaCore
import MediaEngine
import Synchronization

/// Keeps what a leg hands out.
final class CollectingTap: LegTap {
    private let state = Mutex<(samples: [Int16], events: [LegEvent])>(([], []))

    var samples: [Int16] { state.withLock { $0.samples } }
    var events: [LegEvent] { state.withLock { $0.events } }

    func append(_ samples: Span<Int16>) {
        state.withLock { state in
            for index in samples.indices { state.samples.append(samples[index]) }
        }
    }

    func observe(_ event: LegEvent) { state.withLock { $0.events.append(event) } }
}
