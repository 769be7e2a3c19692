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
    /// Its worker receives. An encrypted stream that we offered waits for the sender's key.
    var isStarted = false
    /// Nil where nothing is kept, and before it starts.
    var session: StreamSession?
    var format: LegFormat?
    var tap: RecordingTap?
    var record: LegRecord?

    init(number: Int, reserved: MediaService.ReservedLeg) {
        self.number = number
        self.reserved = reserved
    }
}

extension LegParameters {
    /// What the media side must know of `media`, offered by the peer at `signalling`.
    init(_ media: RecordedMedia, signalling: SIPEndpoint) {
        var payloads = PayloadMap()
        for format in media.payloads {
            payloads.map(
                format.payloadType, encoding: format.encodingName, clockRate: UInt32(clamping: format.clockRate))
        }
        let signallingHost = MediaAddress(
            high: signalling.address.high, low: signalling.address.low, port: signalling.port)
        self.init(
            payloads: payloads, remote: MediaAddress(media.remoteAddress, port: media.remotePort),
            signalling: signallingHost)
        isMultiplexed = media.multiplexesRTCP
        if let port = media.remoteRTCPPort, !isMultiplexed {
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
