import Addressing

extension ConfigurationReader {
    /// The connectors of the file; those with an issue are left out, the load fails anyway.
    func connectors(_ top: SectionReader, sip: SIPSettings) -> [Connector] {
        let issuesBefore = findings.issues.count
        let items = top.list("connectors", limit: Self.connectorLimit)
        guard !items.isEmpty else {
            if findings.issues.count == issuesBefore {
                findings.add(
                    top.origin(of: "connectors"), "connectors", "is empty, so no call could be taken",
                    "add a connector, or remove the key for one that only this machine may call")
            }
            return []
        }
        var firstPlace: [ConnectorID: String] = [:]
        var connectors: [Connector] = []
        for (path, node) in items {
            let section = SectionReader(
                node, path: path, pattern: "connectors[]", parent: node.origin, findings: findings)
            guard let connector = connector(section, sip: sip) else { continue }
            if let place = firstPlace[connector.id] {
                findings.add(
                    section.origin(of: "id"), section.keyPath("id"), "\(connector.id) is also the id of \(place)",
                    "give each connector an id of its own")
                continue
            }
            firstPlace[connector.id] = path
            connectors.append(connector)
        }
        return connectors
    }

    private func connector(_ section: SectionReader, sip: SIPSettings) -> Connector? {
        let id: ConnectorID? = section.required("id") { text throws(ValueComplaint) in
            if let id = ConnectorID(text) { return id }
            let length = text.count == ConnectorID.length ? "" : " (it has \(text.count) characters)"
            throw ValueComplaint(
                "\(section.quote(text)) is no connector id\(length)",
                "use \(ConnectorID.length) characters of a–z and 0–9, in quotes when all are digits")
        }
        var connector = Connector(id: id ?? .embedded, name: id?.description ?? "")
        connector.name = section.line("name", limit: 256, default: connector.name)
        connector.requireEncryption = section.boolean("requireEncryption", default: false)
        if connector.requireEncryption, sip.tls == nil {
            findings.note(
                section.origin(of: "requireEncryption"), section.keyPath("requireEncryption"),
                "takes calls over TLS only, and sip.tls is off, so no call can come in",
                "give sip.tls a port, or set requireEncryption to false")
        }
        let termination = section.section("termination")
        connector.termination = self.termination(termination)
        let streaming = section.section("streaming")
        connector.streaming.disabled = streaming.boolean("disabled", default: connector.streaming.disabled)
        connector.streaming.format = streaming.choice("format", default: connector.streaming.format)
        connector.streaming.redactDigits = streaming.boolean(
            "redactDigits", default: connector.streaming.redactDigits)
        connector.streaming.dataRetentionInHours = streaming.integer(
            "dataRetentionInHours", default: connector.streaming.dataRetentionInHours)
        connector.streaming.notificationTargets = notificationTargets(streaming)
        connector.streaming.forwardToKinesisVideo = streaming.boolean(
            "forwardToKinesisVideo", default: connector.streaming.forwardToKinesisVideo)
        remark(on: connector, termination)
        remark(on: connector.streaming, streaming)
        return id == nil ? nil : connector
    }

    private func termination(_ section: SectionReader) -> Connector.Termination {
        var result = Connector.Termination()
        for (path, node) in section.list("cidrAllowedList", limit: 1000) {
            let block: CIDRBlock? = item(node, path, "a block such as 192.0.2.0/24") { text throws(ValueComplaint) in
                do throws(CIDRError) {
                    return try CIDRBlock(parsing: SectionReader.visible(text))
                } catch {
                    throw ValueComplaint(error.description, error.remedy)
                }
            }
            if let block { result.cidrAllowedList.append(block) }
        }
        var firstPlace: [String: String] = [:]
        for (path, node) in section.list("credentials", limit: 100) {
            let pattern = "connectors[].termination.credentials[]"
            let item = SectionReader(node, path: path, pattern: pattern, parent: node.origin, findings: findings)
            let username: String? = item.required("username") { text throws(ValueComplaint) in
                try Self.username(text)
            }
            let password: String? = item.required("password") { text throws(ValueComplaint) in
                try SectionReader.line(text, limit: 512)
            }
            guard let username, let password else { continue }
            if let place = firstPlace[username] {
                findings.add(
                    item.origin(of: "username"), item.keyPath("username"),
                    "\(SectionReader.quote(username)) is also the username of \(place)",
                    "keep one of them: a user has one password")
                continue
            }
            firstPlace[username] = path
            result.credentials.append(Connector.Credential(username: username, password: Secret(password)))
        }
        result.cpsLimit = section.integer("cpsLimit", default: result.cpsLimit)
        return result
    }

