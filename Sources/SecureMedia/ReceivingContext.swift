import CSRTPCipher

/// One master key in use for reception: the session keys of SRTP and SRTCP, and what is known of each source.
///
/// RFC 3711 §3.2.3 has a context per SSRC; they share their session keys, since nothing in the derivation (with rate 0)
/// depends on the SSRC.
struct ReceivingContext: ~Copyable {
    let suite: CryptoSuite
    let identifier: MasterKeyIdentifier?
    let maximumSources: Int
    let media: SessionCipher
    let control: SessionCipher
    var sources: [ReceivedSource] = []
    var controlSources: [ReceivedControlSource] = []
    /// SRTP packets that were authentic under this key.
    var authenticated: UInt64 = 0
    /// Where the last packet's source stands in ``sources``: nearly always the next one's, too.
    var recent = 0
    private let identifierLength: Int
    private let tagLength: Int
    private let isGalois: Bool
    // What no packet in order touches comes last: of thousands of contexts few lie in the cache.
    /// SRTCP packets that were authentic under this key.
    var authenticatedControl: UInt64 = 0
    /// Sources of each kind that others have taken the places of.
    var retired = RetiredSources()
    var retiredControl = RetiredSources()
    var reports = HeardReports()
    var evictions: UInt64 = 0
    /// ``authenticated`` when the key came into use, for the last time.
    var authenticatedBefore: UInt64 = 0

    /// Authentic packets after a renegotiation within which a restart is followed: 5 s of 20 ms packets.
    static let restartAllowance: Int32 = 250

    init(
        _ suite: CryptoSuite, media: SessionKeys, control: SessionKeys, identifier: MasterKeyIdentifier?,
        maximumSources: Int
    ) throws(SRTPError) {
        let mediaCipher = try SessionCipher(suite, media)
        let controlCipher = try SessionCipher(suite, control)
        self.suite = suite
        self.identifier = identifier
        // One may come while another speaks.
        self.maximumSources = max(2, maximumSources)
        self.media = mediaCipher
        self.control = controlCipher
        identifierLength = identifier?.octets.count ?? 0
        tagLength = suite.tagLength
        isGalois = suite.isGalois
    }

    /// Octets that SRTP appends to a packet.
    @inline(__always)
    var appendedLength: Int { tagLength + identifierLength }

    @inline(__always)
    mutating func fetchAhead() {
        media.fetch()
        sources.withUnsafeBytes { if let start = $0.baseAddress { srtp_memory_fetch(start, 128) } }
    }

    /// Verifies and decrypts one SRTP packet in place; its length without what SRTP appended.
    ///
    /// The order is that of RFC 3711 §3.3, and every step before the tag has been verified only reads:
    /// - The SSRC in the header is not authenticated yet. A stranger can invent 2^32 of them; an entry is made only for
    ///   a packet whose tag is right, so that inventing costs us one HMAC each and no memory.
    /// - The replay check comes before the tag because it is cheaper. It is safe there because the window is marked
    ///   after the tag only: a forged number cannot make a true packet look like a replay.
    /// - The roll-over counter is an estimate until the tag, which covers it, is right; only then does it move. A
    ///   forged packet far ahead cannot push it on.
    @inline(__always)
    mutating func open(
        _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader, mayRestart: Bool,
        mayBeginElsewhere: Bool
    ) throws(SRTPError) -> Int {
        let needed = header.length + tagLength + identifierLength
        guard count >= needed else { throw .truncated(needed: needed, got: count) }
        try checkIdentifier(packet, at: isGalois ? count - identifierLength : count - tagLength - identifierLength)
        guard let position = position(of: header.ssrc) else {
            return try openFirst(packet, count: count, header, mayRestart: mayRestart)
        }
        guard case .followed = sources[position].standing else {
            return try openCarried(position, packet, count: count, header)
        }
        let index = PacketIndex.guess(header.sequence, near: sources[position].window.highest)
        do throws(SRTPError) {
            guard index < PacketIndex.end else { throw .keyExhausted }
            try sources[position].window.check(index)
            try authenticate(packet, count: count, header, index)
        } catch {
            guard sources[position].restartAllowance > 0 || sources[position].former != nil else { throw error }
            return try openElsewhere(
                position, packet, count: count, header, mayRestart: mayRestart,
                mayBeginElsewhere: mayBeginElsewhere, refusedFor: error)
        }
        authenticated &+= 1
        sources[position].accept(index, authenticated)
        return count - tagLength - identifierLength
    }

    /// A source without an entry. RFC 3711 §3.3.1: its roll-over counter begins with 0.
    private mutating func openFirst(
        _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader, mayRestart: Bool
    ) throws(SRTPError) -> Int {
        if let former = retired.position(of: header.ssrc) {
            return try openRetired(former, packet, count: count, header)
        }
        // It may be one that was forgotten: see RetiredSources.
        guard mayRestart || !retired.hasForgotten else { throw .tooManySources(limit: maximumSources) }
        var index = UInt64(header.sequence)
        do throws(SRTPError) {
            try authenticate(packet, count: count, header, index)
        } catch {
            // A sender that began shortly before the wrap, and whose packets before it were lost or are late, is at 1
            // already. Without this guess nothing of it would ever be heard.
            guard header.sequence < 0x8000, error == .authenticationFailed else { throw error }
            index += 0x1_0000
            try authenticate(packet, count: count, header, index)
        }
        admit(header.ssrc, index)
        return count - tagLength - identifierLength
    }

