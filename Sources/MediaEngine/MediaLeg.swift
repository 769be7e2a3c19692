import CMediaSockets
import MediaCore
import SecureMedia

/// A leg as its worker holds it. Everything in it is touched by that one thread only.
///
/// A datagram walks it in this order: ``admit(_:from:)`` (decrypt, parse, latch), the bridge and the forks (see
/// `MediaWorker+Relay`), ``record(_:_:arrival:)`` (time line), and every so often ``drain()`` to the taps.
struct MediaLeg: ~Copyable {
    // In order of use: what every packet touches comes first, so that it lies in few cache lines.
    private(set) var hasBegun = false
    /// The RTP port carries fax.
    private(set) var isFax: Bool
    /// Somebody wants copies of the packets.
    private(set) var hasForks = false
    var bridge = BridgeEnd()
    var latch: SourceLatch
    var security = LegSecurity()
    var timeline: LegTimeline

    // What is touched now and then.
    let id: UInt64
    /// Legs of one call have one group.
    let group: UInt64
    let sockets: LegSockets
    var taps: [AttachedTap] = []
    /// Among the worker's legs that hand in quickly.
    var isFollowed = false
    var forks: [UnsafeMutablePointer<PacketFork>] = [] {
        didSet { hasForks = !forks.isEmpty }
    }
    var parameters: LegParameters
    var control: LegControl
    /// Reads what a peer of fax sends; stays for its figures when the leg returns to audio.
    private(set) var fax: FaxRelay?
    /// Figures of taps and forks that are gone.
    var formerTaps: [TapReport] = []
    /// Where media came from before the newest offer. Behind NAT only the port is another one then.
    private var formerSource: MediaAddress?
    private var foreign: UInt64 = 0
    private var malformed: UInt64 = 0
    /// What the counters that go on had reached when the leg began anew.
    private var restart = LegReport.Ongoing()

    struct AttachedTap {
        let number: UInt64
        let tap: any LegTap
    }

    init(_ setup: LegSetup, policy: TimelinePolicy, following former: UnsafeMutablePointer<MediaLeg>? = nil) {
        id = setup.id
        group = setup.group
        sockets = setup.sockets
        parameters = setup.parameters
        timeline = setup.parameters.timeline(from: setup.epoch, policy)
        latch = SourceLatch(
            offered: setup.parameters.remote, signalling: setup.parameters.signalling,
            mode: setup.parameters.latchMode)
        control = LegControl(ssrc: setup.ssrc, canonicalName: Array("earshot".utf8))
        if let tap = setup.tap { taps.append(AttachedTap(number: 0, tap: tap)) }
        if let former { security.follow(former.pointee.security) }
        security.use(
            receiving: setup.parameters.receiving, sending: setup.parameters.sending,
            memory: setup.parameters.keyMemory)
        isFax = setup.parameters.isFax
        fax = isFax ? FaxRelay() : nil
    }

    deinit {
        for fork in forks {
            fork.deinitialize(count: 1)
            fork.deallocate()
        }
    }

    /// A new offer for the leg. The latch opens again, except for an encrypted leg, where keys and not addresses tell
    /// who is who.
    mutating func change(to new: LegParameters) {
        security.use(receiving: new.receiving, sending: new.sending, memory: new.keyMemory)
        if latch.hasLearned { formerSource = latch.current }
        parameters = new
        timeline.payloads = new.payloads
        latch.renew(offered: new.remote, signalling: new.signalling, mode: new.latchMode)
        isFax = new.isFax
        if isFax, fax == nil { fax = FaxRelay() }
    }

    /// A new recording with the same peer: what is known of its source, its keys and its reports goes on.
    mutating func restart(_ restart: LegRestart, policy: TimelinePolicy, truncated: UInt64) {
        var reached = ongoing
        reached.truncated = truncated
        self.restart = reached
        change(to: restart.parameters)
        timeline = restart.parameters.timeline(from: restart.epoch, policy)
        taps.removeAll { $0.number == 0 }
        if let tap = restart.tap { taps.insert(AttachedTap(number: 0, tap: tap), at: 0) }
        hasBegun = false
    }

