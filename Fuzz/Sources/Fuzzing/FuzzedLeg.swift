import MediaCore

/// A time line, and what must hold of it after every step.
struct FuzzedLeg: ~Copyable {
    // As far as TimelinePolicy lets a sender be ahead: its steady lead, one packet, and what corrections add. Seconds.
    private static let lead: Int64 = 6
    private static let epoch: Int64 = 1_000_000_000_000
    private static let payloadTypes: [UInt8] = [0, 8, 9, 13, 101, 97, 111, 0x80]

    private var timeline: LegTimeline
    private let rate: Int64
    private var now = epoch
    private var sequence: UInt16 = 65_530
    private var timestamp: UInt32 = 0xFFFF_FF00
    private var ssrc: UInt32 = 1
    private var kind: UInt8 = 0
    private var drained: Int64 = 0
    private var lastPayload: Int64 = 0
    private var packets: UInt64 = 0
    private var accepted: UInt64 = 0
    private var previousFrontier: Int64 = 0
    private var wasAligned: Int64 = 0
    private var lastAligned = epoch
    /// The most samples that may wait behind the frontier after a drain.
    private let mostHeld: Int64
    /// Payloads that end here or before have been handed out.
    private var payloadsOutTo = Int64.min
    private var isFinished = false

    init(_ choice: UInt8) {
        var payloads = PayloadMap()
        payloads.map(101, encoding: "telephone-event", clockRate: 8_000)
        payloads.map(111, encoding: "opus", clockRate: 48_000)
        let formats: [TimelineFormat] = [
            .narrowband, .wideband, .verbatim, .statistics, TimelineFormat(sampleRate: 16_000, payload: true),
        ]
        let format = formats[Int(choice) % formats.count]
        var policy = TimelinePolicy()
        policy.redactsDigits = choice & 0x40 != 0
        // What is kept, or what concealment looks back on, if that is more (PCMOutput).
        let delay = policy.redactionDelay * Int64(format.sampleRate) / 8_000
        mostHeld = policy.redactsDigits ? max(delay, 780) : 0
        timeline = LegTimeline(epoch: Self.epoch, payloads: payloads, format: format, policy: policy)
        rate = Int64(format.sampleRate)
    }

    mutating func step(_ reader: inout InputReader) {
        switch reader.octet() % 12 {
        case 0: packet(&reader)
        case 1: wait(Int64(reader.octet()) * 1_000_000)
        case 2:
            sequence &+= UInt16(reader.octet())
            timestamp &+= UInt32(reader.octet())
        case 3: timestamp = reader.word32()
        case 4: sequence &-= UInt16(reader.octet())
        case 5: timestamp &-= UInt32(reader.octet()) * 80
        case 6: sequence = reader.word16()
        case 7: ssrc = UInt32(reader.octet())
        case 8: wait(Int64(reader.octet()) * 50_000_000)
        case 9: kind = Self.payloadTypes[Int(reader.octet()) % Self.payloadTypes.count]
        case 10: senderReport(&reader)
        default: align(Int64(Int8(bitPattern: reader.octet())) * 16)
        }
    }

    private mutating func packet(_ reader: inout InputReader) {
        sequence &+= UInt16(reader.octet() & 3)
        timestamp &+= UInt32(reader.octet()) * (kind == 111 ? 6 : 1)
        let source = ssrc &+ UInt32(reader.octet() & 1)
        let count = Int(reader.octet()) * (kind == 8 ? 12 : 1)
        var datagram: [UInt8] = [0x80, kind]
        datagram.append16(sequence)
        datagram.append32(timestamp)
        datagram.append32(source)
        datagram += [UInt8](repeating: reader.octet(), count: count)
        guard let header = try? RTPHeader(parsing: datagram.span.bytes) else { return }
        let before = timeline.statistics
        let reception = timeline.receive(header, datagram.span.bytes, arrival: now)
        packets += 1
        var counted = timeline.statistics
        if case .discarded = reception {
            counted.packets = before.packets
            counted.octets = before.octets
            require(counted != before, "a packet was discarded, and no counter says so")
        } else {
            accepted += 1
        }
        check()
    }

