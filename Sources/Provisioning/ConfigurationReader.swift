import Addressing

/// Turns the tree of a configuration into checked values, section by section.
struct ConfigurationReader {
    let findings: ConfigurationFindings
    /// Where relative paths of the file start.
    let folder: String?
    let isReadable: (String) -> Bool

    /// The most connectors that one node takes.
    static let connectorLimit = 10_000

    func configuration(_ root: ConfigurationNode) -> ServiceConfiguration {
        var result = ServiceConfiguration()
        let top = SectionReader(root, path: "", pattern: "", parent: root.origin, findings: findings)
        result.sip = sip(top.section("sip"))
        result.node = node(top.section("node"), bind: result.sip.bind)
        result.media = media(top.section("media"), sip: result.sip)
        if top.has("data") {
            result.data = top.value("data", default: result.data) { text throws(ValueComplaint) in
                resolve(try SectionReader.line(text, limit: 4096), top.origin(of: "data"))
            }
        }
        result.http = http(top.section("http"))
        result.streams = streams(top.section("streams"))
        result.delivery = delivery(top)
        result.shutdown.drain = top.section("shutdown").duration("drain", default: result.shutdown.drain)
        let logging = top.section("logging")
        result.logging.level = logging.choice("level", default: result.logging.level)
        result.logging.sipMessages = logging.boolean("sipMessages", default: result.logging.sipMessages)
        if top.has("connectors") { result.connectors = connectors(top, sip: result.sip) }
        remarkOnTargets(result, top)
        return result
    }