    /// What the other leg of the bridge takes of what this one sends, `T38FaxMaxDatagram` (T.38 Annex D).
    mutating func limitFax(to receiver: LegParameters.Transport) {
        guard case .udptl(let maximum) = receiver else {
            fax?.maximumDatagram = nil
            return
        }
        fax?.maximumDatagram = maximum.flatMap { $0 > 0 ? $0 : nil }
    }

    /// What a datagram of the RTP port turned out to be.
    enum Admission {
        /// Counted, and nothing else.
        case refused
        case media(RTPHeader, octets: Int)
        case control(octets: Int)
        case fax
    }

    /// Decides whether a datagram belongs to the leg, and decrypts it in place. Nothing but counters changes before a
    /// packet is known to be authentic (on encrypted legs) and to come from where the leg's media may come from.
    mutating func admit(_ datagram: UnsafeMutableRawBufferPointer, from sender: MediaAddress) -> Admission {
        if isFax { return admitFax(datagram, from: sender) }
        let octets = UnsafeRawBufferPointer(datagram).bytes
        // RFC 5761 §4: on a shared port the second octet tells RTCP from RTP. A peer that sends RTCP here without
        // having offered it is understood all the same.
        if RTPHeader.isRTCP(octets) {
            return admitControl(datagram, from: sender).map { .control(octets: $0) } ?? .refused
        }
        var count = datagram.count
        if security.isReceiving {
            guard
                let plain = security.unprotect(
                    datagram, isControl: false, from: origin(of: sender))
            else { return .refused }
            count = plain
        }
        let header: RTPHeader
        do throws(RTPParseError) {
            header = try RTPHeader(parsing: octets.extracting(first: count))
        } catch {
            malformed += 1
            return .refused
        }
        guard latch.accept(sender) else { return .refused }
        begin()
        return .media(header, octets: count)
    }

    private mutating func admitFax(
        _ datagram: UnsafeMutableRawBufferPointer, from sender: MediaAddress
    ) -> Admission {
        let octets = UnsafeRawBufferPointer(datagram).bytes
        let packet: UDPTLPacket
        // Only what is UDPTL teaches where fax comes from, as only RTP teaches where media comes from.
        do throws(UDPTLParseError) {
            packet = try UDPTLPacket(parsing: octets)
        } catch {
            malformed += 1
            fax?.noteMalformed()
            return .refused
        }
        guard latch.accept(sender) else { return .refused }
        begin()
        guard fax?.receive(packet, octets) == .forward else {
            bridge.refused += 1
            return .refused
        }
        return .fax
    }

    /// Octets of the plain compound, or nil where it is refused.
    mutating func admitControl(_ datagram: UnsafeMutableRawBufferPointer, from sender: MediaAddress) -> Int? {
        if security.isReceiving { return security.unprotect(datagram, isControl: true, from: .source) }
        guard let source = latch.current, sender.hasHost(of: source) else {
            foreign += 1
            return nil
        }
        return datagram.count
    }

    private func origin(of sender: MediaAddress) -> LegSecurity.Origin {
        let current = latch.current
        if sender == current { return .source }
        // After an offer that names an address which nobody can reach, the one that was heard before it.
        if let formerSource, sender.hasHost(of: formerSource) { return .source }
        if let current, sender.hasHost(of: current) { return .host }
        if let signalling = parameters.signalling, sender.hasHost(of: signalling) { return .host }
        return .elsewhere
    }

    private mutating func begin() {
        guard !hasBegun else { return }
        hasBegun = true
        observe(.mediaBegan)
    }

    /// Puts an admitted packet on the leg's time line.
    mutating func record(_ header: RTPHeader, _ packet: RawSpan, arrival: Int64) {
        switch timeline.receive(header, packet, arrival: arrival) {
        case .accepted, .discarded, .eventBegan: break
        case .eventEnded(let event, let milliseconds, let position):
            guard !parameters.redactsDigits else { break }
            observe(.digit(event, milliseconds: milliseconds, position: position))
        }
    }

