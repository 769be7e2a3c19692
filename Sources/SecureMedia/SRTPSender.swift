/// The sending half of SRTP and SRTCP on one leg: RFC 3711 with the suites of RFC 6188 and RFC 7714.
///
/// Owned by one media worker. Packets are encrypted where they lie; after a source's first packet nothing is allocated.
/// A refused packet changes neither the context nor its own octets.
public struct SRTPSender: ~Copyable {
    private var suite: CryptoSuite
    private var identifier: MasterKeyIdentifier?
    private var media: SessionCipher
    private var control: SessionCipher
    private var sources: [SentSource] = []
    /// Those that others have taken the places of. None is ever forgotten under its key: a source whose numbers nobody
    /// knows could use one twice.
    private var retired = RetiredSources()
    private var recent = 0
    private let maximumSources: Int
    private var nextControlIndex: UInt32
    private var packets: UInt64 = 0
    /// Packets under all keys.
    private var sealed: UInt64 = 0
    private var lifetime: UInt64
    /// Nil where session keys were given.
    private var key: SDESKey?
    /// Keys before this one, and packets under each.
    private var former: [(key: SDESKey, packets: UInt64)] = []

    /// Begins with our key, as the answer or offer tells it to the peer.
    ///
    /// - Parameter history: What the call's other streams, also those that have ended, have sent under the key: none of
    ///   their numbers is used again.
    public init(
        _ key: SDESKey, maximumSources: Int = SRTPReceiver.defaultMaximumSources, history: KeyHistory = KeyHistory()
    ) throws(SRTPError) {
        try self.init(
            key.suite, media: key.sessionKeys(.media), control: key.sessionKeys(.control), identifier: key.mki,
            maximumSources: maximumSources)
        lifetime = key.lifetime ?? .max
        self.key = key
        resume(history.sent(under: key))
    }

    /// Notes what has been sent under each key, for whoever comes after. Under a former one no number was used that is
    /// above those in use now.
    public func remember(in history: inout KeyHistory) {
        guard let key else { return }
        for entry in former + [(key: key, packets: packets)] {
            history.note(
                SentUnderKey(
                    key: entry.key, packets: entry.packets, sources: sources, retired: retired,
                    nextControlIndex: nextControlIndex))
        }
    }

    private mutating func resume(_ known: SentUnderKey?) {
        guard let known else { return }
        packets = max(packets, known.packets)
        nextControlIndex = max(nextControlIndex, known.nextControlIndex)
        retired = retired.returned()
        for source in known.sources {
            if let position = sources.firstIndex(where: { $0.ssrc == source.ssrc }) {
                if source.window.highest > sources[position].window.highest {
                    sources[position].window = source.window
                }
            } else if sources.count < maximumSources {
                sources.append(SentSource(ssrc: source.ssrc, window: source.window, last: sealed))
            } else {
                retired.add(RetiredSources.Source(ssrc: source.ssrc, highest: source.window.highest))
            }
        }
        retired.merge(known.retired, besides: Set(sources.map(\.ssrc)))
    }

    /// Begins with our master key and salt, of the sizes of the suite.
    public init(
        suite: CryptoSuite, masterKey: [UInt8], masterSalt: [UInt8], mki: MasterKeyIdentifier? = nil
    ) throws(SRTPError) {
        try self.init(SDESKey(suite: suite, masterKey: masterKey, masterSalt: masterSalt, mki: mki))
    }

    /// Begins with session keys that were derived elsewhere, or with another SRTCP index than 0.
    package init(
        _ suite: CryptoSuite, media: SessionKeys, control: SessionKeys, identifier: MasterKeyIdentifier? = nil,
        maximumSources: Int = SRTPReceiver.defaultMaximumSources, controlIndex: UInt32 = 0
    ) throws(SRTPError) {
        let mediaCipher = try SessionCipher(suite, media)
        let controlCipher = try SessionCipher(suite, control)
        self.suite = suite
        self.identifier = identifier
        self.media = mediaCipher
        self.control = controlCipher
        self.maximumSources = max(1, maximumSources)
        nextControlIndex = controlIndex
        lifetime = .max
    }

