extension ConfigurationKey {
    /// The keys of ``DeliveryTargets``.
    static let delivery: [ConfigurationKey] =
        service("eventBridge") + [
            ConfigurationKey(
                "delivery.eventBridge.bus", .text("1–256 characters"), default: "default",
                "Name or ARN of the event bus that gets streaming events."
            )
        ] + service("sns") + [
            ConfigurationKey(
                "delivery.sns.topicArn", .text("1–1024 characters"), default: nil,
                "ARN of the topic that gets streaming events."
            )
        ] + service("sqs") + [
            ConfigurationKey(
                "delivery.sqs.queueUrl", .text("an http or https URL"), default: nil,
                "URL of the queue that gets streaming events."
            )
        ] + webhook + bucket("records", "call and streaming detail records")
        + bucket("recordings", "finished recordings")
        + [
            ConfigurationKey(
                "delivery.recordings.format",
                .choice(DeliveryTargets.RecordingTarget.Format.allCases.map(\.rawValue)), default: "mka",
                "Form of a recording: Matroska of each leg, Opus of each leg, or one stereo WAV file."
            )
        ] + service("kinesisVideo") + [
            ConfigurationKey(
                "delivery.kinesisVideo.streamPrefix", .text("1–64 characters"), default: "",
                "What the names of the streams there begin with."
            )
        ]

    private static let webhook: [ConfigurationKey] = [
        ConfigurationKey(
            "delivery.webhook.url", .text("an http or https URL"), default: nil, "Gets streaming events by POST."),
        ConfigurationKey(
            "delivery.webhook.secret", .text("1–1024 characters"), default: nil,
            "Key of the signature in `X-Earshot-Signature`; never printed."
        ),
    ]

    private static func bucket(_ name: String, _ what: String) -> [ConfigurationKey] {
        service(name) + [
            ConfigurationKey(
                "delivery.\(name).bucket", .text("3–63 characters of a–z, 0–9, `-` and `.`"), default: nil,
                "Bucket of \(what)."
            ),
            ConfigurationKey(
                "delivery.\(name).prefix", .text("1–512 characters"), default: "",
                "What every object's key begins with."),
        ]
    }

    private static func service(_ name: String) -> [ConfigurationKey] {
        [
            ConfigurationKey(
                "delivery.\(name).endpoint", .text("an http or https URL"), default: nil, "Where the service is."),
            ConfigurationKey(
                "delivery.\(name).region", .text("1–32 characters"), default: "us-east-1", "Region that requests name."),
            ConfigurationKey(
                "delivery.\(name).accessKeyId", .text("1–1024 characters"), default: nil,
                "Id of the access key that signs requests."
            ),
            ConfigurationKey(
                "delivery.\(name).secretAccessKey", .text("1–1024 characters"), default: nil,
                "Secret of the access key; never printed."
            ),
        ]
    }
}
