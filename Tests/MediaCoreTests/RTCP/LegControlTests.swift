import MediaCore
import Testing

@Suite("A leg's RTCP: what it learns and what it tells")
struct LegControlTests {
    static let second: Int64 = 1_000_000_000
    static let name = Array("c0ffee".utf8)

    /// NTP time of an instant of the monotonic clock: any constant apart, as long as both run alike.
    static func ntp(_ now: Int64) -> UInt64 { NetworkTime.ntp(unixNanoseconds: 1_790_000_000 * second + now) }

    static func block(_ ssrc: UInt32, last: UInt32 = 0, delay: UInt32 = 0) -> RTCPReportBlock {
        RTCPReportBlock(
            ssrc: ssrc, fractionLost: 32, cumulativeLost: 7, highestSequence: 1_000, jitter: 80,
            lastSenderReport: last, delaySinceLastSenderReport: delay)
    }

    static func packetTypes(_ bytes: [UInt8]) -> [UInt8] {
        var types: [UInt8] = []
        var offset = 0
        while let header = RTCPPacketHeader(in: bytes.span.bytes, at: offset) {
            types.append(header.packetType)
            offset = header.end
        }
        return offset == bytes.count ? types : []
    }

    @Test("The round trip of a sender is arrival − LSR − DLSR", arguments: [0, 500, 20_000, 180_000] as [Int64])
    func roundTripOfSender(microseconds: Int64) {
        var control = LegControl(ssrc: 1, canonicalName: Self.name)
        var out: [UInt8] = []
        let sent = SentMedia(ssrc: 1, timestamp: 160, packets: 1, octets: 160)
        control.report(now: 5 * Self.second, ntp: Self.ntp(5 * Self.second), blocks: [], sent: sent, into: &out)
        guard case .senderReport(let report)? = elements(out).list.first else {
            Issue.record("no sender report")
            return
        }
        #expect(report.timestamp == 160 && report.packets == 1 && report.octets == 160)
        // The peer answers two seconds later.
        let answer = Self.block(1, last: NetworkTime.middle(report.ntp), delay: 2 << 16)
        var back: [UInt8] = []
        RTCPCompound.appendReceiverReport(from: 9, reports: [answer], canonicalName: Self.name, to: &back)
        control.receive(back.span.bytes, arrival: 7 * Self.second + microseconds * 1_000)
        let measured = control.roundTripMicroseconds ?? .max
        #expect(measured == UInt64(microseconds) && control.shortestRoundTripMicroseconds == measured)
        #expect(control.remote.fractionLost == 0.125 && control.remote.cumulativeLost == 7)
        #expect(control.remote.jitterMicroseconds(clockRate: 8_000) == 10_000)
        #expect(control.remote.lastReport == 7 * Self.second + microseconds * 1_000)
    }

    @Test("Two legs that only receive measure the round trip by reference time and echo, RFC 3611 §4.4, §4.5")
    func roundTripOfReceivers() {
        var one = LegControl(ssrc: 1, canonicalName: Self.name)
        var two = LegControl(ssrc: 2, canonicalName: Self.name)
        var out: [UInt8] = []
        let path: Int64 = 15_000_000
        one.report(now: 0, ntp: Self.ntp(0), blocks: [], sent: nil, into: &out)
        #expect(Self.packetTypes(out) == [201, 202, 207])
        two.receive(out.span.bytes, arrival: path)
        // The other clock is ten minutes off: it does not matter.
        let later = 3 * Self.second
        two.report(now: later, ntp: Self.ntp(later + 600 * Self.second), blocks: [], sent: nil, into: &out)
        one.receive(out.span.bytes, arrival: later + path)
        let measured = one.roundTripMicroseconds ?? 0
        #expect(abs(Int64(measured) - 30_000) <= 20, "\(measured) µs")
    }