    /// Octets that ``protect(_:count:)`` appends.
    public var overhead: Int { suite.tagLength + (identifier?.octets.count ?? 0) }

    /// Octets that ``protectControl(_:count:)`` appends.
    public var controlOverhead: Int { suite.controlTagLength + 4 + (identifier?.octets.count ?? 0) }

    /// Encrypts an RTP packet in place and appends what the suite needs.
    ///
    /// Two packets of one number would share their keystream, and their difference would be the difference of their
    /// plain texts; with the AEAD suites the authentication key would follow. So a number that was used, or that is too
    /// old to know, is refused, a repetition of the very same packet included (RFC 3711 §9.1).
    ///
    /// A source beyond the bound takes the place of the one that sent nothing for longest, which may go on later above
    /// its highest number. After ``RetiredSources/capacity`` of those a new source is refused until the next key.
    ///
    /// - Parameters:
    ///   - buffer: The packet, with room for ``overhead`` octets after it.
    ///   - count: Octets of the packet.
    /// - Returns: Octets to send.
    public mutating func protect(_ buffer: UnsafeMutableRawBufferPointer, count: Int) throws(SRTPError) -> Int {
        guard let packet = buffer.baseAddress, count >= 0 else { throw .truncated(needed: 12, got: 0) }
        let total = count &+ overhead
        guard total <= buffer.count, count <= buffer.count else { throw .noRoom(needed: total, got: buffer.count) }
        guard total <= 65_535 else { throw .tooLong(count) }
        let header = try PacketHeader(packet, count: count)
        guard packets < lifetime else { throw .keyExhausted }
        let position = position(of: header.ssrc)
        let index: UInt64
        if let position {
            index = PacketIndex.guess(header.sequence, near: sources[position].window.highest)
            guard index < PacketIndex.end else { throw .keyExhausted }
            try sources[position].window.check(index)
        } else {
            index = try firstIndex(header)
        }
        try seal(packet, count: count, header, index)
        packets += 1
        sealed &+= 1
        if let position {
            sources[position].window.insert(index)
            sources[position].last = sealed
        } else {
            admit(header.ssrc, index)
        }
        return total
    }

    /// The number of the first packet of a source that has no entry, or of one that had to make room.
    private func firstIndex(_ header: PacketHeader) throws(SRTPError) -> UInt64 {
        guard let position = retired.position(of: header.ssrc) else {
            guard sources.count < maximumSources || retired.hasRoom else {
                throw .tooManySources(limit: maximumSources + RetiredSources.capacity)
            }
            return UInt64(header.sequence)
        }
        let former = retired[position]
        let index = PacketIndex.guess(header.sequence, near: former.highest)
        guard index < PacketIndex.end else { throw .keyExhausted }
        guard former.isCarried || index > former.highest else { throw .tooOld }
        return index
    }

    private mutating func admit(_ ssrc: UInt32, _ index: UInt64) {
        if let former = retired.position(of: ssrc) { retired.remove(at: former) }
        let source = SentSource(ssrc: ssrc, window: ReplayWindow(first: index), last: sealed)
        guard sources.count >= maximumSources else {
            recent = sources.count
            sources.append(source)
            return
        }
        var oldest = 0
        for position in sources.indices where sources[position].last < sources[oldest].last { oldest = position }
        retired.add(RetiredSources.Source(ssrc: sources[oldest].ssrc, highest: sources[oldest].window.highest))
        sources[oldest] = source
        recent = oldest
    }

    /// Encrypts an RTCP compound in place, RFC 3711 §3.4; as ``protect(_:count:)`` with ``controlOverhead``.
    public mutating func protectControl(_ buffer: UnsafeMutableRawBufferPointer, count: Int) throws(SRTPError) -> Int {
        guard let packet = buffer.baseAddress, count >= 0 else { throw .truncated(needed: 8, got: 0) }
        let total = count &+ controlOverhead
        guard total <= buffer.count, count <= buffer.count else { throw .noRoom(needed: total, got: buffer.count) }
        guard total <= 65_535 else { throw .tooLong(count) }
        let header = try ControlHeader(packet, count: count)
        // RFC 3711 §9.2: 2^31 SRTCP packets; the number may not come round under the same key.
        guard nextControlIndex < 0x8000_0000 else { throw .keyExhausted }
        try sealControl(packet, count: count, header, word: 0x8000_0000 | nextControlIndex)
        nextControlIndex += 1
        return total
    }

