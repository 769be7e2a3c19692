import AudioExport
import CallArchive
import Delivery
import Provisioning

extension DeliverySettings {
    /// What the configuration asks for, with the connectors' choice of targets.
    init(_ configuration: ServiceConfiguration, dataDirectory: String) throws(TargetMistake) {
        self.init()
        let targets = configuration.delivery
        func wanted(by target: Connector.NotificationTarget) -> EventFilter {
            let ids = Set(
                configuration.connectors.filter { $0.streaming.notificationTargets.contains(target) }
                    .map(\.id.description))
            return { ids.contains($0.connectorID) }
        }
        if let target = targets.eventBridge {
            var settings = EventBridge(service: try AWSEndpoint(target.service))
            settings.bus = target.bus
            settings.isWanted = wanted(by: .eventBridge)
            eventBridge = settings
        }
        if let target = targets.sns {
            var settings = SNS(service: try AWSEndpoint(target.service), topicARN: target.topicARN)
            settings.isWanted = wanted(by: .sns)
            sns = settings
        }
        if let target = targets.sqs {
            var settings = SQS(service: try AWSEndpoint(target.service), queueURL: try EndpointURL(of: target.queueURL))
            settings.isWanted = wanted(by: .sqs)
            sqs = settings
        }
        if let target = targets.webhook {
            var settings = Webhook(url: try EndpointURL(of: target.url), secret: target.secret.reveal())
            settings.isWanted = wanted(by: .webhook)
            webhooks = [settings]
        }
        if let target = targets.records { records = try Bucket(target) }
        if let target = targets.recordings {
            var settings = Recordings(bucket: try Bucket(target.bucket))
            let format: ExportFormat =
                switch target.format {
                case .mka: .mka
                case .opus: .opus
                case .wav: .wav
                }
            settings.formatter = ExportedRecordings(
                finder: RecordingFinder(dataDirectory: dataDirectory), format: format)
            recordings = settings
        }
        if let target = targets.kinesisVideo {
            var settings = KinesisVideo(service: try AWSEndpoint(target.service))
            settings.streamPrefix = target.streamPrefix
            let ids = Set(
                configuration.connectors.filter(\.streaming.forwardToKinesisVideo).map(\.id.description))
            settings.isWanted = { ids.contains($0.connectorID) }
            kinesisVideo = settings
        }
    }

    /// Whether there is anything to do.
    var isEmpty: Bool {
        eventBridge == nil && sns == nil && sqs == nil && webhooks.isEmpty && records == nil && recordings == nil
            && kinesisVideo == nil
    }
}

/// A URL that passed the configuration and is none for the client.
struct TargetMistake: Error, CustomStringConvertible {
    let url: String
    var description: String { "delivery: '\(url)' is no URL; write one such as https://events.example.com" }
}

extension EndpointURL {
    fileprivate init(of text: String) throws(TargetMistake) {
        guard let url = EndpointURL(text) else { throw TargetMistake(url: text) }
        self = url
    }
}

extension AWSEndpoint {
    fileprivate init(_ service: DeliveryTargets.SignedEndpoint) throws(TargetMistake) {
        self.init(
            endpoint: try EndpointURL(of: service.endpoint), region: service.region,
            accessKeyID: service.accessKeyID, secretAccessKey: service.secretAccessKey.reveal())
    }
}

extension DeliverySettings.Bucket {
    fileprivate init(_ target: DeliveryTargets.BucketTarget) throws(TargetMistake) {
        self.init(service: try AWSEndpoint(target.service), bucket: target.bucket, prefix: target.prefix)
    }
}
