import CMediaSockets
import SecureMedia

/// The SRTP contexts of a leg, each way. Owned by the leg's worker.
///
/// A leg that follows another of its call (a change of codec opens a new stream on new ports, with the same
/// `a=crypto` lines) has them in common with it, see ``follow(_:)``.
///
/// A leg that should be encrypted never falls back to plain RTP: where a context cannot be made, everything is refused
/// and counted.
struct LegSecurity: ~Copyable {
    private struct Contexts: ~Copyable {
        var receiver: SRTPReceiver?
        var sender: SRTPSender?
        /// The key of `sender`.
        var sending: SDESKey?
        /// Where what is known of the keys outlives the leg; nil: nowhere.
        var memory: KeyMemory?
        /// Legs that have these contexts.
        var legs = 1

        var history: KeyHistory { memory?.history ?? KeyHistory() }

        func remember() {
            guard let memory else { return }
            var told = KeyHistory()
            switch receiver {
            case .some(let receiver): receiver.remember(in: &told)
            case .none: break
            }
            switch sender {
            case .some(let sender): sender.remember(in: &told)
            case .none: break
            }
            memory.merge(told)
        }

        var isPastLifetime: Bool {
            switch receiver {
            case .some(let receiver): receiver.isPastLifetime
            case .none: false
            }
        }

        var evicted: UInt64 {
            switch receiver {
            case .some(let receiver): receiver.evictedSources
            case .none: 0
            }
        }
    }
    // Apart from the leg, so that the many plain ones stay small.
    private var contexts: UnsafeMutablePointer<Contexts>?
    /// Datagrams come protected.
    private(set) var isReceiving = false
    /// Datagrams leave protected.
    private(set) var isSending = false
    /// Attempts that packets from elsewhere still have at beginning anew, until ``renewAttempts()``.
    private var attempts = Self.maximumAttempts
    /// Media refused since some was authentic, from hosts that the peer's may come from; and what of it had a number
    /// that was used before.
    private(set) var unheard: UInt32 = 0
    private(set) var unheardAgain: UInt32 = 0
    /// Datagrams that were not authentic, not encrypted, or came again.
    private(set) var refused: UInt64 = 0
    /// Datagrams that could not be protected and were not sent.
    private(set) var unprotected: UInt64 = 0
    /// Sources that had made room before this leg began.
    private var evictedBefore: UInt64 = 0

    init() {}

    deinit {
        if let contexts { Self.release(contexts) }
    }

    /// Octets that protection may add; keys with an identifier of 128 octets are the largest.
    static let maximumOverhead = 16 + 4 + 128

    /// An attempt costs as much as a packet. A leg's turn comes at least each 230 ms: a flood costs a fiftieth more than
    /// it would, and a peer whose packets it hides is found within seconds.
    private static let maximumAttempts: UInt8 = 50

    /// The leg's turn has come.
    mutating func renewAttempts() { attempts = Self.maximumAttempts }

    /// Goes on with the contexts of a leg of the same worker, before the first ``use(receiving:sending:)``.
    ///
    /// RFC 3711 §3.2.3 and §3.3.1: roll-over counters and replay lists belong to the key and the SSRC, not to a port.
    /// Contexts of its own would begin with counter 0 and understand nothing of a sender that is further; and whatever
    /// was recorded of the call so far could be sent once more, to the new port. Both legs have the very same contexts
    /// as long as both are open, so that packets under way to the former port count, too, and none passes on both.
    mutating func follow(_ former: borrowing LegSecurity) {
        guard contexts == nil, let shared = former.contexts else { return }
        shared.pointee.legs += 1
        contexts = shared
        evictedBefore = shared.pointee.evicted
    }

    /// Notes what is known so far, for a leg that begins beside this one.
    func remember() { contexts?.pointee.remember() }

