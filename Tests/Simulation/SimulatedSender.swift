import MediaCore

/// One packet of a simulated sender, with what it should be heard as.
struct SentPacket {
    /// Wall clock of its sending, nanoseconds since the call's epoch.
    var time: Int64
    var sequence: UInt16
    var timestamp: UInt32
    var ssrc: UInt32
    var payloadType: UInt8
    var marker = false
    var payload: [UInt8]
    /// First sample on the sender's own time line, and the audio that belongs there.
    var position: Int64
    var audio: [Int16]

    var datagram: [UInt8] {
        var bytes: [UInt8] = [0x80, payloadType | (marker ? 0x80 : 0)]
        for shift in [8, 0] { bytes.append(UInt8(truncatingIfNeeded: sequence >> UInt16(shift))) }
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: timestamp >> UInt32(shift))) }
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: ssrc >> UInt32(shift))) }
        return bytes + payload
    }
}

/// Writes the script of what one sender says: every method appends packets and moves its clocks.
struct SimulatedSender {
    private(set) var packets: [SentPacket] = []
    private var generator: SeededGenerator
    /// Samples since the epoch on the sender's wall clock.
    private(set) var position: Int64
    var sequence: UInt16
    var timestamp: UInt32
    var ssrc: UInt32
    var payloadType: UInt8 = 0
    var frame: Int64 = 160

    init(seed: UInt64, startingAt position: Int64 = 400, sequence: UInt16 = 4_711, timestamp: UInt32 = 1_234_567) {
        generator = SeededGenerator(seed: seed)
        self.position = position
        self.sequence = sequence
        self.timestamp = timestamp
        ssrc = UInt32(truncatingIfNeeded: generator.next())
    }

    /// `frames` packets of noise in which no sample is zero, so that every one can be found again.
    mutating func speak(_ frames: Int) {
        for index in 0..<frames {
            var octets: [UInt8] = []
            for _ in 0..<frame { octets.append(UInt8.random(in: 0..<0x70, using: &generator)) }
            let audio = octets.map { payloadType == 8 ? G711.expandALaw($0) : G711.expandMuLaw($0) }
            send(octets, audio: audio, marker: index == 0)
            position += frame
            timestamp &+= UInt32(frame)
        }
    }

    /// A pause in which nothing is sent and media time goes on.
    mutating func pause(samples: Int64) {
        position += samples
        timestamp &+= UInt32(samples)
    }

    /// A hold in which media time stands still, as some senders have it.
    mutating func holdWithFrozenClock(samples: Int64) { position += samples }

    /// A pause in comfort noise: one packet at its start (RFC 3389 §4).
    mutating func comfortNoise(samples: Int64) {
        let speech = payloadType
        payloadType = 13
        // So soft that it is silence.
        send([0x7F], audio: [], marker: false)
        payloadType = speech
        pause(samples: samples)
    }

    /// A digit of `frames` × 20 ms by RFC 4733 instead of audio; its end is sent three times.
    mutating func press(_ code: UInt8, frames: Int, eventType: UInt8 = 101) {
        let speech = payloadType
        payloadType = eventType
        for index in 0..<(frames + 2) {
            let duration = UInt16(min(index + 1, frames)) * 160
            let end: UInt8 = index >= frames - 1 ? 0x80 : 0
            send([code, end | 10, UInt8(duration >> 8), UInt8(duration & 255)], audio: [], marker: index == 0)
            position += 160
        }
        payloadType = speech
        timestamp &+= UInt32(frames + 2) * 160
    }

    /// Frames of a codec that the recorder cannot decode: silence, and no loss.
    mutating func speakUnknownCodec(_ frames: Int) {
        let speech = payloadType
        payloadType = 96
        for _ in 0..<frames {
            send(Array(repeating: 7, count: 20), audio: [], marker: false)
            pause(samples: frame)
        }
        payloadType = speech
    }

    private mutating func send(_ payload: [UInt8], audio: [Int16], marker: Bool) {
        // A packet leaves when its last sample has been spoken.
        let time = (position + frame) * 125_000
        packets.append(
            SentPacket(
                time: time, sequence: sequence, timestamp: timestamp, ssrc: ssrc, payloadType: payloadType,
                marker: marker, payload: payload, position: position, audio: audio))
        sequence &+= 1
    }
}
