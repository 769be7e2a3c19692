import CPacedSender
import Glibc
import MediaCore
import Testing

@testable import RecordingClient

@Suite("Packets leave in order, at their deadlines, with the right numbers", .serialized)
struct PacedSenderTests {
    /// Samples that say where they are.
    static func ramp(_ count: Int) -> [Int16] { (0..<count).map { Int16(truncatingIfNeeded: $0 &* 37) } }

    @Test("Sequence numbers, timestamps, marker and payload of two streams, which start together")
    func sendsInOrder() async throws {
        let sender = try PacedSender(packetTime: 20)
        let receivers = [try LoopbackReceiver(), try LoopbackReceiver()]
        let voices = [SpeechCodec.pcmu, .pcma].map { EncodedSpeech(Self.ramp(160 * 30), codec: $0) }
        let streams = try zip(receivers, voices).map { try $0.makeStream($1) }
        let began = paced_clock_monotonic()
        let result = await sender.play(streams, packets: 30)
        let took = Double(paced_clock_monotonic() - began) / 1e6
        #expect(result.packetsSent == 60)
        #expect(result.isComplete)
        // No upper bound: a busy machine delays everything.
        #expect(took >= 599, "30 packets take 600 ms: \(took)")
        for (index, receiver) in receivers.enumerated() {
            let packets = try await receiver.collect(30)
            try #require(packets.count == 30)
            let first = packets[0]
            #expect(first.sequence == streams[index].firstSequence)
            #expect(first.timestamp == streams[index].firstTimestamp)
            for (number, packet) in packets.enumerated() {
                #expect(packet.bytes[0] == 0x80)
                #expect(packet.marker == (number == 0))
                #expect(packet.type == (index == 0 ? 0 : 8))
                #expect(packet.sequence == first.sequence &+ UInt16(number))
                #expect(packet.timestamp == first.timestamp &+ UInt32(number * 160))
                #expect(packet.ssrc == streams[index].ssrc)
                let samples = Array(Self.ramp(160 * 30)[(number * 160)..<(number * 160 + 160)])
                #expect(packet.payload.elementsEqual(voices[index].codec.encode(samples)))
            }
        }
    }

    @Test("Numbers wrap, and audio that is shorter than the call repeats")
    func wraps() async throws {
        let sender = try PacedSender(packetTime: 10)
        let receiver = try LoopbackReceiver()
        var stream = try receiver.makeStream(EncodedSpeech(Self.ramp(80 * 3), codec: .pcmu))
        stream.firstSequence = 65_534
        stream.firstTimestamp = .max - 79
        let result = await sender.play([stream], packets: 7)
        #expect(result.packetsSent == 7)
        let packets = try await receiver.collect(7)
        #expect(packets.map(\.sequence) == [65_534, 65_535, 0, 1, 2, 3, 4])
        #expect(packets.map(\.timestamp) == [.max - 79, 0, 80, 160, 240, 320, 400])
        try #require(packets.count == 7)
        #expect(packets[0].payload == packets[3].payload)
        #expect(packets[1].payload == packets[4].payload)
        #expect(packets[0].payload != packets[1].payload)
    }

    @Test("Real deadlines: no packet leaves before its time, and one that was late does not delay those after it")
    func keepsTime() async throws {
        let sender = try PacedSender(packetTime: 20)
        let receiver = try LoopbackReceiver()
        let stream = try receiver.makeStream(EncodedSpeech(Self.ramp(160), codec: .pcmu))
        let began = paced_clock_monotonic()
        async let result = sender.play([stream], packets: 50)
        let packets = try await receiver.collect(50)
        #expect(await result.packetsSent == 50)
        try #require(packets.count == 50)
        // How late each was, as far as its reader can tell.
        let late = packets.indices.map { Double(packets[$0].arrival - began) / 1e6 - Double($0) * 20 }
        #expect(late.allSatisfy { $0 >= 0 })
        // A busy machine delays single packets; deadlines that crept would delay all that follow.
        let first = try #require(late.prefix(25).min())
        let last = try #require(late.suffix(25).min())
        #expect(last - first < 240)
        #expect(sender.statistics.lateP50 != nil)
    }