    /// Takes over the keys of an offer and its answer, also in mid-call. What `memory` knows of them goes on.
    mutating func use(receiving: SDESKey?, sending: SDESKey?, memory: KeyMemory? = nil) {
        defer {
            unheard = 0
            unheardAgain = 0
            isReceiving = receiving != nil
            isSending = sending != nil
        }
        guard receiving != nil || sending != nil else { return discard() }
        if contexts == nil {
            contexts = .allocate(capacity: 1)
            contexts?.initialize(to: Contexts())
        }
        guard let contexts else { return }
        contexts.pointee.memory = memory ?? contexts.pointee.memory
        // A key that is not used any more may be again.
        contexts.pointee.remember()
        let history = contexts.pointee.history
        do throws(SRTPError) {
            if let receiving {
                // The same key again is no accident: the peer may have begun anew with its counters.
                if contexts.pointee.receiver == nil {
                    contexts.pointee.receiver = try SRTPReceiver(receiving, history: history)
                } else {
                    try contexts.pointee.receiver?.rekey(receiving, history: history)
                }
            } else {
                contexts.pointee.receiver = nil
            }
        } catch {
            contexts.pointee.receiver = nil
        }
        do throws(SRTPError) {
            if let sending {
                if contexts.pointee.sender == nil {
                    contexts.pointee.sender = try SRTPSender(sending, history: history)
                } else if contexts.pointee.sending.map({ !sending.protectsLike($0) }) ?? true {
                    try contexts.pointee.sender?.rekey(sending, history: history)
                }
            } else {
                contexts.pointee.sender = nil
            }
            contexts.pointee.sending = sending
        } catch {
            contexts.pointee.sender = nil
            contexts.pointee.sending = nil
        }
    }

    private mutating func discard() {
        guard let contexts else { return }
        Self.release(contexts)
        self.contexts = nil
    }

    private static func release(_ contexts: UnsafeMutablePointer<Contexts>) {
        contexts.pointee.remember()
        contexts.pointee.legs -= 1
        guard contexts.pointee.legs == 0 else { return }
        contexts.deinitialize(count: 1)
        contexts.deallocate()
    }

    /// Two steps of bringing the receiving context into the cache, for the next packet but one and for the next.
    @inline(__always)
    func fetchContext() {
        guard let contexts else { return }
        media_prefetch_for_write(UnsafeRawPointer(contexts), 320)
    }

    @inline(__always)
    func fetchKeys() {
        guard isReceiving, let contexts else { return }
        contexts.pointee.receiver?.fetchAhead()
    }

    /// More packets have come under the peer's key than it said it would use it for.
    var isPastLifetime: Bool { contexts?.pointee.isPastLifetime ?? false }

    /// SSRCs of the peer that had to make room for others of its own, see ``SRTPReceiver/evictedSources``.
    var evictedSources: UInt64 {
        let evicted = contexts?.pointee.evicted ?? 0
        return evicted > evictedBefore ? evicted - evictedBefore : 0
    }

    /// Whom a datagram comes from, as far as addresses tell.
    enum Origin {
        /// Where the leg's media comes from.
        case source
        /// A host that the description or the signalling names.
        case host
        case elsewhere
    }

    /// Verifies and decrypts in place; octets of the plain packet, or nil for what is refused. `origin` is asked for
    /// media only.
    mutating func unprotect(
        _ datagram: UnsafeMutableRawBufferPointer, isControl: Bool, from origin: Origin
    ) -> Int? {
        do throws(SRTPError) {
            guard let contexts, contexts.pointee.receiver != nil else { throw .cipherUnavailable }
            guard !isControl else {
                guard let count = try contexts.pointee.receiver?.unprotectControl(datagram) else {
                    throw .cipherUnavailable
                }
                return count
            }
            guard
                let count = try contexts.pointee.receiver?.unprotect(
                    datagram, mayRestart: origin == .source, mayBeginElsewhere: attempts > 0)
            else { throw .cipherUnavailable }
            if unheard > 0 { (unheard, unheardAgain) = (0, 0) }
            return count
        } catch {
            refused += 1
            if !isControl { noteRefusal(error, origin) }
            return nil
        }
    }

    private mutating func noteRefusal(_ error: SRTPError, _ origin: Origin) {
        if origin != .source, attempts > 0 { attempts -= 1 }
        guard origin != .elsewhere else { return }
        unheard &+= 1
        if error == .replayed || error == .tooOld { unheardAgain &+= 1 }
    }

    /// Encrypts the first `count` octets in place; octets to send, or nil where nothing may be sent.
    mutating func protect(_ buffer: UnsafeMutableRawBufferPointer, count: Int, isControl: Bool) -> Int? {
        guard isSending else { return count }
        do throws(SRTPError) {
            guard let contexts, contexts.pointee.sender != nil else { throw .cipherUnavailable }
            let total =
                isControl
                ? try contexts.pointee.sender?.protectControl(buffer, count: count)
                : try contexts.pointee.sender?.protect(buffer, count: count)
            guard let total else { throw .cipherUnavailable }
            return total
        } catch {
            unprotected += 1
            return nil
        }
    }
}