    /// Goes on with another key of our own. RFC 3711 §3.3.1: the roll-over counters keep their sequence; §3.2.1: and so
    /// does the SRTCP index. So a key that we come back to, or that `history` knows, protects no number twice.
    /// When it throws, the sender is as it was.
    public mutating func rekey(_ key: SDESKey, history: KeyHistory = KeyHistory()) throws(SRTPError) {
        let media = try SessionCipher(key.suite, key.sessionKeys(.media))
        let control = try SessionCipher(key.suite, key.sessionKeys(.control))
        self.media = media
        self.control = control
        suite = key.suite
        identifier = key.mki
        lifetime = key.lifetime ?? .max
        retired = retired.carried()
        if let before = self.key, !before.protectsLike(key) {
            if former.count >= KeyHistory.capacity { former.removeFirst() }
            former.append((key: before, packets: packets))
            packets = 0
        }
        if let place = former.firstIndex(where: { $0.key.protectsLike(key) }) {
            packets = former.remove(at: place).packets
            retired = retired.returned()
        }
        self.key = key
        resume(history.sent(under: key))
    }

    @inline(__always)
    private func seal(
        _ packet: UnsafeMutableRawPointer, count: Int, _ header: PacketHeader, _ index: UInt64
    ) throws(SRTPError) {
        let text = packet + header.length
        let end = packet + count
        if suite.isGalois {
            guard
                media.seal(
                    ssrc: header.ssrc, index: index, header: packet, headerLength: header.length, tail: nil, text: text,
                    count: count - header.length, tag: end)
            else { throw .cipherUnavailable }
            identifier?.write(to: end + suite.tagLength)
            return
        }
        let body = UnsafeMutableRawBufferPointer(start: text, count: count - header.length)
        guard media.applyKeystream(ssrc: header.ssrc, index: index, body) else { throw .cipherUnavailable }
        identifier?.write(to: end)
        media.authenticate(
            packet, count: count, rollOver: PacketIndex.rollOver(index),
            tag: end + (identifier?.octets.count ?? 0), length: suite.tagLength)
    }

    private func sealControl(
        _ packet: UnsafeMutableRawPointer, count: Int, _ header: ControlHeader, word: UInt32
    ) throws(SRTPError) {
        let text = packet + ControlHeader.length
        let end = packet + count
        let index = UInt64(word & 0x7FFF_FFFF)
        if suite.isGalois {
            guard
                control.seal(
                    ssrc: header.ssrc, index: index, header: packet, headerLength: ControlHeader.length, tail: word,
                    text: text, count: count - ControlHeader.length, tag: end)
            else { throw .cipherUnavailable }
            (end + suite.controlTagLength).storeBytes(of: word.bigEndian, as: UInt32.self)
            identifier?.write(to: end + (suite.controlTagLength + 4))
            return
        }
        let body = UnsafeMutableRawBufferPointer(start: text, count: count - ControlHeader.length)
        guard control.applyKeystream(ssrc: header.ssrc, index: index, body) else { throw .cipherUnavailable }
        end.storeBytes(of: word.bigEndian, as: UInt32.self)
        identifier?.write(to: end + 4)
        control.authenticate(
            packet, count: count + 4, rollOver: nil, tag: end + (4 + (identifier?.octets.count ?? 0)),
            length: suite.controlTagLength)
    }

    @inline(__always)
    private mutating func position(of ssrc: UInt32) -> Int? {
        if recent < sources.count, sources[recent].ssrc == ssrc { return recent }
        for position in sources.indices where sources[position].ssrc == ssrc {
            recent = position
            return position
        }
        return nil
    }
}
