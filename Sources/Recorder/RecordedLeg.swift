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
    /// Nil where nothing is kept.
    let session: StreamSession?
    var record: LegRecord?
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

extension LegQuality {
    init(_ report: LegReport, port: UInt16) {
        self.init()
        let statistics = report.statistics
        packets = Int64(clamping: statistics.packets)
        bytes = Int64(clamping: statistics.octets)
        lost = Int64(clamping: statistics.lost)
        duplicates = Int64(clamping: statistics.duplicates)
        late = Int64(clamping: statistics.late)
        reordered = Int64(clamping: statistics.reordered)
        jitterMicroseconds = Int64(clamping: statistics.jitterMicroseconds)
        concealedMilliseconds = Int64(clamping: statistics.lostSamples / 8)
        filledMilliseconds = Int64(clamping: statistics.silenceSamples / 8)
        skewPartsPerMillion = statistics.skewPartsPerMillion
        guard statistics.packets == 0 || statistics.packets == statistics.undecodable else { return }
        emptyReason =
            if statistics.packets > 0 {
                "no packet had a payload type that can be decoded (PCMU and PCMA can)"
            } else if statistics.foreign > 0 {
                "\(statistics.foreign) packets came to port \(port) from addresses that neither the offer nor the "
                    + "signalling names"
            } else if statistics.malformed > 0 {
                "what came to port \(port) was not RTP"
            } else {
                "no packet came to port \(port)"
            }
    }
}
