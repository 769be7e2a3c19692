import Addressing
import CPacedSender
import UserAgent

@testable import RecordingClient

/// RTP as it arrived on a pair of loopback sockets.
struct LoopbackReceiver {
    struct Packet {
        let arrival: Int64
        let bytes: [UInt8]

        var type: UInt8 { bytes[1] & 0x7F }
        var marker: Bool { bytes[1] & 0x80 != 0 }
        var sequence: UInt16 { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }
        var timestamp: UInt32 { bytes[4..<8].reduce(0) { $0 << 8 | UInt32($1) } }
        var ssrc: UInt32 { bytes[8..<12].reduce(0) { $0 << 8 | UInt32($1) } }
        var payload: ArraySlice<UInt8> { bytes[12...] }
    }

    let sockets: RTPSocketPair
    static let loopback = IPAddress(ipv4: 0x7F00_0001)

    init() throws { sockets = try RTPSocketPair(local: Self.loopback) }

    /// Connects a sending pair to this one.
    func makeStream(_ audio: EncodedSpeech) throws -> PacedStream {
        let pair = try RTPSocketPair(local: Self.loopback)
        try pair.connect(rtp: (Self.loopback, sockets.port), rtcp: (Self.loopback, sockets.port + 1))
        var generator = SystemRandomNumberGenerator()
        return PacedStream(sockets: pair, audio: audio, canonicalName: "test@127.0.0.1", generator: &generator)
    }

    func drain() -> [Packet] { Self.drain(sockets.rtp) }

    /// At least so many packets, and what else has come by then. A minute is for what never comes.
    func collect(_ count: Int) async throws -> [Packet] {
        let limit = paced_clock_monotonic() + 60_000_000_000
        var packets: [Packet] = []
        while true {
            packets += drain()
            guard packets.count < count, paced_clock_monotonic() < limit else { return packets }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
    func drainReports() -> [[UInt8]] { Self.drain(sockets.rtcp).map(\.bytes) }

    private static func drain(_ socket: Int32) -> [Packet] {
        var packets: [Packet] = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        while true {
            let count = paced_receive(socket, &buffer, buffer.count)
            guard count > 0 else { return packets }
            packets.append(Packet(arrival: paced_clock_monotonic(), bytes: Array(buffer[..<count])))
        }
    }
}