    @Test("Calls that start together are spread over the packet time")
    func spreads() async throws {
        let sender = try PacedSender(packetTime: 20)
        let receivers = try (0..<20).map { _ in try LoopbackReceiver() }
        let voice = EncodedSpeech(Self.ramp(160), codec: .pcmu)
        let streams = try receivers.map { try $0.makeStream(voice) }
        try await withThrowingTaskGroup(of: PacedResult.self) { group in
            for stream in streams { group.addTask { await sender.play([stream], packets: 10) } }
            for try await result in group { #expect(result.packetsSent == 10) }
        }
        for receiver in receivers { #expect(try await receiver.collect(10).count == 10) }
    }

    @Test("A cancelled call stops, says goodbye in RTCP, and others go on")
    func cancels() async throws {
        let sender = try PacedSender(packetTime: 20)
        let receivers = [try LoopbackReceiver(), try LoopbackReceiver()]
        let voice = EncodedSpeech(Self.ramp(160), codec: .pcmu)
        let first = try receivers[0].makeStream(voice)
        let second = try receivers[1].makeStream(voice)
        let endless = Task { await sender.play([first], packets: 100_000) }
        async let short = sender.play([second], packets: 20)
        var heard = try await receivers[0].collect(5).count
        endless.cancel()
        let stopped = await endless.value
        #expect(!stopped.isComplete)
        #expect((5..<100_000).contains(stopped.packetsSent))
        #expect(await short.isComplete)
        heard += try await receivers[0].collect(stopped.packetsSent - heard).count
        #expect(heard == stopped.packetsSent)
        let report = try #require(receivers[0].drainReports().last)
        var kinds: [RTCPFinding] = []
        var offset = 0
        while let (finding, end) = RTCPCompound.next(in: report.span.bytes, at: offset) {
            kinds.append(finding)
            offset = end
        }
        #expect(offset == report.count)
        try #require(kinds.count == 3)
        guard case .senderReport(first.ssrc, let ntp, _) = kinds[0] else {
            Issue.record("the first packet is no sender report: \(kinds)")
            return
        }
        let seconds = Int64(ntp >> 32) - 2_208_988_800
        #expect(abs(seconds - paced_clock_realtime() / 1_000_000_000) <= 2)
        #expect(kinds[1] == .other(packetType: 202))
        #expect(kinds[2] == .goodbye(ssrc: first.ssrc))
    }

    @Test("A call cancelled before it starts ends at once")
    func cancelsEarly() async throws {
        let sender = try PacedSender()
        let receiver = try LoopbackReceiver()
        let stream = try receiver.makeStream(EncodedSpeech(Self.ramp(160), codec: .pcmu))
        let play = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await sender.play([stream], packets: 100_000)
        }
        #expect(await !play.value.isComplete)
    }

    @Test("What the receiver reports as lost comes back")
    func hearsReports() async throws {
        let sender = try PacedSender(packetTime: 20)
        let receiver = try LoopbackReceiver()
        let stream = try receiver.makeStream(EncodedSpeech(Self.ramp(160), codec: .pcmu))
        try receiver.sockets.connect(
            rtp: (LoopbackReceiver.loopback, stream.sockets.port),
            rtcp: (LoopbackReceiver.loopback, stream.sockets.port + 1))
        let block = RTCPReportBlock(
            ssrc: stream.ssrc, fractionLost: 3, cumulativeLost: 17, highestSequence: 9, jitter: 4, lastSenderReport: 0,
            delaySinceLastSenderReport: 0)
        var report: [UInt8] = []
        RTCPCompound.appendReceiverReport(
            from: 5, reports: [block], canonicalName: Array("server".utf8), to: &report)
        _ = paced_send_datagram(receiver.sockets.rtcp, report, report.count)
        #expect(await sender.play([stream], packets: 5).reportedLost == 17)
    }

    @Test("A closed port is noticed and told apart from loss")
    func noticesClosedPort() async throws {
        let sender = try PacedSender(packetTime: 10)
        var receiver: LoopbackReceiver? = try LoopbackReceiver()
        let stream = try #require(try receiver?.makeStream(EncodedSpeech(Self.ramp(80), codec: .pcmu)))
        receiver = nil
        let result = await sender.play([stream], packets: 10)
        #expect(result.refusals > 0)
        #expect(result.packetsSent == 10)
    }

    @Test("RTP ports are even, RTCP is next to them, and none is given twice")
    func opensPairs() throws {
        let pairs = try (0..<200).map { _ in try RTPSocketPair(local: LoopbackReceiver.loopback) }
        #expect(Set(pairs.map(\.port)).count == 200)
        #expect(pairs.allSatisfy { $0.port % 2 == 0 })
    }

    @Test("Packet times that cannot be sent are refused", arguments: [0, 9, 61, -20])
    func refusesPacketTime(_ time: Int) {
        #expect(throws: PacedSenderError.self) { try PacedSender(packetTime: time) }
    }
}

@Suite("Small parts of the sender")
struct SenderPartsTests {
    @Test("The histogram's percentiles are within its step of the true ones")
    func countsLateness() throws {
        var histogram = LatenessHistogram()
        #expect(histogram.percentile(0.5) == nil)
        for microseconds in 1...10_000 { histogram.add(Int64(microseconds) * 1000) }
        #expect(abs(try #require(histogram.percentile(0.5)) - 5) < 0.35)
        #expect(abs(try #require(histogram.percentile(0.99)) - 9.9) < 0.7)
        histogram.add(.max)
        histogram.add(-5)
        #expect(histogram.total == 10_002)
    }