    /// The first packet of a known source under a new key. Some peers let the roll-over counter go on, as RFC 3711
    /// §3.3.1 says, others begin their new context with 0. The packet tells by its tag. Nothing that was sent before is
    /// authentic under the new key, so there is nothing to replay.
    private mutating func openCarried(
        _ position: Int, _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader
    ) throws(SRTPError) -> Int {
        let index = try authenticateCarried(
            packet, count: count, header, near: sources[position].window.highest)
        authenticated &+= 1
        sources[position].begin(index, authenticated)
        return count - tagLength - identifierLength
    }

    /// The number under which the packet is authentic: near the one reached under the previous key, or from 0.
    func authenticateCarried(
        _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader, near highest: UInt64
    ) throws(SRTPError) -> UInt64 {
        let continued = PacketIndex.guess(header.sequence, near: highest)
        do throws(SRTPError) {
            guard continued < PacketIndex.end else { throw .keyExhausted }
            try authenticate(packet, count: count, header, continued)
            return continued
        } catch {
            let begun = UInt64(header.sequence)
            guard begun != continued else { throw error }
            try authenticate(packet, count: count, header, begun)
            return begun
        }
    }

    /// A packet that is not authentic where its source stands, or not new there, after a re-INVITE that kept the key.
    ///
    /// A peer that builds its media stack anew at a re-INVITE begins with roll-over counter 0 again although the key is
    /// the same. Attack: whoever recorded the call's first packets can send them once more, and they are authentic. So
    /// a restart is followed once a renegotiation and only for ``restartAllowance`` packets after it, and the former
    /// place is kept: the first new packet there, which only the true peer can make, ends the restart for good.
    ///
    /// A number below all that were received cannot be a repetition. It is believed from anywhere, because a peer
    /// behind NAT has often another port after a re-INVITE, and nobody knows which (`mayBeginElsewhere` bounds the
    /// attempts). Any other is believed only where the roll-over counter has moved, since otherwise there is nothing to
    /// begin again, and only from where the peer's media comes from (`mayRestart`), so that it changes nothing for
    /// whoever can only send.
    private mutating func openElsewhere(
        _ position: Int, _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader, mayRestart: Bool,
        mayBeginElsewhere: Bool, refusedFor refusal: SRTPError
    ) throws(SRTPError) -> Int {
        // Once the window has come as far as the former place, it alone knows what was used.
        if var former = sources[position].former, former.highest > sources[position].window.highest {
            let index = PacketIndex.guess(header.sequence, near: former.highest)
            if index < PacketIndex.end, index > former.highest,
                isAuthentic(packet, count: count, header, index)
            {
                former.insert(index)
                sources[position].window = former
                sources[position].former = nil
                authenticated &+= 1
                sources[position].hear(authenticated)
                return count - tagLength - identifierLength
            }
        }
        let index = UInt64(header.sequence)
        // A number that this very window has seen is a repetition and no restart.
        let isRepetition =
            refusal == .replayed
            && index == PacketIndex.guess(header.sequence, near: sources[position].window.highest)
        let isPlausible =
            index < sources[position].first
            ? mayRestart || mayBeginElsewhere : mayRestart && sources[position].furthest >= 0x1_0000
        guard sources[position].restartAllowance > 0, !isRepetition, isPlausible,
            isAuthentic(packet, count: count, header, index)
        else { throw refusal }
        sources[position].restart(at: index)
        authenticated &+= 1
        sources[position].hear(authenticated)
        return count - tagLength - identifierLength
    }

    private func isAuthentic(
        _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader, _ index: UInt64
    ) -> Bool {
        do throws(SRTPError) {
            try authenticate(packet, count: count, header, index)
            return true
        } catch {
            return false
        }
    }

    /// Verifies the tag for this number and decrypts. On failure the packet is as it was; no state in any case.
    @inline(__always)
    func authenticate(
        _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader, _ index: UInt64
    ) throws(SRTPError) {
        let end = count - tagLength - identifierLength
        let text = packet + header.length
        if isGalois {
            guard
                media.open(
                    ssrc: header.ssrc, index: index, header: packet, headerLength: header.length, tail: nil,
                    text: text, count: end - header.length, tag: packet + end)
            else { throw .authenticationFailed }
            return
        }
        // RFC 3711 §4.2: the tag covers header and encrypted payload, then the roll-over counter; not the MKI.
        guard
            media.verify(
                packet, count: end, rollOver: PacketIndex.rollOver(index), tag: packet + (count - tagLength),
                length: tagLength)
        else { throw .authenticationFailed }
        let body = UnsafeMutableRawBufferPointer(start: text, count: end - header.length)
        guard media.applyKeystream(ssrc: header.ssrc, index: index, body) else { throw .cipherUnavailable }
    }

    func checkIdentifier(_ packet: UnsafeRawPointer, at offset: Int) throws(SRTPError) {
        guard let identifier else { return }
        guard identifier.matches(packet + offset) else { throw .unknownMasterKey }
    }

    @inline(__always)
    private mutating func position(of ssrc: UInt32) -> Int? {
        if recent < sources.count, sources[recent].ssrc == ssrc { return recent }
        for position in sources.indices where sources[position].ssrc == ssrc {
            // A hint for speed, of no consequence to what is accepted.
            recent = position
            return position
        }
        return nil
    }
}