    private mutating func wait(_ nanoseconds: Int64) {
        now += nanoseconds
        timeline.advance(to: now)
        check()
    }

    private mutating func senderReport(_ reader: inout InputReader) {
        var compound: [UInt8] = [0x80, 200, 0, 6]
        compound.append32(ssrc)
        compound.append32(reader.word32())
        compound.append32(0)
        compound.append32(timestamp &+ UInt32(reader.octet()))
        compound.append32(1)
        compound.append32(160)
        timeline.receiveRTCP(compound.span.bytes, arrival: now)
        check()
    }

    /// As the engine does: not more often than reports come.
    private mutating func align(_ samples: Int64) {
        guard now - lastAligned >= 5_000_000_000 else { return }
        lastAligned = now
        if timeline.align(by: samples) { wasAligned += abs(samples) }
        check()
    }

    private mutating func check() {
        var frontier = timeline.frontier
        if isPlanted, timeline.statistics.reordered == 3 { frontier -= 1 }
        require(frontier >= previousFrontier, "the frontier went back from \(previousFrontier) to \(frontier)")
        previousFrontier = frontier
        let clock = timeline.samples(at: now)
        require(
            frontier <= clock + Self.lead * rate + wasAligned,
            "the frontier is \((frontier - clock) * 1_000 / rate) ms ahead of the clock")
        drain()
        let statistics = timeline.statistics
        require(
            statistics.packets + statistics.refusedSources == packets,
            "\(packets) packets came; \(statistics.packets) are counted, \(statistics.refusedSources) refused")
        let unused = statistics.duplicates + statistics.malformed + statistics.refusedSources
        require(unused <= packets - accepted, "\(unused) packets were not used, \(packets - accepted) were discarded")
        let silent = Int64(clamping: statistics.lostSamples) + Int64(clamping: statistics.silenceSamples)
        require(
            silent <= frontier + abs(statistics.driftCorrection) + wasAligned + Self.lead * rate,
            "\(silent) samples of silence in a line of \(frontier)")
        require(statistics.concealedSamples + statistics.recoveredSamples <= statistics.lostSamples, "\(statistics)")
    }

    private mutating func drain() {
        timeline.drain { drained += Int64($0.count) }
        if timeline.format.audio {
            // Where keys are silenced, the newest samples are held back, since a key is told of after it began.
            let held = timeline.frontier - drained
            require(
                held >= 0 && held <= mostHeld,
                "\(drained) samples were handed out, the frontier is \(timeline.frontier)")
            require(mostHeld > 0 || timeline.pendingSamples == 0, "\(timeline.pendingSamples) samples are left")
        } else {
            require(drained == 0, "\(drained) samples of a line without audio")
        }
        let frontier = timeline.frontier
        var latest = lastPayload
        // The clock's correction may take samples out under a payload that has been placed, one packet's at most.
        let slack = 300 * rate / 1_000
        let out = payloadsOutTo
        timeline.drainPayloads { position, length, type, payload in
            require(position >= latest && length >= 0, "a payload at \(position) comes after one at \(latest)")
            require(position + length <= frontier + slack, "a payload ends at \(position + length) behind \(frontier)")
            require(payload.byteCount <= 4_000 && type < 128, "a payload of \(payload.byteCount) octets, type \(type)")
            require(
                position + length > out, "a payload that ends at \(position + length) was held longer than to \(out)")
            latest = position
        }
        require(latest == lastPayload || timeline.format.payload, "payloads of a line without them")
        lastPayload = latest
        if mostHeld > 0, !isFinished {
            // Held back with the samples beside them, and no longer.
            payloadsOutTo = max(payloadsOutTo, frontier - mostHeld - slack)
        } else {
            require(timeline.pendingPayloads == 0, "drained, and \(timeline.pendingPayloads) payloads are left")
        }
    }

    mutating func finish() {
        let end = now + 1_000_000_000
        isFinished = true
        var calls = 0
        while !timeline.finish(at: end) {
            drain()
            calls += 1
            require(calls < 20_000, "finish does not come to an end")
        }
        drain()
        require(timeline.frontier >= timeline.samples(at: end), "the line ends before the call does")
    }
}
