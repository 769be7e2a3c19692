import MediaCore
import Testing

@Suite("Clock drift over two hours of virtual time")
struct ClockDriftTests {
    /// A loud frame every ten seconds marks the sender's wall clock; everything else is a hum that is not quiet.
    private func marks(partsPerMillion: Double, seed: UInt64) -> (sent: [Int64], found: [Int64], skew: Double) {
        var line = LegTimeline(epoch: 0, payloads: PayloadMap())
        var generator = SeededGenerator(seed: seed)
        let hum = [UInt8](repeating: G711.compressMuLaw(400), count: 160)
        let mark = [UInt8](repeating: G711.compressMuLaw(20_000), count: 160)
        var packet = SentPacket(
            time: 0, sequence: 0, timestamp: 0, ssrc: 9, payloadType: 0, payload: hum, position: 0, audio: [])
        let frameTime = 20_000_000 / (1 + partsPerMillion / 1_000_000)
        let frames = 2 * 3_600 * 50
        var sent: [Int64] = []
        var found: [Int64] = []
        var drained: Int64 = 0
        var inMark = false
        for index in 0..<frames {
            let isMark = index % 500 == 250
            packet.payload = isMark ? mark : hum
            let spoken = Double(index) * frameTime
            if isMark { sent.append(Int64(spoken / 125_000)) }
            let arrival = Int64(spoken) + 20_000_000 + Int64.random(in: 0...8_000_000, using: &generator)
            let bytes = packet.datagram
            if let header = try? RTPHeader(parsing: bytes.span.bytes) {
                _ = line.receive(header, bytes.span.bytes, arrival: arrival)
            }
            packet.sequence &+= 1
            packet.timestamp &+= 160
            line.advance(to: arrival)
            line.drain { pending in
                for offset in pending.indices {
                    let loud = pending[offset] > 10_000
                    if loud, !inMark { found.append(drained + Int64(offset)) }
                    inMark = loud
                }
                drained += Int64(pending.count)
            }
        }
        return (sent, found, line.snapshot(at: Int64(Double(frames) * frameTime)).skewPartsPerMillion)
    }

    @Test("Legs at +100 and −100 ppm stay within one frame of 20 ms of each other")
    func legsStayAligned() throws {
        let fast = marks(partsPerMillion: 100, seed: 1)
        let slow = marks(partsPerMillion: -100, seed: 2)
        #expect(fast.found.count == fast.sent.count && slow.found.count == slow.sent.count)
        var worst: Int64 = 0
        for index in 0..<min(fast.found.count, slow.found.count) {
            let fastError = fast.found[index] - fast.sent[index]
            let slowError = slow.found[index] - slow.sent[index]
            worst = max(worst, abs(fastError - slowError))
        }
        #expect(worst <= 160, "the legs are at most \(Double(worst) / 8) ms apart")
        #expect(abs(fast.skew - 100) < 10, "skew is measured: \(fast.skew) ppm")
        #expect(abs(slow.skew + 100) < 10, "skew is measured: \(slow.skew) ppm")
    }
}
