import SecureMedia
import Synchronization

/// What the encrypted legs of one call know of their keys, for as long as the call lasts: each notes it when it ends or
/// is plain from then on, and one that begins with the same key goes on there. See ``KeyHistory`` for why.
///
/// Thread-safe: made by whoever holds the call, used by the workers of its legs, which need not be the same.
public final class KeyMemory: Sendable {
    private let state = Mutex(KeyHistory())

    /// For a call that begins.
    public init() {}

    var history: KeyHistory { state.withLock { $0 } }

    func merge(_ told: KeyHistory) { state.withLock { $0.merge(told) } }
}