    private func node(_ section: SectionReader, bind: IPAddress) -> NodeSettings {
        var node = NodeSettings()
        node.region = section.value("region", default: node.region) { text throws(ValueComplaint) in
            guard HostText.isToken(text) else {
                throw ValueComplaint("\(section.quote(text)) is no region", "use 1 to 32 letters, digits and '-'")
            }
            return text
        }
        node.accountId = section.value("accountId", default: node.accountId) { text throws(ValueComplaint) in
            guard text.utf8.count == 12, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                throw ValueComplaint("\(section.quote(text)) is no account", "use 12 digits, in quotes")
            }
            return text
        }
        node.domain = section.value("domain", default: node.domain) { text throws(ValueComplaint) in
            guard HostText.isDomain(text), !HostText.looksLikeIPv4(text) else {
                throw ValueComplaint("\(section.quote(text)) is no domain name", "use a name such as voice.example.com")
            }
            return text.lowercased()
        }
        // Peers can only use an address that they can reach, so a service bound to one address advertises that one.
        let fallback = bind.isUnspecified ? node.advertisedAddress : bind.description
        node.advertisedAddress = section.value("advertisedAddress", default: fallback) { text throws(ValueComplaint) in
            if let address = IPAddress(parsing: text) {
                guard !address.isUnspecified else {
                    throw ValueComplaint(
                        "\(section.quote(text)) is no address that a peer can send to",
                        "use the address under which the session border controller reaches this node")
                }
                return address.description
            }
            guard HostText.isDomain(text), !HostText.looksLikeIPv4(text) else {
                throw ValueComplaint(
                    "\(section.quote(text)) is neither an IP address nor a host name", "use one without a port")
            }
            return text.lowercased()
        }
        return node
    }

    private func sip(_ section: SectionReader) -> SIPSettings {
        var sip = SIPSettings()
        sip.bind = section.value("bind", default: sip.bind) { text throws(ValueComplaint) in
            guard let address = IPAddress(parsing: text) else {
                throw ValueComplaint(
                    "\(section.quote(text)) is no IP address",
                    "use an address of this machine, 0.0.0.0 for every IPv4 address, or '::' (in quotes) for every one")
            }
            return address
        }
        sip.udp = section.listenPort("udp", default: sip.udp)
        sip.tcp = section.listenPort("tcp", default: sip.tcp)
        sip.tls = section.listenPort("tls", default: sip.tls)
        if sip.udp == nil, sip.tcp == nil, sip.tls == nil {
            findings.add(section.origin, "sip", "has udp, tcp and tls all off", "give one of them a port")
        }
        if let tls = sip.tls, tls != 0, tls == sip.tcp {
            let key = section.has("tls") ? "tls" : "tcp"
            findings.add(
                section.origin(of: key), section.keyPath(key), "sip.tcp and sip.tls are both port \(tls)",
                "give each a port of its own")
        }
        sip.certificate = file("certificate", section)
        sip.privateKey = file("privateKey", section)
        checkPair(section, "sip")
        return sip
    }

    private func http(_ section: SectionReader) -> HTTPListenerSettings {
        var http = HTTPListenerSettings()
        http.bind = section.value("bind", default: http.bind) { text throws(ValueComplaint) in
            guard let address = IPAddress(parsing: text) else {
                throw ValueComplaint(
                    "\(section.quote(text)) is no IP address", "use an address of this machine, 0.0.0.0 or '::'")
            }
            return address
        }
        http.port = section.listenPort("port", default: http.port)
        http.certificate = file("certificate", section)
        http.privateKey = file("privateKey", section)
        checkPair(section, "http")
        http.publicURL = section.value("publicUrl", default: nil) { text throws(ValueComplaint) in try Self.url(text) }
        http.requireSignatures = section.boolean("requireSignatures", default: http.requireSignatures)
        if !http.requireSignatures, !http.bind.isLoopback {
            findings.note(
                section.origin(of: "requireSignatures"), section.keyPath("requireSignatures"),
                "is false, so whoever reaches \(http.bind) can hear every call", "set it to true, or bind 127.0.0.1")
        }
        let connections = section.integer("connections", default: 0)
        http.connections = connections > 0 ? connections : nil
        let perAddress = section.integer("connectionsPerAddress", default: 0)
        http.connectionsPerAddress = perAddress > 0 ? perAddress : nil
        return http
    }

    private func streams(_ section: SectionReader) -> StreamSettings {
        var streams = StreamSettings()
        streams.flushInterval = section.duration("flushInterval", default: streams.flushInterval)
        streams.syncInterval = section.duration("syncInterval", default: streams.syncInterval)
        streams.retentionInterval = section.duration("retentionInterval", default: streams.retentionInterval)
        streams.diskBudget = section.value("diskBudget", default: nil) { text throws(ValueComplaint) in
            guard let bytes = ByteCountText.parse(text) else {
                throw ValueComplaint("\(section.quote(text)) is no size", "write a number with MB, GB or TB, or 0")
            }
            return bytes == 0 ? nil : bytes
        }
        let encryption = section.section("encryption")
        streams.encryptionKeyFile = file("keyFile", encryption)
        streams.encryptionKeyVariable = encryption.value("keyVariable", default: nil) { text throws(ValueComplaint) in
            guard !text.isEmpty, text.utf8.count <= 128, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3D })
            else {
                throw ValueComplaint(
                    "\(encryption.quote(text)) is no name of a variable", "name one such as EARSHOT_STORAGE_KEYS")
            }
            return text
        }
        if encryption.has("keyFile"), encryption.has("keyVariable") {
            findings.add(
                encryption.origin(of: "keyVariable"), encryption.keyPath("keyVariable"),
                "is set beside streams.encryption.keyFile", "set one of the two")
        }
        return streams
    }

    /// A certificate and its key come together.
    private func checkPair(_ section: SectionReader, _ name: String) {
        guard section.has("certificate") != section.has("privateKey") else { return }
        let (there, missing) =
            section.has("certificate") ? ("certificate", "privateKey") : ("privateKey", "certificate")
        let remedy = name == "sip" ? "set both, or neither for a self-signed certificate" : "set both or neither"
        findings.add(
            section.origin(of: there), section.keyPath(there), "is set without \(name).\(missing)", remedy)
    }

    private func media(_ section: SectionReader, sip: SIPSettings) -> MediaSettings {
        var media = MediaSettings()
        media.ports = section.value("ports", default: media.ports) { text throws(ValueComplaint) in
            try Self.portRange(text)
        }
        if let udp = sip.udp, media.ports.contains(udp) {
            let key = section.has("ports") ? section.keyPath("ports") : "sip.udp"
            findings.add(
                section.origin(of: "ports"), key, "sip.udp (\(udp)) lies inside of media.ports (\(media.ports))",
                "move one of them")
        }
        media.backend = section.choice("backend", default: media.backend)
        media.jitterBuffer = section.duration("jitterBuffer", default: media.jitterBuffer)
        media.maxCalls = section.integer("maxCalls", default: media.maxCalls)
        media.workers = section.integer("workers", default: media.workers)
        media.pinWorkers = section.boolean("pinWorkers", default: media.pinWorkers)
        media.allowsNAT = section.boolean("nat", default: media.allowsNAT)
        media.idleTimeout = section.duration("idleTimeout", default: media.idleTimeout)
        return media
    }

    static func portRange(_ text: String) throws(ValueComplaint) -> PortRange {
        let quoted = SectionReader.quote(text)
        let form = "write first-last, such as 10000-19999"
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        guard parts.count == 2, let first = UInt32(parts[0]), let last = UInt32(parts[1]) else {
            throw ValueComplaint("\(quoted) is no port range", form)
        }
        guard first >= 1024, last <= 65_535 else {
            throw ValueComplaint("\(quoted) is out of range", "use ports from 1024 to 65535")
        }
        guard first < last else { throw ValueComplaint("\(quoted) ends before it starts", form) }
        guard first.isMultiple(of: 2), !last.isMultiple(of: 2) else {
            let even = first + first % 2
            let odd = last % 2 == 0 ? last - 1 : last
            let better = odd > even + 2 ? "write \(even)-\(odd)" : form
            throw ValueComplaint(
                "\(quoted) cuts a pair of ports in two (RTP is even, RTCP is the odd port after it)", better)
        }
        guard last - first >= 3, let range = PortRange(first: UInt16(first), last: UInt16(last)) else {
            throw ValueComplaint("\(quoted) is too small", "a call of two streams needs 4 ports")
        }
        return range
    }

    /// The path of a file that must be there.
    private func file(_ name: String, _ section: SectionReader) -> String? {
        section.value(name, default: nil) { text throws(ValueComplaint) in
            let path = resolve(try SectionReader.line(text, limit: 4096), section.origin(of: name))
            guard isReadable(path) else {
                throw ValueComplaint(
                    "there is no readable file at \(SectionReader.quote(path))",
                    "check the path, and that the user who runs the service may read it")
            }
            return path
        }
    }

    /// A path of the file starts at the file's folder, one of the environment at the working folder.
    private func resolve(_ path: String, _ origin: ConfigurationIssue.Origin) -> String {
        guard case .file = origin, let folder, !folder.isEmpty, !path.hasPrefix("/") else { return path }
        return folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
    }
}
