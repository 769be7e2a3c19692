extension ConfigurationReader {
    /// Targets whose section is not in the file stay off.
    func delivery(_ top: SectionReader) -> DeliveryTargets {
        let delivery = top.section("delivery")
        var result = DeliveryTargets()
        if delivery.has("eventBridge") {
            let section = delivery.section("eventBridge")
            let bus = section.line("bus", limit: 256, default: "default")
            if let service = signedEndpoint(section) { result.eventBridge = .init(service: service, bus: bus) }
        }
        if delivery.has("sns") {
            let section = delivery.section("sns")
            let topic = required("topicArn", section)
            if let service = signedEndpoint(section), let topic {
                result.sns = .init(service: service, topicARN: topic)
            }
        }
        if delivery.has("sqs") {
            let section = delivery.section("sqs")
            let queue: String? = section.required("queueUrl") { text throws(ValueComplaint) in try Self.url(text) }
            if let service = signedEndpoint(section), let queue {
                result.sqs = .init(service: service, queueURL: queue)
            }
        }
        if delivery.has("webhook") {
            let section = delivery.section("webhook")
            let url: String? = section.required("url") { text throws(ValueComplaint) in try Self.url(text) }
            let secret = required("secret", section)
            if let url, let secret { result.webhook = .init(url: url, secret: Secret(secret)) }
        }
        if delivery.has("records") { result.records = bucket(delivery.section("records")) }
        if delivery.has("recordings") {
            let section = delivery.section("recordings")
            let format = section.choice("format", default: DeliveryTargets.RecordingTarget.Format.mka)
            result.recordings = bucket(section).map { .init(bucket: $0, format: format) }
        }
        if delivery.has("kinesisVideo") {
            let section = delivery.section("kinesisVideo")
            let prefix = section.line("streamPrefix", limit: 64, default: "")
            result.kinesisVideo = signedEndpoint(section).map { .init(service: $0, streamPrefix: prefix) }
        }
        return result
    }

    /// A connector that names a target which is not configured loses nothing, and yet somebody waits for its events.
    func remarkOnTargets(_ configuration: ServiceConfiguration, _ top: SectionReader) {
        let delivery = configuration.delivery
        for connector in configuration.connectors {
            var missing: [String] = []
            for target in connector.streaming.notificationTargets {
                switch target {
                case .eventBridge: if delivery.eventBridge == nil { missing.append("eventBridge") }
                case .sns: if delivery.sns == nil { missing.append("sns") }
                case .sqs: if delivery.sqs == nil { missing.append("sqs") }
                case .webhook: if delivery.webhook == nil { missing.append("webhook") }
                }
            }
            if connector.streaming.forwardToKinesisVideo, delivery.kinesisVideo == nil {
                missing.append("kinesisVideo")
            }
            for name in missing {
                findings.note(
                    top.origin(of: "connectors"), "connectors",
                    "\(connector.id) sends to a target that is not configured",
                    "add delivery.\(name), or take the target from the connector")
            }
        }
    }

    private func signedEndpoint(_ section: SectionReader) -> DeliveryTargets.SignedEndpoint? {
        let endpoint: String? = section.required("endpoint") { text throws(ValueComplaint) in try Self.url(text) }
        let region = section.line("region", limit: 32, default: "us-east-1")
        let id = required("accessKeyId", section)
        let secret = required("secretAccessKey", section)
        guard let endpoint, let id, let secret else { return nil }
        return .init(endpoint: endpoint, region: region, accessKeyID: id, secretAccessKey: Secret(secret))
    }

    private func bucket(_ section: SectionReader) -> DeliveryTargets.BucketTarget? {
        let bucket: String? = section.required("bucket") { text throws(ValueComplaint) in
            let allowed = text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x2E
            }
            guard allowed, (3...63).contains(text.utf8.count) else {
                throw ValueComplaint(
                    "\(section.quote(text)) is no bucket name", "use 3 to 63 characters of a–z, 0–9, '-' and '.'")
            }
            return text
        }
        let prefix = section.line("prefix", limit: 512, default: "")
        guard let service = signedEndpoint(section), let bucket else { return nil }
        return .init(service: service, bucket: bucket, prefix: prefix)
    }

    private func required(_ name: String, _ section: SectionReader) -> String? {
        section.required(name) { text throws(ValueComplaint) in try SectionReader.line(text, limit: 1024) }
    }

    /// An `http` or `https` URL with a host, and without blanks.
    static func url(_ text: String) throws(ValueComplaint) -> String {
        let text = try SectionReader.line(text, limit: 2048)
        let lower = text.lowercased()
        let host =
            lower.hasPrefix("https://") ? lower.dropFirst(8) : lower.hasPrefix("http://") ? lower.dropFirst(7) : ""
        guard let first = host.first, first != "/", !text.contains(" ") else {
            throw ValueComplaint(
                "\(SectionReader.quote(text)) is no URL", "write one such as https://events.example.com")
        }
        guard !host.prefix(while: { $0 != "/" }).contains("@") else {
            throw ValueComplaint("holds a user or a password", "take them out: requests are signed")
        }
        return text
    }
}
