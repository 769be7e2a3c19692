/// The VoIP metrics block of RFC 3611 §4.7: how the peer itself judges a stream. Nil where it says that it does not
/// know (127 in the fields that have such a value).
public struct VoIPMetrics: Sendable, Equatable {
    /// The stream that is judged.
    public var ssrc: UInt32
    /// Packets lost since reception began, in 1/256.
    public var lossRate: UInt8
    /// Packets thrown away by the play-out buffer, in 1/256.
    public var discardRate: UInt8
    /// Share lost or discarded within bursts, in 1/256.
    public var burstDensity: UInt8
    /// Share lost or discarded between bursts, in 1/256.
    public var gapDensity: UInt8
    /// Mean length of bursts, milliseconds.
    public var burstMilliseconds: UInt16
    /// Mean length of the gaps between bursts, milliseconds.
    public var gapMilliseconds: UInt16
    /// What the peer measured between the RTP interfaces, milliseconds; 0 where it cannot.
    public var roundTripMilliseconds: UInt16
    /// Delay within the peer (coding, play-out buffer), milliseconds.
    public var endSystemMilliseconds: UInt16
    /// Speech level in dBm0.
    public var signalLevel: Int8?
    /// Background noise in dBm0.
    public var noiseLevel: Int8?
    /// Residual echo return loss, dB.
    public var echoReturnLoss: UInt8?
    /// The gap threshold Gmin.
    public var minimumGap: UInt8
    /// Conversational rating R of this stream, 0 to 100.
    public var ratingFactor: UInt8?
    /// R of a network segment beyond the peer.
    public var externalRatingFactor: UInt8?
    /// Listening quality, 1.0 to 5.0.
    public var listeningMOS: Double?
    /// Conversational quality, 1.0 to 5.0.
    public var conversationalMOS: Double?
    /// Nominal delay of the play-out buffer, milliseconds.
    public var jitterBufferMilliseconds: UInt16
    /// Its largest delay at present, milliseconds.
    public var jitterBufferMaximumMilliseconds: UInt16
    /// Its largest delay ever possible, milliseconds.
    public var jitterBufferLimitMilliseconds: UInt16

    /// Octets of the block behind its four octets of header: eight words.
    static let octets = 32

    /// Reads the block whose header lies before `offset`; nil where fewer than 32 octets are left.
    public init?(in datagram: RawSpan, at offset: Int) {
        guard offset >= 0, offset <= datagram.byteCount - Self.octets else { return nil }
        func known(_ octet: UInt8) -> UInt8? { octet == 127 ? nil : octet }
        // §4.7.5: a score is ten times its value, 10 to 50; anything else says nothing.
        func score(_ octet: UInt8) -> Double? { (10...50).contains(octet) ? Double(octet) / 10 : nil }
        func rating(_ octet: UInt8) -> UInt8? { octet <= 100 ? octet : nil }
        func level(_ octet: UInt8) -> Int8? { octet == 127 ? nil : Int8(bitPattern: octet) }
        ssrc = datagram.bigEndian32(at: offset)
        lossRate = datagram.octet(at: offset + 4)
        discardRate = datagram.octet(at: offset + 5)
        burstDensity = datagram.octet(at: offset + 6)
        gapDensity = datagram.octet(at: offset + 7)
        burstMilliseconds = datagram.bigEndian16(at: offset + 8)
        gapMilliseconds = datagram.bigEndian16(at: offset + 10)
        roundTripMilliseconds = datagram.bigEndian16(at: offset + 12)
        endSystemMilliseconds = datagram.bigEndian16(at: offset + 14)
        signalLevel = level(datagram.octet(at: offset + 16))
        noiseLevel = level(datagram.octet(at: offset + 17))
        echoReturnLoss = known(datagram.octet(at: offset + 18))
        minimumGap = datagram.octet(at: offset + 19)
        ratingFactor = rating(datagram.octet(at: offset + 20))
        externalRatingFactor = rating(datagram.octet(at: offset + 21))
        listeningMOS = score(datagram.octet(at: offset + 22))
        conversationalMOS = score(datagram.octet(at: offset + 23))
        jitterBufferMilliseconds = datagram.bigEndian16(at: offset + 26)
        jitterBufferMaximumMilliseconds = datagram.bigEndian16(at: offset + 28)
        jitterBufferLimitMilliseconds = datagram.bigEndian16(at: offset + 30)
    }
}
