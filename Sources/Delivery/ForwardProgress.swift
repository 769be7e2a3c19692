import StreamSink

/// How far one leg has come at the far end, over all its connections.
///
/// A pure value. A fragment counts as kept when it is PERSISTED; where the far stream has no retention nothing ever is,
/// and RECEIVED counts.
struct ForwardProgress: ~Copyable {
    /// What an acknowledgement asks for.
    enum Action: Sendable, Equatable {
        case none
        /// Everything up to the timecode is kept; write it down.
        case kept(Int64)
        /// The fragment is not taken and was tried often enough: leave it out from now on, and connect again.
        case skip(Int64, reason: String)
        /// Connect again.
        case reconnect(reason: String)
        /// The service cannot take anything now.
        case failed(DeliveryFailure)
    }

    /// A fragment that is refused this often is left out.
    static let refusals = 3

    private var received: Int64?
    private var persisted: Int64?
    private var refused: (timecode: Int64, count: Int)?
    /// Fragments that are left out: refused for good, or at the far end already.
    private(set) var skipped: Set<Int64> = []

    /// The far end has these whole, though it was never heard to say so: they are not sent again.
    mutating func found(_ timecodes: Set<Int64>) { skipped.formUnion(timecodes) }

    /// - Parameter keptUpTo: what an earlier run of the service has written down.
    init(keptUpTo: Int64? = nil) {
        persisted = keptUpTo
        received = keptUpTo
        hasPersisted = false
    }

    private var hasPersisted: Bool

    /// Everything up to this timecode need not be sent again.
    var keptUpTo: Int64? { hasPersisted ? persisted : received }

    /// Whether the far end has everything up to the last fragment that was sent.
    func isComplete(last: Int64?) -> Bool {
        guard let last else { return true }
        if let kept = keptUpTo, kept >= last { return true }
        return skipped.contains(last)
    }

    /// One acknowledgement.
    mutating func receive(_ acknowledgement: FragmentAcknowledgement) -> Action {
        switch acknowledgement.kind {
        case .buffering, .idle: return .none
        case .received:
            guard let timecode = acknowledgement.timecode, timecode > received ?? .min else { return .none }
            received = timecode
            return hasPersisted ? .none : .kept(timecode)
        case .persisted:
            guard let timecode = acknowledgement.timecode else { return .none }
            if !hasPersisted { persisted = nil }
            hasPersisted = true
            guard timecode > persisted ?? .min else { return .none }
            persisted = timecode
            received = max(received ?? timecode, timecode)
            return .kept(timecode)
        case .error(let id, let code): return error(id, code, acknowledgement.timecode)
        }
    }

    private mutating func error(_ id: Int64, _ code: String, _ timecode: Int64?) -> Action {
        let reason = "error \(id)\(code.isEmpty ? "" : " (\(code.prefix(80)))")"
        switch id {
        // A connection that is old, a stream that could not be read: nothing is wrong with what is sent.
        case 4000, 4003: return .reconnect(reason: reason)
        case 4001, 4002, 4004, 4005, 4006, 4007, 4009, 4010, 4011, 4012:
            guard let timecode else { return .failed(DeliveryFailure(.refused, "PutMedia answered \(reason)")) }
            let count = refused.map { $0.timecode == timecode ? $0.count + 1 : 1 } ?? 1
            refused = (timecode, count)
            guard count >= Self.refusals else { return .reconnect(reason: reason) }
            skipped.insert(timecode)
            return .skip(timecode, reason: reason)
        // Not active, the key management, the service itself.
        default: return .failed(DeliveryFailure(.message, "PutMedia answered \(reason)"))
        }
    }
}
