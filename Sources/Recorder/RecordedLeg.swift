import Addressing
import MediaCore
import MediaEngine
import SDP
import SIPREC
import StreamSink
import UserAgent

/// One stream of a recorded call: its place in the session description, its media leg, its file.
struct RecordedLeg {
    /// ``RecordedMedia/leg``.
    let number: Int
    let reserved: MediaService.ReservedLeg
    /// The media leg that this one follows after a change of codec.
    let follows: UInt64?
    /// Its worker receives. An encrypted stream that we offered waits for the sender's key.
    var isStarted = false
    /// Nil where nothing is kept, and before it starts.
    var session: StreamSession?
    var format: LegFormat?
    var tap: RecordingTap?
    var record: LegRecord?
    /// Every payload type that the stream was described with, the latest meaning of each.
    private(set) var payloads: [PayloadFormat] = []

    init(number: Int, reserved: MediaService.ReservedLeg, following former: UInt64? = nil) {
        self.number = number
        self.reserved = reserved
        follows = former
    }

    /// Another stream at the ports of `former`, which has ended.
    init(succeeding former: RecordedLeg) {
        self.init(number: former.number, reserved: former.reserved)
        payloads = former.payloads
    }

    /// The stream was described with these. Numbers that they do not use keep their meaning (RFC 3264 §8.3.2): packets
    /// under way have them, and some senders never change over. At most 128, as there are numbers.
    mutating func remember(_ described: [PayloadFormat]) {
        let numbers = Set(described.map(\.payloadType))
        payloads = described + payloads.filter { !numbers.contains($0.payloadType) }
    }
}

extension LegParameters {
    /// What the media side must know of `media`, offered by the peer at `signalling`.
    ///
    /// - Parameter former: Payload types that earlier descriptions had; those of `media` go before them.
    init(_ media: RecordedMedia, formerly former: [PayloadFormat], signalling: SIPEndpoint) {
        var payloads = PayloadMap()
        let numbers = Set(media.payloads.map(\.payloadType))
        for format in media.payloads + former.filter({ !numbers.contains($0.payloadType) }) {
            payloads.map(
                format.payloadType, encoding: format.encodingName, clockRate: UInt32(clamping: format.clockRate))
        }
        let signallingHost = MediaAddress(
            high: signalling.address.high, low: signalling.address.low, port: signalling.port)
        self.init(
            payloads: payloads, remote: MediaAddress(media.remoteAddress, port: media.remotePort),
            signalling: signallingHost)
        isMultiplexed = media.multiplexesRTCP
        // Where nothing is written, the source that is found tells: behind NAT the next port is nobody's.
        if media.namesRTCP, let port = media.remoteRTCPPort, !isMultiplexed {
            remoteRTCP = MediaAddress(media.remoteRTCPAddress ?? media.remoteAddress, port: port)
        }
        packetTime = media.packetTime
        let keys = StreamKeys(of: media)
        receiving = keys?.receiving
        sending = keys?.sending
    }
}

extension MediaAddress {
    /// Nil where the text is no IP address (a host name is not looked up: the signalling's host teaches then), is the
    /// address that stands for none, or the port is 0.
    init?(_ text: String?, port: UInt16) {
        guard port != 0, let text, let address = IPAddress(parsing: text), !address.isUnspecified else { return nil }
        self.init(high: address.high, low: address.low, port: port)
    }
}