    @Test("Receiver reports are read; rubbish is not")
    func readsReports() {
        var report: [UInt8] = []
        RTCPCompound.appendReceiverReport(
            from: 1,
            reports: [
                RTCPReportBlock(
                    ssrc: 7, fractionLost: 0, cumulativeLost: 1, highestSequence: 0, jitter: 2, lastSenderReport: 0,
                    delaySinceLastSenderReport: 0),
                RTCPReportBlock(
                    ssrc: 8, fractionLost: 0, cumulativeLost: -3, highestSequence: 0, jitter: 9, lastSenderReport: 0,
                    delaySinceLastSenderReport: 0),
            ], canonicalName: [], to: &report)
        #expect(SenderReport.reception(of: 8, in: report[...])?.lost == -3)
        #expect(SenderReport.reception(of: 8, in: report[...])?.jitter == 9)
        #expect(SenderReport.reception(of: 9, in: report[...]) == nil)
        for length in 0..<32 { #expect(SenderReport.reception(of: 8, in: report.prefix(length)) == nil) }
    }

    @Test("Voices of one conversation are made equally long, in whole packets")
    func alignsVoices() throws {
        let long = try WaveAudio(
            parsing: WaveBytes.file(WaveBytes.format(), WaveBytes.chunk("data", [UInt8](repeating: 1, count: 642))),
            path: "")
        let short = try WaveAudio(parsing: WaveBytes.file(WaveBytes.format(), WaveBytes.three), path: "")
        let voices = EncodedSpeech.conversation([long, short], codec: .pcma, packetTime: 20)
        #expect(voices.map(\.count) == [480, 480])
        #expect(voices[1].bytes[400] == G711.compressALaw(0))
    }

    @Test("A voice in G.722 has an octet for each of its samples, and is what it was")
    func encodesWideband() throws {
        // 440 Hz.
        let samples = (0..<1600).map { Int16(8000 * sin(Double($0) * 2 * .pi * 440 / 8000)) }
        let octets = SpeechCodec.g722.encode(samples)
        #expect(octets.count == samples.count)
        var decoded = [Int16](repeating: 0, count: samples.count * 2)
        var decoder = G722Decoder()
        var output = decoded.mutableSpan
        #expect(decoder.decode(octets.span.bytes, into: &output) == samples.count * 2)
        func loudness(_ part: some Collection<Int16>) -> Double {
            (part.reduce(0) { $0 + Double($1) * Double($1) } / Double(part.count)).squareRoot()
        }
        let ratio = loudness(decoded[800...]) / loudness(samples[400...])
        #expect(abs(ratio - 1) < 0.1, "as loud as before: \(ratio)")
        #expect(EncodedSpeech(samples, codec: .g722, count: 2000).count == 2000)
    }

    @Test(
        "Times are written as RFC 3339",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ])
    func writesTimes(_ seconds: Int64, _ text: String) {
        #expect(DateText.utc(nanoseconds: seconds * 1_000_000_000) == text)
    }
}