    @Test(
        "What cannot be a round trip is refused and counted",
        arguments: [
            (0x1234_5678, 0),  // a report that was never sent
            (0, UInt32.max),  // a delay of 18 hours: negative
            (0, 3 << 16),  // answered before it was asked
        ] as [(UInt32, UInt32)])
    func refusedRoundTrips(last: UInt32, delay: UInt32) {
        var control = LegControl(ssrc: 1, canonicalName: Self.name)
        var out: [UInt8] = []
        let sent = SentMedia(ssrc: 1, timestamp: 0, packets: 1, octets: 1)
        control.report(now: 0, ntp: Self.ntp(0), blocks: [], sent: sent, into: &out)
        let named = last == 0 ? NetworkTime.middle(Self.ntp(0)) : last
        var back: [UInt8] = []
        RTCPCompound.appendReceiverReport(
            from: 9, reports: [Self.block(1, last: named, delay: delay)], canonicalName: [], to: &back)
        control.receive(back.span.bytes, arrival: 2 * Self.second)
        #expect(control.roundTripMicroseconds == nil && control.counters.refusedRoundTrips == 1)
        // More than a minute is no round trip either; the answer itself is read.
        back.removeAll()
        RTCPCompound.appendReceiverReport(
            from: 9, reports: [Self.block(1, last: NetworkTime.middle(Self.ntp(0)))], canonicalName: [], to: &back)
        control.receive(back.span.bytes, arrival: 61 * Self.second)
        #expect(control.roundTripMicroseconds == nil && control.remote.reports == 2)
    }

    @Test("A delay that the peer rounds up by less than a millisecond is no negative round trip but none")
    func roundedDelay() {
        var control = LegControl(ssrc: 1, canonicalName: Self.name)
        var out: [UInt8] = []
        let sent = SentMedia(ssrc: 1, timestamp: 0, packets: 1, octets: 1)
        control.report(now: 0, ntp: Self.ntp(0), blocks: [], sent: sent, into: &out)
        var back: [UInt8] = []
        let answer = Self.block(1, last: NetworkTime.middle(Self.ntp(0)), delay: 1 << 16 + 40)
        RTCPCompound.appendReceiverReport(from: 9, reports: [answer], canonicalName: [], to: &back)
        control.receive(back.span.bytes, arrival: Self.second)
        #expect(control.roundTripMicroseconds == 0)
    }

    @Test("Blocks about others change nothing")
    func blocksAboutOthers() {
        var control = LegControl(ssrc: 1, canonicalName: Self.name)
        var back: [UInt8] = []
        RTCPCompound.appendReceiverReport(from: 9, reports: [Self.block(2)], canonicalName: [], to: &back)
        control.receive(back.span.bytes, arrival: 1)
        #expect(control.remote == RemoteQuality() && control.counters.packets == 2)
    }

    @Test("VoIP metrics about us are preferred to those about others; BYE is noted and ends nothing")
    func metricsAndGoodbye() {
        var control = LegControl(ssrc: 5, canonicalName: Self.name)
        var other = RTCPVisitTests.metrics
        other[7] = 6
        let header: [UInt8] = [0x80, 207, 0, 10, 0, 0, 0, 2]
        control.receive((header + other).span.bytes, arrival: 1)
        #expect(control.remote.voipMetrics?.ssrc == 6)
        control.receive((header + RTCPVisitTests.metrics).span.bytes, arrival: 2)
        control.receive((header + other).span.bytes, arrival: 3)
        #expect(control.remote.voipMetrics?.ssrc == 5 && control.remote.voipMetrics?.listeningMOS == 4.1)
        let before = control.hasSaidGoodbye
        #expect(!before)
        control.receive(([0x81, 203, 0, 1, 0, 0, 0, 2] as [UInt8]).span.bytes, arrival: 4)
        #expect(control.hasSaidGoodbye && control.counters.goodbyes == 1 && control.counters.malformed == 0)
    }

    @Test("SR while media was sent since the last two reports, then RR; a CNAME always (§6.4, §6.1)")
    func kindOfReport() {
        var control = LegControl(ssrc: 1, canonicalName: Self.name)
        var out: [UInt8] = []
        var kinds: [UInt8] = []
        for (tick, packets) in ([0, 10, 20, 20, 20, 20, 21, 21, 21] as [UInt32]).enumerated() {
            let sent = SentMedia(ssrc: 1, timestamp: packets * 160, packets: packets, octets: packets * 160)
            let now = Int64(tick) * 5 * Self.second
            control.report(now: now, ntp: Self.ntp(now), blocks: [Self.block(3)], sent: sent, into: &out)
            let types = Self.packetTypes(out)
            kinds.append(types.first ?? 0)
            #expect(types.dropFirst().first == 202)
            // A reference time is sent where no sender report can serve.
            #expect(types.contains(207) == (types.first == 201))
            #expect(elements(out).list.contains(.reportBlock(reporter: 1, Self.block(3))))
        }
        #expect(kinds == [201, 200, 200, 200, 201, 201, 200, 200, 201])
    }

