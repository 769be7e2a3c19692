/// Where events, records, recordings and live audio are sent, besides the data folder. Every target is off until it is
/// configured.
public struct DeliveryTargets: Sendable, Equatable {
    /// Events to an event bus (PutEvents).
    public var eventBridge: EventBusTarget?
    /// Events to a topic (Publish).
    public var sns: TopicTarget?
    /// Events to a queue (SendMessage).
    public var sqs: QueueTarget?
    /// Events by POST.
    public var webhook: WebhookTarget?
    /// Call and streaming detail records.
    public var records: BucketTarget?
    /// Finished recordings.
    public var recordings: RecordingTarget?
    /// Live audio, by PutMedia.
    public var kinesisVideo: KinesisVideoTarget?

    /// Nothing is sent.
    public init() {}
}

extension DeliveryTargets {
    /// A service that takes requests signed as AWS's are.
    public struct SignedEndpoint: Sendable, Equatable {
        /// The URL, `http` or `https`, without a path for AWS's own services.
        public var endpoint: String
        /// The region that signatures name.
        public var region: String
        /// The access key's id.
        public var accessKeyID: String
        /// The access key's secret, never printed.
        public var secretAccessKey: Secret
    }

    /// An event bus.
    public struct EventBusTarget: Sendable, Equatable {
        /// The service.
        public var service: SignedEndpoint
        /// The bus's name or ARN.
        public var bus: String
    }

    /// A topic.
    public struct TopicTarget: Sendable, Equatable {
        /// The service.
        public var service: SignedEndpoint
        /// The topic's ARN.
        public var topicARN: String
    }

    /// A queue.
    public struct QueueTarget: Sendable, Equatable {
        /// The service.
        public var service: SignedEndpoint
        /// The queue's URL.
        public var queueURL: String
    }

    /// A receiver of POST requests.
    public struct WebhookTarget: Sendable, Equatable {
        /// The URL, `http` or `https`.
        public var url: String
        /// The key of the signature that each request carries, never printed.
        public var secret: Secret
    }

    /// A bucket of any S3-compatible service.
    public struct BucketTarget: Sendable, Equatable {
        /// The service.
        public var service: SignedEndpoint
        /// The bucket.
        public var bucket: String
        /// What every key begins with; may be empty.
        public var prefix: String
    }

    /// A bucket of recordings.
    public struct RecordingTarget: Sendable, Equatable {
        /// The form of a recording.
        public enum Format: String, Sendable, CaseIterable {
            /// The Matroska file of each leg, as it is kept.
            case mka
            /// Opus of each leg.
            case opus
            /// One WAV file, caller left and callee right.
            case wav
        }

        /// Where to.
        public var bucket: BucketTarget
        /// In which form.
        public var format: Format
    }

    /// Kinesis Video Streams, or another Earshot.
    public struct KinesisVideoTarget: Sendable, Equatable {
        /// The service.
        public var service: SignedEndpoint
        /// What the names of the streams there begin with; may be empty.
        public var streamPrefix: String
    }
}
