/// The receiving half of SRTP and SRTCP on one leg: RFC 3711 with the suites of RFC 6188 and RFC 7714.
///
/// Owned by one media worker. Packets are verified and decrypted where they lie; after a source's first packet nothing
/// is allocated. A refused packet changes neither the context nor its own octets.
public struct SRTPReceiver: ~Copyable {
    /// Sources followed at a time under one key, unless said otherwise. About 150 octets each, held once a source was
    /// authentic. One more takes the place of the one that was not heard for longest; 256 of those are remembered by
    /// their highest number, 24 octets each.
    public static let defaultMaximumSources = 64
    /// Packets of the new key after which the previous one is forgotten: 2.5 s of 20 ms packets, which outlasts
    /// what was under way when the keys changed.
    static let previousKeyGrace: UInt64 = 128

    // Beside each other, because every packet touches both.
    private var hasPrevious = false
    private var current: ReceivingContext
    private var previous: ReceivingContext?
    private var key: SDESKey
    private var previousKey: SDESKey?
    /// Keys before those two, with what was received under them.
    private var former: [ReceivedUnderKey] = []
    /// Evictions of contexts that are gone.
    private var formerEvictions: UInt64 = 0

    /// Begins with the peer's key. Allocates the cipher contexts, a few kB.
    ///
    /// - Parameter history: What the call's other streams, also those that have ended, know of the key. Where it was in
    ///   use, this is as an offer that names it once more, see ``rekey(_:history:)``.
    public init(
        _ key: SDESKey, maximumSources: Int = SRTPReceiver.defaultMaximumSources, history: KeyHistory = KeyHistory()
    ) throws(SRTPError) {
        current = try Self.context(key, maximumSources: maximumSources)
        self.key = key
        if let known = history.received(under: key) { current.resume(known) }
    }

    /// Notes what has been received under each key, for whoever comes after.
    public func remember(in history: inout KeyHistory) {
        for entry in former { history.note(entry) }
        switch previous {
        case .some(let previous): if let previousKey { history.note(previous.remembered(under: previousKey)) }
        case .none: break
        }
        history.note(current.remembered(under: key))
    }

    /// Begins with the peer's master key and salt, of the sizes of the suite.
    public init(
        suite: CryptoSuite, masterKey: [UInt8], masterSalt: [UInt8], mki: MasterKeyIdentifier? = nil,
        maximumSources: Int = SRTPReceiver.defaultMaximumSources
    ) throws(SRTPError) {
        let key = try SDESKey(suite: suite, masterKey: masterKey, masterSalt: masterSalt, mki: mki)
        try self.init(key, maximumSources: maximumSources)
    }

    /// Begins with session keys that were derived elsewhere, as the vectors of RFC 7714 are given.
    package init(_ suite: CryptoSuite, media: SessionKeys, control: SessionKeys) throws(SRTPError) {
        current = try ReceivingContext(
            suite, media: media, control: control, identifier: nil, maximumSources: Self.defaultMaximumSources)
        key = SDESKey.absent(suite)
    }

    /// SRTP packets that were authentic under the key in use.
    public var authenticatedPackets: UInt64 { current.authenticated }

    /// More packets have come under this key than its `a=crypto` line allowed (RFC 4568 §6.1). They are still taken:
    /// the limit that keeps the cipher safe is 2^48 packets, and a recording is not given up for a peer that should
    /// have changed its key. Worth a line in the log.
    public var isPastLifetime: Bool { current.authenticated > key.lifetime ?? .max }

    /// Sources, of SRTP and of SRTCP, that had to make room for others, whatever the key. Such a source is heard again
    /// as soon as it sends a number above its highest.
    public var evictedSources: UInt64 {
        let before =
            switch previous {
            case .some(let previous): previous.evictions
            case .none: 0 as UInt64
            }
        return formerEvictions &+ current.evictions &+ before
    }

    /// Brings what the next SRTP packet needs into the cache, for whoever knows that one comes. Thousands of contexts do
    /// not fit into it, and waiting for memory takes longer than the cryptography.
    @inline(__always)
    public mutating func fetchAhead() { current.fetchAhead() }

    /// Verifies and decrypts an SRTP packet in place.
    ///
    /// - Parameters:
    ///   - packet: Exactly the datagram.
    ///   - mayRestart: The packet comes from where the peer's media comes from. Only then is a roll-over counter that
    ///     begins anew after a re-INVITE believed, or a new source where sources have been forgotten.
    ///   - mayBeginElsewhere: It does not; but a counter that begins anew below all numbers that were received, which
    ///     no repetition can do, is believed all the same. Such an attempt costs a second verification.
    /// - Returns: Octets of the RTP packet, which begins where the datagram does.
    public mutating func unprotect(
        _ packet: UnsafeMutableRawBufferPointer, mayRestart: Bool = true, mayBeginElsewhere: Bool = false
    ) throws(SRTPError) -> Int {
        guard let start = packet.baseAddress else { throw .truncated(needed: 12, got: 0) }
        let header = try PacketHeader(start, count: packet.count)
        do throws(SRTPError) {
            let length = try current.open(
                start, count: packet.count, header, mayRestart: mayRestart, mayBeginElsewhere: mayBeginElsewhere)
            if hasPrevious { retirePrevious() }
            return length
        } catch {
            // Packets that were under way when the keys changed belong to the call, too. The packet is as it came.
            guard hasPrevious, Self.mayBePrevious(error) else { throw error }
            let refusal = error
            do throws(SRTPError) {
                if let length = try previous?.open(
                    start, count: packet.count, header, mayRestart: false, mayBeginElsewhere: false)
                {
                    return length
                }
            } catch {}
            throw refusal
        }
    }