    @Test("A bridged leg reports as the source that it relays, and counts a new one from the beginning")
    func relayedSource() {
        var control = LegControl(ssrc: 1, canonicalName: Self.name)
        var out: [UInt8] = []
        for (ssrc, packets) in [(77, 5), (77, 9), (78, 9)] as [(UInt32, UInt32)] {
            let sent = SentMedia(ssrc: ssrc, timestamp: 0, packets: packets, octets: 0)
            control.report(now: 0, ntp: Self.ntp(0), blocks: [], sent: sent, into: &out)
            guard case .senderReport(let report)? = elements(out).list.first else {
                Issue.record("no sender report")
                return
            }
            #expect(report.ssrc == ssrc && control.ssrc == ssrc)
        }
    }

    @Test(
        "Up to 40 blocks go out, those beyond 31 in a second RR, and the compound fits a datagram",
        arguments: [0, 1, 31, 32, 40, 90])
    func manyBlocks(count: Int) {
        var control = LegControl(ssrc: 1, canonicalName: Array(repeating: 0x61, count: 300))
        var out: [UInt8] = []
        let blocks = (0..<count).map { Self.block(UInt32($0)) }
        for _ in 0..<2 {
            control.report(now: 0, ntp: Self.ntp(0), blocks: blocks, sent: nil, into: &out)
            #expect(Self.packetTypes(out) == (count > 31 ? [201, 201, 202, 207] : [201, 202, 207]))
        }
        let (list, reading) = elements(out)
        #expect(reading.isWhole && out.count <= 1_400)
        let sent = list.compactMap { if case .reportBlock(_, let block) = $0 { block.ssrc } else { nil } }
        #expect(sent == (0..<UInt32(min(count, 40))).map { $0 })
    }

    @Test("The last compound is RR, SDES and BYE with its reason", arguments: ["", "a", "ab", "abc", "shut down"])
    func goodbye(reason: String) {
        var control = LegControl(ssrc: 3, canonicalName: Self.name)
        var out: [UInt8] = [1, 2, 3]
        control.goodbye(reason: Array(reason.utf8), into: &out)
        let (list, reading) = elements(out)
        #expect(Self.packetTypes(out) == [201, 202, 203] && reading.isWhole)
        #expect(list.contains(.goodbye(ssrc: 3)))
        for case .goodbyeReason(let text) in list { #expect(Array(out[text]) == Array(reason.utf8)) }
        #expect(list.contains { if case .goodbyeReason = $0 { true } else { false } } == !reason.isEmpty)
    }

    @Test("After the first report the buffer is used again, never replaced")
    func reusedBuffer() {
        var control = LegControl(ssrc: 1, canonicalName: Self.name)
        var out: [UInt8] = []
        out.reserveCapacity(1_400)
        let before = out.withUnsafeBufferPointer { $0.baseAddress }
        for tick in 0..<100 {
            let sent = SentMedia(ssrc: 1, timestamp: 0, packets: UInt32(tick), octets: 0)
            control.report(now: 0, ntp: Self.ntp(0), blocks: [Self.block(1)], sent: sent, into: &out)
        }
        #expect(out.withUnsafeBufferPointer { $0.baseAddress } == before)
    }

    @Test("No datagram traps, and no round trip is longer than a minute", arguments: [11, 12, 13])
    func hostile(seed: UInt64) {
        var random = SeededOctets(seed: seed)
        var control = LegControl(ssrc: 5, canonicalName: Self.name)
        var out: [UInt8] = []
        var longest: UInt64 = 0
        let seeds = [
            RTCPVisitTests.senderReport + RTCPVisitTests.description,
            [0x80, 207, 0, 6, 0, 0, 0, 2, 4, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0],
        ]
        for round in 0..<10_000 {
            let now = Int64(bitPattern: random.next() >> UInt64(random.next() % 64))
            if round % 10 == 0 {
                let blocks = (0..<Int(random.next() % 5)).map { Self.block(UInt32($0)) }
                let sent = SentMedia(
                    ssrc: 5, timestamp: 0, packets: UInt32(truncatingIfNeeded: random.next()), octets: .max)
                control.report(now: now, ntp: random.next(), blocks: blocks, sent: sent, into: &out)
                #expect(elements(out).reading.isWhole)
            }
            // Half of the datagrams are our own reports with a few octets changed: they name times that we know.
            let bytes = round % 2 == 0 ? random.damaged(out) : random.damaged(seeds[round / 2 % 2])
            control.receive(bytes.span.bytes, arrival: now)
            longest = max(longest, control.roundTripMicroseconds ?? 0)
        }
        #expect(longest <= 60_000_000 && control.counters.datagrams == 10_000)
    }
}
