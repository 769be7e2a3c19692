/// One direction of a bridge: what has to change in an RTP packet on its way from one leg to the other, in place.
///
/// As little as possible: source, sequence number, timestamp, marker, contributing sources, header extensions and
/// padding stay octet for octet as they came, so that the receiver's play-out buffer sees the sender itself. The payload
/// type changes where the legs gave a codec different numbers, and G.711 goes over into the other law where the receiver
/// has only that. Telephone events and comfort noise pass. Where nothing has to change, nothing is written.
///
/// ``reanchor()`` lets another sender go on where the last one stopped: then source, sequence number and timestamp
/// continue those that were sent before.
///
/// Owned by one media worker. Packets are plain RTP here: SRTP is taken off before and put on after. Allocates nothing
/// after it was made.
public struct RelayRewriter: Sendable {
    /// Counters so far.
    public internal(set) var counters = RelayCounters()

    private var plan: RelayPlan
    private var receiver: PayloadMap
    private var isAnchorPending = false
    private var anchor: RelayAnchor?
    private var stream: RelayedStream?

    /// - Parameters:
    ///   - from: what the sending leg negotiated.
    ///   - to: what the receiving leg negotiated.
    public init(from: PayloadMap, to: PayloadMap) {
        plan = RelayPlan(from: from, to: to)
        receiver = to
    }

    /// True where this payload type reaches the receiver with every octet of its payload as it came: what G.711 fax and
    /// modem tones need (ITU-T V.152).
    public func passesPayloadUntouched(_ payloadType: UInt8) -> Bool { plan[payloadType].treatment == .pass }

    /// The next packet, whoever sends it, continues the stream that went out before: same source, sequence number one
    /// higher, timestamp further by the time that went by. Nothing happens where nothing was sent yet.
    public mutating func reanchor() {
        isAnchorPending = stream != nil
    }

    /// New maps after a re-offer; the stream that is under way goes on.
    public mutating func renegotiate(from: PayloadMap, to: PayloadMap) {
        plan = RelayPlan(from: from, to: to)
        receiver = to
    }

    /// Prepares a packet for the other leg. False: it is not to be sent, and a counter says why; the datagram is
    /// then as it came.
    ///
    /// - Parameters:
    ///   - header: read from this datagram.
    ///   - datagram: the whole packet.
    ///   - now: when it came, nanoseconds of the arrival clock.
    public mutating func rewrite(_ header: RTPHeader, _ datagram: inout MutableRawSpan, at now: Int64) -> Bool {
        guard header.payload.lowerBound >= 12, header.payload.upperBound <= datagram.byteCount else {
            counters.malformed += 1
            return false
        }
        let step = plan[header.payloadType]
        guard step.treatment != .drop else {
            counters.unmapped += 1
            return false
        }
        var outgoing = header
        outgoing.payloadType = step.payloadType
        guard place(&outgoing, at: now) else {
            counters.late += 1
            return false
        }
        var isChanged = write(outgoing, over: header, in: &datagram)
        switch step.treatment {
        case .drop, .pass: break
        case .muLawToALaw:
            G711Conversion.convertToALaw(header.payload, of: &datagram)
            counters.transcoded += 1
            isChanged = true
        case .aLawToMuLaw:
            G711Conversion.convertToMuLaw(header.payload, of: &datagram)
            counters.transcoded += 1
            isChanged = true
        }
        counters.relayed += 1
        if isChanged { counters.rewritten += 1 }
        note(outgoing, at: now)
        return true
    }

    /// The same for a caller that holds its datagrams as pointers: `datagram` is valid and writable for the call.
    public mutating func rewrite(
        _ header: RTPHeader, _ datagram: UnsafeMutableRawBufferPointer, at now: Int64
    ) -> Bool {
        var span = unsafe datagram.mutableBytes
        return rewrite(header, &span, at: now)
    }

    /// What has been sent, for the sender reports of the receiving leg; nil before the first packet. The timestamp is
    /// that of `now`, further than the newest packet's by the time that went by.
    public func sentMedia(at now: Int64) -> SentMedia? { stream?.sentMedia(at: now) }

    // MARK: - Placing

    /// Moves source, numbers and marker onto the stream that is going out; false for a packet from before its anchor.
    private mutating func place(_ outgoing: inout RTPHeader, at now: Int64) -> Bool {
        if let stream, needsAnchor(outgoing.ssrc) {
            if let anchor, !isAnchorPending, anchor.isStale(outgoing.ssrc, at: now) { return false }
            anchor = RelayAnchor(
                continuing: stream, of: anchor?.incoming ?? stream.ssrc, with: outgoing, at: now)
            isAnchorPending = false
            counters.anchors += 1
            // RFC 3551 §4.1: the marker lets the receiver adapt its play-out here. At an event it would mean another.
            if receiver[outgoing.payloadType] != .telephoneEvent { outgoing.marker = true }
        }
        return anchor?.apply(to: &outgoing) ?? true
    }

    /// A stream that was anchored once is kept together for good; one that never was passes as it is.
    private func needsAnchor(_ source: UInt32) -> Bool {
        isAnchorPending || (anchor.map { $0.incoming != source } ?? false)
    }

    private mutating func note(_ outgoing: RTPHeader, at now: Int64) {
        if stream == nil || stream?.ssrc != outgoing.ssrc { stream = RelayedStream(outgoing, at: now) }
        if stream?.payloadType != outgoing.payloadType {
            stream?.adopt(outgoing.payloadType, clockRate: receiver.clockRate(outgoing.payloadType))
        }
        stream?.note(outgoing, at: now)
        anchor?.age()
    }

    // MARK: - Writing

    private func write(_ outgoing: RTPHeader, over header: RTPHeader, in datagram: inout MutableRawSpan) -> Bool {
        guard outgoing != header else { return false }
        // RFC 3550 §5.1. Marker and payload type share an octet.
        datagram.storeBytes(
            of: (outgoing.marker ? 0x80 : 0) | outgoing.payloadType, toByteOffset: 1, as: UInt8.self)
        datagram.storeBytes(of: outgoing.sequenceNumber.bigEndian, toByteOffset: 2, as: UInt16.self)
        datagram.storeBytes(of: outgoing.timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        datagram.storeBytes(of: outgoing.ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
        return true
    }
}