    /// Verifies and decrypts an SRTCP compound in place; as ``unprotect(_:)``.
    public mutating func unprotectControl(_ packet: UnsafeMutableRawBufferPointer) throws(SRTPError) -> Int {
        guard let start = packet.baseAddress else { throw .truncated(needed: ControlHeader.length, got: 0) }
        let header = try ControlHeader(start, count: packet.count)
        do throws(SRTPError) {
            return try current.openControl(start, count: packet.count, header)
        } catch {
            guard hasPrevious, Self.mayBePrevious(error) else { throw error }
            let refusal = error
            do throws(SRTPError) {
                if let length = try previous?.openControl(start, count: packet.count, header) { return length }
            } catch {}
            throw refusal
        }
    }

    /// The peer has offered again, with this key.
    ///
    /// The same key: the context goes on, and for a while a source whose roll-over counter began anew is followed. A
    /// new key: it is used from now on, with the roll-over counters reached so far as a first guess; the key before
    /// serves packets still under way until ``previousKeyGrace`` packets of the new one were authentic. A key that was in
    /// use at any time before, here or by what `history` knows, goes on where it was, so that nothing that was received
    /// under it passes again. When it throws, the receiver is as it was.
    public mutating func rekey(_ key: SDESKey, history: KeyHistory = KeyHistory()) throws(SRTPError) {
        if let previousKey, key.protectsLike(previousKey) {
            // Back to the key before: its context still knows what was received, so that nothing of it can be replayed.
            swapContexts()
        }
        if key.protectsLike(self.key) {
            current.allowRestart()
            self.key = key
            return
        }
        var next = try Self.context(key, maximumSources: current.maximumSources)
        var known = former.first { $0.key.protectsLike(key) }
        if let elsewhere = history.received(under: key) {
            if known == nil { known = elsewhere } else { known?.merge(elsewhere) }
        }
        former.removeAll { $0.key.protectsLike(key) }
        if let known { next.resume(known) }
        next.carry(current)
        swap(&current, &next)
        discardPrevious()
        previous = consume next
        hasPrevious = true
        previousKey = self.key
        self.key = key
    }

    private mutating func swapContexts() {
        guard var other = previous.take(), let otherKey = previousKey else { return }
        swap(&current, &other)
        current.authenticatedBefore = current.authenticated
        previous = consume other
        previousKey = key
        key = otherKey
    }

    private mutating func retirePrevious() {
        guard current.authenticated &- current.authenticatedBefore >= Self.previousKeyGrace else { return }
        discardPrevious()
    }

    private mutating func discardPrevious() {
        if let gone = previous.take() {
            formerEvictions &+= gone.evictions
            if let previousKey {
                if former.count >= KeyHistory.capacity { former.removeFirst() }
                former.append(gone.remembered(under: previousKey))
            }
        }
        previousKey = nil
        hasPrevious = false
    }

    private static func mayBePrevious(_ error: SRTPError) -> Bool {
        switch error {
        // The previous suite may append less, and its numbers may look old beside those of the new key.
        case .authenticationFailed, .unknownMasterKey, .truncated, .tooOld, .replayed, .tooManySources: true
        case .tooLong, .unsupportedVersion, .noRoom, .keyExhausted, .unencryptedControl, .invalidKeyLength,
            .cipherUnavailable:
            false
        }
    }

    private static func context(_ key: SDESKey, maximumSources: Int) throws(SRTPError) -> ReceivingContext {
        try ReceivingContext(
            key.suite, media: key.sessionKeys(.media), control: key.sessionKeys(.control), identifier: key.mki,
            maximumSources: maximumSources)
    }
}

extension SRTPReceiver {
    /// As the other, for the first `count` octets of a span.
    public mutating func unprotect(_ packet: inout MutableRawSpan, count: Int) throws(SRTPError) -> Int {
        guard count >= 0, count <= packet.byteCount else { throw .truncated(needed: count, got: packet.byteCount) }
        var refusal: SRTPError?
        var length = 0
        packet.withUnsafeMutableBytes { octets in
            do throws(SRTPError) {
                length = try unprotect(UnsafeMutableRawBufferPointer(rebasing: octets[..<count]))
            } catch { refusal = error }
        }
        if let refusal { throw refusal }
        return length
    }
}
