import Logging
import StreamSink

/// Makes the runners of the configured targets.
struct RunnerFactory {
    let settings: DeliverySettings
    let dataDirectory: String
    let sender: HTTPSender
    let logger: Logger

    private var folder: String { "\(dataDirectory)/delivery" }

    func runners() throws(FileError) -> [TargetRunner] {
        try DiskFile.makeFolder("\(folder)/dead")
        try DiskFile.makeFolder("\(folder)/uploads")
        var runners: [TargetRunner] = []
        if let target = settings.eventBridge {
            let rules = EventFeed.Rules(isWanted: target.isWanted)
            runners.append(try events("eventBridge", EventBridgeTarget(settings: target, sender: sender), rules))
        }
        if let target = settings.sns {
            let rules = EventFeed.Rules(isWanted: target.isWanted)
            runners.append(try events("sns", SNSTarget(settings: target, sender: sender), rules))
        }
        if let target = settings.sqs {
            let rules = EventFeed.Rules(isWanted: target.isWanted)
            runners.append(try events("sqs", SQSTarget(settings: target, sender: sender), rules))
        }
        for target in settings.webhooks {
            let name = target.name.filter { $0.isLetter || $0.isNumber || $0 == "-" }
            let rules = EventFeed.Rules(isWanted: target.isWanted)
            runners.append(try events(name, WebhookTarget(settings: target, sender: sender), rules))
        }
        if let bucket = settings.records { runners.append(try records(bucket)) }
        if let target = settings.recordings { runners.append(try recordings(target)) }
        if let target = settings.kinesisVideo { runners.append(try kinesisVideo(target)) }
        return runners
    }

    private func bucketClient(_ bucket: DeliverySettings.Bucket) -> BucketClient {
        BucketClient(settings: bucket, sender: sender, uploadsFolder: "\(folder)/uploads")
    }

    private func records(_ bucket: DeliverySettings.Bucket) throws(FileError) -> TargetRunner {
        let setup = setup("records", RecordTarget(client: bucketClient(bucket)))
        let feed = ObjectFeed(
            root: "\(dataDirectory)/objects",
            prefixes: ["Amazon-Chime-Voice-Connector-CDRs", "Amazon-Chime-Voice-Connector-SDRs"],
            ledger: try DiskFile.read(setup.cursorPath, limit: 1 << 30), logger: logger)
        return TargetRunner(setup, logger: logger, feed: feed)
    }

    private func recordings(_ target: DeliverySettings.Recordings) throws(FileError) -> TargetRunner {
        let isWanted = target.isWanted
        var rules = EventFeed.Rules(isWanted: { $0.status == "ENDED" && isWanted($0) })
        // A recording waits for no other; where all legs make one object, the last is put last.
        let joinsLegs = target.formatter.joinsLegs
        rules.lane = { joinsLegs ? $0.transactionID : $0.id }
        rules.delay = target.delay
        let client = bucketClient(target.bucket)
        return try events(
            "recordings",
            RecordingTarget(formatter: target.formatter, client: client, dataDirectory: dataDirectory), rules,
            firstStart: .everything, requests: min(settings.requests, 4))
    }

    private func kinesisVideo(_ target: DeliverySettings.KinesisVideo) throws(FileError) -> TargetRunner {
        let isWanted = target.isWanted
        var rules = EventFeed.Rules(isWanted: { $0.status == "STARTED" && isWanted($0) })
        // Sessions of one far stream go one after the other: it takes one PutMedia at a time.
        rules.lane = { $0.detail("streamArn") ?? $0.id }
        let cursors = "\(folder)/kinesisVideo"
        try DiskFile.makeFolder(cursors)
        ForwardCursor.removeForgotten(in: cursors)
        return try events(
            "kinesisVideo",
            KinesisVideoTarget(
                settings: target, sender: sender, dataDirectory: dataDirectory, cursorFolder: cursors, logger: logger),
            rules, firstStart: .newOnly, requests: target.legs)
    }

    private func events(
        _ name: String, _ target: any DeliveryTarget, _ rules: EventFeed.Rules,
        firstStart: DeliverySettings.FirstStart? = nil, requests: Int? = nil
    ) throws(FileError) -> TargetRunner {
        let setup = setup(name, target, requests: requests)
        var logger = logger
        logger[metadataKey: "target"] = "\(name)"
        let feed = EventFeed(
            path: "\(dataDirectory)/logs/events.jsonl", cursor: try DiskFile.read(setup.cursorPath, limit: 16 << 20),
            isNewOnly: (firstStart ?? settings.firstStart) == .newOnly, rules: rules, logger: logger)
        // From the first moment on a restart goes on from here.
        if case .replace(let bytes)? = feed.cursor() { try DiskFile.replace(setup.cursorPath, with: bytes) }
        return TargetRunner(setup, logger: logger, feed: feed)
    }

    private func setup(_ name: String, _ target: any DeliveryTarget, requests: Int? = nil) -> TargetRunner.Setup {
        TargetRunner.Setup(
            name: name, target: target, policy: settings.policy, requests: max(1, requests ?? settings.requests),
            cursorPath: "\(folder)/\(name).cursor", deadLetterPath: "\(folder)/dead/\(name).jsonl", tick: settings.tick)
    }
}
