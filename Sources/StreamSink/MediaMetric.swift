/// One line of the media metric log: what a call's media did since it began, written once a minute and at its end.
///
/// The member names are those of the service's own log, so that its dashboards and queries work on it.
public struct MediaMetric: Sendable, Equatable {
    /// What went one way between two ends, cumulative.
    public struct Flow: Sendable, Equatable {
        /// RTP packets.
        public var rtpPackets: Int64 = 0
        /// Their bytes, headers and payloads.
        public var rtpBytes: Int64 = 0
        /// RTCP packets.
        public var rtcpPackets: Int64 = 0
        /// Their bytes.
        public var rtcpBytes: Int64 = 0
        /// RTP packets that never came.
        public var packetsLost: Int64 = 0
        /// Interarrival jitter in microseconds.
        public var jitterMicroseconds: Int64 = 0

        /// All zero.
        public init() {}
    }

    /// How well two ends hear one another.
    public struct Link: Sendable, Equatable {
        /// There and back, in microseconds.
        public var roundTripMicroseconds: Int64?
        /// Estimated mean opinion score, 1.0 to 4.4.
        public var mos: Double?

        /// - Parameters: nil where nothing is known; the members are left out then.
        public init(roundTripMicroseconds: Int64? = nil, mos: Double? = nil) {
            self.roundTripMicroseconds = roundTripMicroseconds
            self.mos = mos
        }
    }

    /// The connector.
    public var connectorID: String
    /// When it was taken, milliseconds since 1970.
    public var timestampMilliseconds: Int64
    /// The call; the log calls the transaction's ID `call_id`.
    public var transactionID: String
    /// The caller's SIP user.
    public var fromUser: String
    /// Two-letter country of the caller; empty when unknown.
    public var fromCountry = ""
    /// The callee's SIP user.
    public var toUser: String
    /// Two-letter country of the callee; empty when unknown.
    public var toCountry = ""
    /// The other end, as an opaque name.
    public var endpointID = ""
    /// AWS region.
    public var region: String
    /// From the customer's equipment to the connector.
    public var fromCustomer: Flow?
    /// From the connector to the customer's equipment.
    public var toCustomer: Flow?
    /// From the remote end to the connector.
    public var fromRemote: Flow?
    /// From the connector to the remote end.
    public var toRemote: Flow?
    /// Between the connector and the customer's equipment.
    public var customerLink = Link()
    /// Between the connector and the remote end.
    public var remoteLink = Link()

    /// Makes a line of a call without flows.
    public init(_ call: CallRecord, at time: UTCTime) {
        connectorID = call.connectorID
        timestampMilliseconds = time.milliseconds
        transactionID = call.transactionID
        fromUser = call.fromNumber
        fromCountry = call.sourceCountry ?? ""
        toUser = call.toNumber
        toCountry = call.destinationCountry ?? ""
        region = call.region
    }

    /// The line's content. Flows and links that are not known have no members.
    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("voice_connector_id", .string(connectorID)),
            .init("event_timestamp", .integer(timestampMilliseconds)), .init("call_id", .string(transactionID)),
            .init("from_sip_user", .string(fromUser)), .init("from_country", .string(fromCountry)),
            .init("to_sip_user", .string(toUser)), .init("to_country", .string(toCountry)),
            .init("endpoint_id", .string(endpointID)), .init("aws_region", .string(region)),
        ]
        let flows = [("cust2vc", fromCustomer), ("vc2cust", toCustomer), ("rem2vc", fromRemote), ("vc2rem", toRemote)]
        for case (let name, let flow?) in flows {
            members += [
                .init("\(name)_rtp_packets", .integer(flow.rtpPackets)),
                .init("\(name)_rtp_bytes", .integer(flow.rtpBytes)),
                .init("\(name)_rtcp_packets", .integer(flow.rtcpPackets)),
                .init("\(name)_rtcp_bytes", .integer(flow.rtcpBytes)),
                .init("\(name)_packets_lost", .integer(flow.packetsLost)),
                .init("\(name)_jitter", .integer(flow.jitterMicroseconds)),
            ]
        }
        for (name, link) in [("cust", customerLink), ("rem", remoteLink)] {
            if let time = link.roundTripMicroseconds {
                members.append(.init("rtt_btwn_vc_and_\(name)", .integer(time)))
            }
            if let mos = link.mos { members.append(.init("mos_btwn_vc_and_\(name)", .decimal(mos))) }
        }
        return .object(members)
    }

    /// One line with its line end.
    var line: [UInt8] { json.bytes + [UInt8(ascii: "\n")] }
}