    mutating func recordControl(_ compound: RawSpan, arrival: Int64) {
        timeline.receiveRTCP(compound, arrival: arrival)
        control.receive(compound, arrival: arrival)
    }

    /// Apart from what packets pass through, so that its reference counts are not taken for theirs.
    @inline(never)
    private func observe(_ event: LegEvent) {
        for attached in taps { attached.tap.observe(event) }
    }

    /// Whether somebody waits for what a tap gets.
    mutating func hasFollowedTap() -> Bool {
        for index in taps.indices where taps[index].tap.isFollowed { return true }
        return false
    }

    /// Hands what the time line has produced to every tap.
    mutating func drain() {
        security.renewAttempts()
        // Read before the time line is borrowed.
        let taps = taps
        timeline.drain { samples in
            for index in taps.indices { taps[index].tap.append(samples) }
        }
        guard parameters.format.payload else { return }
        timeline.drainPayloads { position, length, payloadType, payload in
            for index in taps.indices {
                taps[index].tap.append(payload: payload, payloadType: payloadType, at: position, length: length)
            }
        }
    }

    /// Where reports go; nil while nobody has sent anything.
    var controlDestination: MediaAddress? {
        guard hasBegun, !isFax, var destination = latch.current else { return nil }
        if let explicit = parameters.remoteRTCP { return explicit }
        guard !parameters.isMultiplexed else { return destination }
        guard destination.port < .max else { return nil }
        destination.port += 1
        return destination
    }

    /// Counters that a restart does not set back.
    private var ongoing: LegReport.Ongoing {
        LegReport.Ongoing(
            foreign: foreign + latch.refused, malformed: malformed,
            kernelDrops: UInt64(media_socket_drops(sockets.rtp)), unauthenticated: security.refused)
    }

    /// - Parameter truncated: Datagrams of the leg's sockets that were too long, since they were added.
    mutating func snapshot(now: Int64, truncated: UInt64) -> LegReport {
        var statistics = timeline.snapshot(at: now)
        var counted = ongoing
        counted.truncated = truncated
        let since = counted.since(restart)
        statistics.foreign += since.foreign
        statistics.malformed += since.malformed
        statistics.kernelDrops = since.kernelDrops
        var report = LegReport(
            id: id, samples: timeline.frontier, statistics: statistics, lastArrival: timeline.lastArrival)
        report.unauthenticated = since.unauthenticated
        report.truncated = since.truncated
        report.fax = fax?.counters
        report.evictedSources = security.evictedSources
        report.isPastKeyLifetime = security.isPastLifetime
        report.unheard = UInt64(security.unheard)
        report.unheardAgain = UInt64(security.unheardAgain)
        report.remote = control.remote
        report.relayed = bridge.sent
        report.relayRefused = bridge.refused + security.unprotected
        report.roundTripMicroseconds = control.roundTripMicroseconds
        report.taps =
            formerTaps
            + taps.map { TapReport(id: TapID(leg: id, number: $0.number), sent: 0, dropped: $0.tap.dropped) }
            + forks.map { $0.pointee.report(leg: id) }
        // What is not decoded is not heard, either.
        let heard = statistics.packets > statistics.undecodable
        if heard, !report.isDeaf {
            let unheard = Double(statistics.undecodable) / Double(max(1, statistics.expected))
            report.meanOpinionScore = QualityModel.mos(
                lossFraction: min(1, statistics.missingFraction + unheard), burstRatio: statistics.burstRatio,
                jitterMicroseconds: statistics.jitterMicroseconds,
                roundTripMicroseconds: report.roundTripMicroseconds, kind: timeline.audioKind)
        }
        return report
    }
}

extension LegParameters {
    fileprivate var isFax: Bool { transport != .rtp }

    fileprivate func timeline(from epoch: Int64, _ policy: TimelinePolicy) -> LegTimeline {
        var policy = policy
        policy.redactsDigits = redactsDigits
        // Who has the key is the peer, whatever it calls itself.
        policy.trustsSources = receiving != nil
        return LegTimeline(epoch: epoch, payloads: payloads, format: format, policy: policy)
    }
}
