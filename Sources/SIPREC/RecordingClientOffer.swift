import SDP

/// The client's side of a recording session (SRC): INVITE and update bodies in a dialect, and the reading of answers.
///
/// For the demo, for tests, and for a user who tries an installation. It knows no sockets: ports and the source of ids
/// come in. Each method that makes a body raises the description's version where it changed.
public struct RecordingClientOffer: Sendable {
    /// Someone in the recorded call.
    public struct Party: Sendable, Equatable {
        /// User part of the address.
        public var number: String
        /// Display name.
        public var name: String?
        /// Host of the address.
        public var host: String

        /// Makes a party.
        public init(number: String, name: String? = nil, host: String) {
            self.number = number
            self.name = name
            self.host = host
        }
    }

    /// How bodies are written.
    public let dialect: SIPRECDialect
    /// Who called.
    public internal(set) var caller: Party
    /// Who was called.
    public internal(set) var callee: Party
    /// One a stream, in order; the caller's stream is the first, the callee's the second.
    public private(set) var media: [MediaOffer]
    /// RFC 3339 time for `associate-time` and the like.
    public var time: String
    let ids: ClientIdentifiers
    private var origin: Origin
    private var previous: SessionDescription?

    /// - Parameters:
    ///   - address: Where we send from and listen for RTCP.
    ///   - ports: Local RTP ports, one to four; one means a single mixed stream.
    ///   - time: RFC 3339 time of the start of the call.
    ///   - generator: Makes session and metadata ids.
    public init(
        dialect: SIPRECDialect, caller: Party, callee: Party, address: ConnectionAddress, ports: [UInt16],
        time: String, generator: inout some RandomNumberGenerator
    ) {
        self.dialect = dialect
        self.caller = caller
        self.callee = callee
        self.time = time
        ids = ClientIdentifiers(generator: &generator)
        origin = Origin(sessionID: UInt64.random(in: 1...UInt64(UInt32.max), using: &generator), address: address)
        media = zip(ports, dialect.labels).map { port, label in
            var line = MediaOffer(local: LocalMedia(port: port), direction: .sendonly, label: label)
            if dialect == .none { line.label = nil }
            return line
        }
    }

    /// Changes payloads and packet time of every stream; takes effect with the next body.
    public mutating func setFormat(payloads: [PayloadFormat], packetTime: Int) {
        for index in media.indices {
            media[index].payloads = payloads
            media[index].packetTime = packetTime
        }
    }

    /// The body of the INVITE: SDP and metadata.
    public mutating func invite() -> SessionBody {
        let sdp = description()
        guard dialect != .none else { return SessionBody(sdp, contentType: "application/sdp") }
        let metadata = ClientMetadata.document(for: self, isDummy: dialect == .avaya)
        return ClientBodyWriter.multipart(dialect: dialect, sdp: sdp, metadata: metadata)
    }

    /// A re-INVITE that pauses every stream, SDP only: `sendonly` becomes `inactive`.
    public mutating func pause() -> SessionBody { redirect(.inactive) }

    /// A re-INVITE that resumes every stream, SDP only.
    public mutating func resume() -> SessionBody { redirect(.sendonly) }

    /// An UPDATE that carries metadata only, complete, with these parties; for Avaya the first with the real callee.
    public mutating func metadataUpdate(caller: Party? = nil, callee: Party? = nil) -> SessionBody {
        self.caller = caller ?? self.caller
        self.callee = callee ?? self.callee
        return SessionBody(
            ClientMetadata.document(for: self, isDummy: false), contentType: dialect.metadataType,
            contentDisposition: "recording-session")
    }

    /// A partial update after which one party has left, RFC 8068 §3.2.3, as the body of a BYE or UPDATE.
    public func departure(ofCaller isCaller: Bool) -> SessionBody {
        SessionBody(
            ClientMetadata.departure(for: self, isCaller: isCaller), contentType: dialect.metadataType,
            contentDisposition: "recording-session")
    }

    /// Where the server wants each stream, by the order of our `m=` lines.
    ///
    /// Streams that it refused have port 0.
    public func receivers(inAnswer body: SessionBody) throws(SDPParseError) -> [MediaParameters] {
        let parts = body.parts
        return try SessionDescription(parsing: parts.sessionDescription ?? body.content).mediaParameters
    }

    private mutating func redirect(_ direction: MediaDirection) -> SessionBody {
        for index in media.indices { media[index].direction = direction }
        return SessionBody(description(), contentType: "application/sdp")
    }

    private mutating func description() -> [UInt8] {
        var sdp = SessionDescription.offer(origin: origin, media: media)
        if let previous, previous != sdp {
            origin = origin.incremented()
            sdp = SessionDescription.offer(origin: origin, media: media)
        }
        previous = sdp
        guard dialect == .sonus else { return sdp.serialized() }
        // Sonus has no session c=, and one in each section.
        let address = SDPLine("c", origin.address.description)
        return SessionDescription(
            lines: sdp.lines.filter { $0 != address },
            media: sdp.media.map { section in
                MediaDescription(
                    kind: section.kind, port: section.port, transport: section.transport, formats: section.formats,
                    lines: [address] + section.lines)
            }
        ).serialized()
    }
}