    /// RFC 3261 §25.1 lets a quoted user name hold nearly anything, but RFC 7616 §3.4.2 ends it at the first colon.
    private static func username(_ text: String) throws(ValueComplaint) -> String {
        let text = try SectionReader.line(text, limit: 128)
        guard !text.contains(where: { "\":\\".contains($0) }) else {
            throw ValueComplaint("has a quote, colon or backslash", "use other characters")
        }
        return text
    }

    private func notificationTargets(_ section: SectionReader) -> [Connector.NotificationTarget] {
        var targets: [Connector.NotificationTarget] = []
        let names = Connector.NotificationTarget.allCases.map(\.rawValue)
        for (path, node) in section.list("notificationTargets", limit: 4) {
            let target: Connector.NotificationTarget? = item(node, path, names.joined(separator: ", ")) {
                text throws(ValueComplaint) in
                if let target = Connector.NotificationTarget(rawValue: text) { return target }
                let hint = NameSuggestion.nearest(to: text, among: names).map { "did you mean '\($0)'? " } ?? ""
                throw ValueComplaint(
                    "\(SectionReader.quote(text)) is not offered", "\(hint)use \(names.joined(separator: ", "))")
            }
            guard let target else { continue }
            if targets.contains(target) {
                findings.add(node.origin, path, "\(target.rawValue) is written twice", "keep one of them")
            } else {
                targets.append(target)
            }
        }
        return targets
    }

    /// An item of a list that is a single value.
    private func item<Value>(
        _ node: ConfigurationNode, _ path: String, _ expected: String,
        _ parse: (String) throws(ValueComplaint) -> Value
    ) -> Value? {
        guard case .scalar(let text, isEmpty: false) = node.content else {
            findings.add(
                node.origin, path, "has \(node.kindText) where a single value is expected", "write \(expected)")
            return nil
        }
        do {
            return try parse(text)
        } catch {
            findings.add(node.origin, path, error.problem, error.remedy)
            return nil
        }
    }

    /// Redaction silences the audio that is decoded; payloads are kept as they came, and a key that was pressed in-band,
    /// without RFC 4733, can be heard in both.
    private func remark(on streaming: Connector.Streaming, _ section: SectionReader) {
        guard streaming.redactDigits, streaming.format == .payload else { return }
        findings.note(
            section.origin(of: "redactDigits"), section.keyPath("redactDigits"),
            "takes telephone events out of streams of payloads, and cannot silence the audio under them",
            "use the format pcm, pcm16 or opus where digits must not be heard")
    }

    /// What is allowed and yet often not meant.
    private func remark(on connector: Connector, _ termination: SectionReader) {
        let key = termination.keyPath("cidrAllowedList")
        let list = connector.termination.cidrAllowedList
        if list.isEmpty {
            findings.note(
                termination.origin(of: "cidrAllowedList"), key, "is empty, so nobody may call this connector",
                "add the addresses of the session border controllers")
        }
        if connector.termination.credentials.isEmpty, let block = list.first(where: \.isEverything) {
            findings.note(
                termination.origin(of: "cidrAllowedList"), key,
                "\(block) allows everyone, and no password is asked for", "name the sources, or add credentials")
        }
    }
}
