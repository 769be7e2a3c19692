import Addressing

extension ConfigurationKey {
    /// Every key, in the order of the documentation.
    public static let all: [ConfigurationKey] =
        node + sip + media + http + storage + operation + delivery + connectors

    private static let node: [ConfigurationKey] = [
        ConfigurationKey(
            "node.region", .text("letters, digits and `-`, 1–32"), default: "us-east-1",
            "Region shown in records, stream ARNs and events."
        ),
        ConfigurationKey(
            "node.accountId", .text("12 digits"), default: "111122223333",
            "Account shown in records, stream ARNs and events. Write it in quotes."
        ),
        ConfigurationKey(
            "node.domain", .text("a domain name"), default: "voiceconnector.test",
            "A connector is reached at `<id>.<domain>`."
        ),
        ConfigurationKey(
            "node.advertisedAddress", .text("an IP address or host name"), default: "127.0.0.1",
            "What peers are told to send to. Without it, `sip.bind` where that is one address."
        ),
    ]

    private static let sip: [ConfigurationKey] = [
        ConfigurationKey(
            "sip.bind", .text("an IPv4 or IPv6 address"), default: "0.0.0.0",
            "Address to listen on; `0.0.0.0` is every IPv4 address, `::` every address."
        ),
        ConfigurationKey("sip.udp", .listenPort, default: "5060", "UDP port of SIP."),
        ConfigurationKey("sip.tcp", .listenPort, default: "5060", "TCP port of SIP."),
        ConfigurationKey("sip.tls", .listenPort, default: "5061", "TLS port of SIP (TLS 1.2 and 1.3)."),
        ConfigurationKey(
            "sip.certificate", .text("path of a PEM file"), default: "",
            "Certificate chain for TLS. Without it a self-signed certificate is made in `data/tls`."
        ),
        ConfigurationKey(
            "sip.privateKey", .text("path of a PEM file"), default: "",
            "Private key of the certificate. Set both or neither."
        ),
    ]

    private static let media: [ConfigurationKey] = [
        ConfigurationKey(
            "media.ports", .text("`first-last`, 1024–65535, first even, last odd, at least 4 ports"),
            default: "10000-19999", "UDP ports for RTP and RTCP, two for each stream."
        ),
        ConfigurationKey(
            "media.backend", .choice(MediaSettings.Backend.allCases.map(\.rawValue)), default: "auto",
            "How datagrams are read. `auto` is io_uring where the kernel allows it, and epoll where it does not."
        ),
        ConfigurationKey(
            "media.jitterBuffer", .duration(.milliseconds(20) ... .seconds(2)), default: "240ms",
            "How late a packet may be and still be used; also the delay of the live stream."
        ),
        ConfigurationKey(
            "media.maxCalls", .integer(1...100_000, unit: "calls"), default: "4000",
            "Calls at a time; further ones get 503 with Retry-After."
        ),
        ConfigurationKey(
            "media.workers", .integer(0...256, unit: "threads"), default: "0", "Media threads; 0: one for each core."
        ),
        ConfigurationKey(
            "media.pinWorkers", .boolean, default: "false",
            "Keeps each media thread on a core of its own; for machines that do nothing else."
        ),
        ConfigurationKey(
            "media.nat", .boolean, default: "true",
            "Whether a peer may be behind NAT: its media may then come from another port of the offer's host, or from the host that signals. Without it, only from exactly the offer's address."
        ),
        ConfigurationKey(
            "media.idleTimeout", .duration(.zero ... .seconds(86_400)), default: "0s",
            "Ends a call that is not on hold after this time without packets; 0: never."
        ),
    ]

    private static let http: [ConfigurationKey] = [
        ConfigurationKey(
            "http.bind", .text("an IPv4 or IPv6 address"), default: "127.0.0.1",
            "Address to serve HTTP on: streams, administration, listening."
        ),
        ConfigurationKey("http.port", .listenPort, default: "8080", "Port of HTTP."),
        ConfigurationKey(
            "http.certificate", .text("path of a PEM file"), default: "", "Certificate chain. Without it, plain HTTP."),
        ConfigurationKey(
            "http.privateKey", .text("path of a PEM file"), default: "",
            "Private key of the certificate. Set both or neither."
        ),
        ConfigurationKey(
            "http.publicUrl", .text("an http or https URL"), default: "",
            "URL under which clients reach this service. Without it, the host that they asked for."
        ),
        ConfigurationKey(
            "http.requireSignatures", .boolean, default: "true",
            "Takes requests only with a signature by one of the keys of `earshot keys`."
        ),
        ConfigurationKey(
            "http.connections", .integer(0...100_000, unit: "connections"), default: "0",
            "Connections at a time; 0: an eighth of the descriptors that the process may have. Never more than a quarter, since calls need the rest."
        ),
        ConfigurationKey(
            "http.connectionsPerAddress", .integer(0...100_000, unit: "connections"), default: "0",
            "Connections at a time from one address; 0: half of all."
        ),
    ]

