import SIP
import SIPREC
import SecureMedia
import UserAgent

/// What ``CallCampaign`` places: one or many equal recording calls.
public struct CampaignSettings: Sendable {
    /// Someone in the recorded call.
    public struct Party: Sendable {
        /// The number, as written into the metadata.
        public var number: String
        /// The name; nil for none.
        public var name: String?

        /// Makes a party.
        public init(number: String, name: String? = nil) {
            self.number = number
            self.name = name
        }
    }

    /// The Request-URI.
    public var target: SIPURI
    /// A host, or `host:port`, that the call is sent to instead of the host of ``target``.
    public var proxy: String?
    /// Spoken over TLS whatever the URI says.
    public var usesTLS = false
    /// How the server's certificate is checked.
    public var verification = TLSVerification.full
    /// How the INVITE is written.
    public var dialect = SIPRECDialect.rfc
    /// The first stream's speaker.
    public var caller = Party(number: "+12065550100")
    /// The second stream's speaker.
    public var callee = Party(number: "+13605550199")
    /// For a digest challenge.
    public var credentials: OutgoingInvite.Credentials?
    /// How many calls. 1 to 10,000.
    public var calls = 1
    /// New calls a second. Above 0, at most 10,000.
    public var rate = 10.0
    /// The length of each call; nil for the length of the longer voice. Voices repeat together in a longer call.
    public var duration: Duration?
    /// What the audio is sent as.
    public var codec = SpeechCodec.pcmu
    /// What the audio is encrypted with: SRTP with a key of its own for each stream, told in the offer (RFC 4568); nil
    /// sends plain RTP. The keys are as secret as the signalling that carries them: use TLS.
    public var suite: CryptoSuite?
    /// Milliseconds a packet.
    public var packetTime = 20
    /// The address to call and send from; nil lets the kernel choose.
    public var localAddress: String?

    /// Makes settings for one call; see the properties for the rest.
    public init(target: SIPURI) {
        self.target = target
    }

    /// The transport that ``target`` and ``usesTLS`` ask for; nil for one that is not spoken here.
    var transport: SIPTransport? {
        if usesTLS || target.scheme == .sips { return .tls }
        return target.transport.map { SIPTransport(rawValue: $0) } ?? .udp
    }
}
