import MediaCore
import SecureMedia
import Testing

/// What the network, or the sender, does to the packets whose allocations are counted. Everything comes round every
/// second (50 packets).
enum AllocationTraffic: String, CaseIterable {
    case inOrder, loss, burstLoss, disorder, duplicates, bursts, digits, reports, comfortNoise, forgeries, otherSource
    case everything

    /// Whether even code that is not optimised goes through it without an allocation.
    func isFree(_ suite: CryptoSuite?) -> Bool {
        switch self {
        case .inOrder, .bursts, .otherSource: true
        case .duplicates: suite == nil
        case .loss, .burstLoss, .disorder, .digits, .reports, .comfortNoise, .forgeries, .everything: false
        }
    }

    /// Whether the packet at `place` of its second is affected.
    fileprivate func happens(_ kind: AllocationTraffic, at place: Int, _ places: Range<Int>) -> Bool {
        (self == kind || self == .everything) && places.contains(place)
    }
}

/// A codec, and the line that it is decoded to.
struct AllocationCodec: CustomTestStringConvertible, Sendable {
    var name: String
    var payloadType: UInt8
    var format: TimelineFormat
    /// Ticks of the RTP clock in 20 ms.
    var ticks: UInt32 { payloadType == 96 ? 960 : 160 }

    var testDescription: String { "\(name) at \(format.payload ? "no rate, untouched" : "\(format.sampleRate) Hz")" }

    static let muLaw = AllocationCodec(name: "PCMU", payloadType: 0, format: .narrowband)
    private static let codecs = [("PCMU", 0), ("PCMA", 8), ("G722", 9), ("opus", 96), ("a codec nobody knows", 97)]
    static let all = codecs.flatMap { codec in
        [TimelineFormat.narrowband, .wideband, .verbatim].map {
            AllocationCodec(name: codec.0, payloadType: UInt8(codec.1), format: $0)
        }
    }

    var payloads: PayloadMap {
        var map = PayloadMap()
        map.map(0, encoding: "PCMU", clockRate: 8_000)
        map.map(8, encoding: "PCMA", clockRate: 8_000)
        map.map(9, encoding: "G722", clockRate: 8_000)
        map.map(13, encoding: "CN", clockRate: 8_000)
        map.map(96, encoding: "opus", clockRate: 48_000)
        map.map(101, encoding: "telephone-event", clockRate: payloadType == 96 ? 48_000 : 8_000)
        return map
    }

    /// Payloads of 20 ms each, which repeat.
    var frames: [[UInt8]] {
        guard payloadType == 96, var encoder = OpusEncoder(sampleRate: 16_000, bitrate: 24_000, expectedLoss: 20)
        else {
            return (0..<10).map { frame in (0..<160).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ frame &* 11) } }
        }
        return (0..<10).map { frame in
            let samples = (0..<320).map { Int16(truncatingIfNeeded: ($0 + frame * 320) % 160 * 100 - 8_000) }
            var packet: [UInt8] = []
            _ = encoder.encode(samples.span, into: &packet)
            return packet
        }
    }
}

/// The datagrams of `seconds`, as they arrive in each 20 ms: made before anything is counted.
struct AllocationSchedule {
    struct Arrival {
        var octets: [UInt8]
        var isControl = false
    }

    private(set) var ticks: [[Arrival]] = []

    init(seconds: Int, _ traffic: AllocationTraffic, _ codec: AllocationCodec, key: SDESKey?) throws {
        var sender = try key.map { try Protection($0) }
        let frames = codec.frames
        var late: [Arrival] = []
        for count in 0..<seconds * 50 {
            let place = count % 50
            var packet = RTPPacket(
                payloadType: codec.payloadType, sequence: UInt16(truncatingIfNeeded: count),
                timestamp: UInt32(truncatingIfNeeded: count) &* codec.ticks, payload: frames[count % frames.count])
            if traffic.happens(.digits, at: place, 10..<16) { packet.makeEvent(step: place - 10, codec) }
            if traffic.happens(.comfortNoise, at: place, 18..<22) {
                packet.payloadType = 13
                packet.payload = [40]
            }
            let octets = sender?.protect(packet.octets) ?? packet.octets
            var arrivals = [Arrival(octets: octets)]
            if traffic.happens(.loss, at: place, 5..<6) || traffic.happens(.burstLoss, at: place, 35..<39) {
                arrivals = []
            }
            if traffic.happens(.disorder, at: place, 24..<25) || traffic.happens(.bursts, at: place, 40..<44) {
                late += arrivals
                arrivals = []
            } else if traffic.happens(.disorder, at: place, 25..<26) || traffic.happens(.bursts, at: place, 44..<45) {
                arrivals = place == 25 ? arrivals + late : late + arrivals
                late = []
            }
            if traffic.happens(.duplicates, at: place, 30..<32) { arrivals += arrivals }
            if traffic.happens(.forgeries, at: place, 46..<48) {
                var forged = octets
                forged[forged.count - 1] ^= 1
                if key != nil { arrivals.insert(Arrival(octets: forged), at: 0) }
                arrivals.append(Arrival(octets: Array(octets.prefix(7))))
            }
            if traffic.happens(.otherSource, at: place, 48..<50) {
                var other = packet
                other.ssrc = 10 + UInt32(place % 2)
                arrivals.append(Arrival(octets: sender?.protect(other.octets) ?? other.octets))
            }
            if traffic.happens(.reports, at: place, 0..<1) {
                let report = Self.report(packet)
                arrivals.append(Arrival(octets: sender?.protectControl(report) ?? report, isControl: true))
            }
            ticks.append(arrivals)
        }
    }

    /// A sender report with one block (about nobody), RFC 3550 §6.4.1.
    private static func report(_ packet: RTPPacket) -> [UInt8] {
        var octets: [UInt8] = [0x81, 200, 0, 12]
        let seconds = 3_900_000_000 + UInt32(packet.sequence) / 50
        for word in [packet.ssrc, seconds, 0, packet.timestamp, UInt32(packet.sequence), 0, 7, 7, 7, 7, 7, 7] {
            for shift in [24, 16, 8, 0] as [UInt32] { octets.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return octets
    }

    private struct Protection: ~Copyable {
        var sender: SRTPSender

        init(_ key: SDESKey) throws { sender = try SRTPSender(key) }

        mutating func protect(_ octets: [UInt8]) -> [UInt8] { octets.protected(by: &sender) }

        mutating func protectControl(_ octets: [UInt8]) -> [UInt8] {
            var buffer = octets + [UInt8](repeating: 0, count: 160)
            let length = buffer.withUnsafeMutableBytes { try? sender.protectControl($0, count: octets.count) }
            return Array(buffer.prefix(length ?? 0))
        }
    }
}

extension RTPPacket {
    /// Packet `step` (0 to 5) of a digit; the last three say that it is over (RFC 4733 §2.5.1.4).
    fileprivate mutating func makeEvent(step: Int, _ codec: AllocationCodec) {
        let duration = UInt32(min(step + 1, 4)) * codec.ticks
        payloadType = 101
        timestamp &-= UInt32(step) &* codec.ticks
        payload = [5, step >= 3 ? 0x8A : 0x0A, UInt8(duration >> 8 & 255), UInt8(duration & 255)]
    }
}