    private static let storage: [ConfigurationKey] = [
        ConfigurationKey(
            "data", .text("path of a folder"), default: "./data",
            "Streams, records and logs; made with mode 0700."
        ),
        ConfigurationKey(
            "streams.flushInterval", .duration(.milliseconds(10) ... .milliseconds(250)), default: "20ms",
            "Longest time that audio waits for its write to the file, where live readers see it."
        ),
        ConfigurationKey(
            "streams.syncInterval", .duration(.milliseconds(100) ... .seconds(60)), default: "2s",
            "Longest time until the disk is told to keep it; what a power cut can take."
        ),
        ConfigurationKey(
            "streams.diskBudget", .text("a number with `MB`, `GB` or `TB`; 0: no limit"), default: "0",
            "Most that all streams may take on the disk; beyond it the oldest audio is deleted."
        ),
        ConfigurationKey(
            "streams.retentionInterval", .duration(.milliseconds(100) ... .seconds(3600)), default: "30s",
            "How often it is looked for recordings that are too old; the disk budget is watched each second besides."
        ),
        ConfigurationKey(
            "streams.encryption.keyFile", .text("path of a file, mode 0600"), default: "",
            "Master keys, one `id:key` a line; the first encrypts new recordings, all open old ones. Without it, and without `keyVariable`, recordings are written in the clear."
        ),
        ConfigurationKey(
            "streams.encryption.keyVariable", .text("name of an environment variable"), default: "",
            "The variable that holds the master keys, instead of a file."
        ),
    ]

    private static let operation: [ConfigurationKey] = [
        ConfigurationKey(
            "shutdown.drain", .duration(.zero ... .seconds(3600)), default: "30s",
            "How long live calls go on after Ctrl-C or SIGTERM."
        ),
        ConfigurationKey(
            "logging.level", .choice(LoggingSettings.Level.allCases.map(\.rawValue)), default: "info",
            "Least important level that is logged."
        ),
        ConfigurationKey(
            "logging.sipMessages", .boolean, default: "false",
            "Keeps every SIP message in `data/logs/sip.jsonl`. They hold numbers and names of people."
        ),
    ]

    private static let connectors: [ConfigurationKey] = [
        ConfigurationKey(
            "connectors", .list("1–10000 connectors"), default: "one that allows 127.0.0.1 and ::1",
            "The connectors of this node."
        ),
        ConfigurationKey(
            "connectors[].id", .text("22 characters of a–z and 0–9, unique"), default: nil,
            "Id, and first label of the host name."
        ),
        ConfigurationKey("connectors[].name", .text("1–256 characters"), default: "the id", "A name for people."),
        ConfigurationKey(
            "connectors[].requireEncryption", .boolean, default: "false",
            "Takes calls over TLS with SRTP only: 403 to plain SIP, 488 to plain RTP."
        ),
        ConfigurationKey(
            "connectors[].termination.cidrAllowedList", .list("0–1000 blocks such as `192.0.2.0/24`"), default: "[]",
            "Sources that may call; others get 403."
        ),
        ConfigurationKey(
            "connectors[].termination.credentials", .list("0–100 of `{ username, password }`"), default: "[]",
            "Digest users. Where there are any, requests are challenged."
        ),
        ConfigurationKey(
            "connectors[].termination.credentials[].username",
            .text("1–128 characters, no `\"`, `:`, `\\`"), default: nil,
            "Name of a digest user, unique in its connector."
        ),
        ConfigurationKey(
            "connectors[].termination.credentials[].password", .text("1–512 characters"), default: nil,
            "Password of the digest user; never printed."
        ),
        ConfigurationKey(
            "connectors[].termination.cpsLimit", .integer(1...10_000, unit: "calls a second"), default: "50",
            "New calls a second; further ones get 503 with Retry-After."
        ),
        ConfigurationKey(
            "connectors[].streaming.disabled", .boolean, default: "false", "Answers calls but keeps no audio."
        ),
        ConfigurationKey(
            "connectors[].streaming.format", .choice(Connector.Streaming.Format.allCases.map(\.rawValue)),
            default: "pcm", "What a stream holds; see below."
        ),
        ConfigurationKey(
            "connectors[].streaming.redactDigits", .boolean, default: "false",
            "Keeps pressed keys (RFC 4733) out of logs, events, tags and audio."
        ),
        ConfigurationKey(
            "connectors[].streaming.dataRetentionInHours", .integer(0...87_600, unit: "hours"), default: "24",
            "How long audio is kept; 0: the last 5 minutes or 200 MB of a stream."
        ),
        ConfigurationKey(
            "connectors[].streaming.notificationTargets", .list("0–4 of `EventBridge`, `SNS`, `SQS`, `Webhook`"),
            default: "[]", "Where events go, besides `data/logs/events.jsonl`; each is configured under `delivery`."
        ),
        ConfigurationKey(
            "connectors[].streaming.forwardToKinesisVideo", .boolean, default: "false",
            "Sends live audio on to `delivery.kinesisVideo`."
        ),
    ]
}
