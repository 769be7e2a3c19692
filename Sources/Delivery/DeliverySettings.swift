import RequestSigning

/// An AWS service, or something that speaks like one.
public struct AWSEndpoint: Sendable, CustomStringConvertible {
    /// Its address; nil for AWS's own in the region.
    public var endpoint: EndpointURL?
    /// The region.
    public var region: String
    /// The access key's identifier.
    public var accessKeyID: String
    let secretAccessKey: String
    let sessionToken: String?

    /// Makes an endpoint.
    public init(
        endpoint: EndpointURL? = nil, region: String, accessKeyID: String, secretAccessKey: String,
        sessionToken: String? = nil
    ) {
        self.endpoint = endpoint
        self.region = region
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }

    /// Without the secret.
    public var description: String { "\(endpoint.map(\.description) ?? "AWS") in \(region) as \(accessKeyID)" }

    func signer(_ service: String) -> AWSRequestSigner {
        AWSRequestSigner(
            accessKeyID: accessKeyID, secret: secretAccessKey, sessionToken: sessionToken, region: region,
            service: service)
    }

    /// The address of a service.
    func url(_ host: String) -> EndpointURL {
        endpoint
            ?? EndpointURL(
                isSecure: true,
                host: "\(host).\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")", port: nil, path: "")
    }
}

/// Where what goes, and how hard is tried.
public struct DeliverySettings: Sendable {
    /// Which events a target is sent; by default all.
    public typealias EventFilter = @Sendable (EventSummary) -> Bool

    /// What a first start of a target does with what is in the spool already.
    public enum FirstStart: Sendable { case newOnly, everything }

    /// EventBridge, `PutEvents`.
    public struct EventBridge: Sendable {
        /// The service.
        public var service: AWSEndpoint
        /// The bus's name or ARN.
        public var bus = "default"
        /// Stands in for the events' own source where that is `aws.…`, which AWS takes from no customer; nil = leave it.
        public var source: String?
        /// Which events.
        public var isWanted: EventFilter = { _ in true }
        /// Makes settings; for AWS's own endpoint the source becomes `earshot.chime`.
        public init(service: AWSEndpoint) {
            self.service = service
            source = service.endpoint.map(\.isAWS) ?? true ? "earshot.chime" : nil
        }
    }

    /// SNS, `Publish`.
    public struct SNS: Sendable {
        /// The service.
        public var service: AWSEndpoint
        /// The topic; a FIFO topic is told the call as group and the event's ID as deduplication ID.
        public var topicARN: String
        /// Which events.
        public var isWanted: EventFilter = { _ in true }
        /// Makes settings.
        public init(service: AWSEndpoint, topicARN: String) {
            self.service = service
            self.topicARN = topicARN
        }
    }

    /// SQS, `SendMessage`.
    public struct SQS: Sendable {
        /// The service; without an endpoint the queue's address says where it is.
        public var service: AWSEndpoint
        /// The queue's address; a FIFO queue is told the call as group and the event's ID as deduplication ID.
        public var queueURL: EndpointURL
        /// Which events.
        public var isWanted: EventFilter = { _ in true }
        /// Makes settings.
        public init(service: AWSEndpoint, queueURL: EndpointURL) {
            self.service = service
            self.queueURL = queueURL
        }
    }

    /// A web server of one's own.
    public struct Webhook: Sendable {
        /// The target's name in logs and files, for those who have several.
        public var name = "webhook"
        /// The address.
        public var url: EndpointURL
        let secret: String
        /// For one request, answer included.
        public var timeout: Duration = .seconds(10)
        /// Which events.
        public var isWanted: EventFilter = { _ in true }
        /// Makes settings.
        public init(url: EndpointURL, secret: String) {
            self.url = url
            self.secret = secret
        }
    }

    /// A bucket of S3 or of something like it.
    public struct Bucket: Sendable {
        /// The service.
        public var service: AWSEndpoint
        /// The bucket.
        public var bucket: String
        /// Comes before every key; a slash at its end is not added.
        public var prefix = ""
        /// Whether the bucket is in the path and not in the host's name; needed by most that are not AWS.
        public var isPathStyle: Bool
        /// Larger objects go in parts, so that a break costs a part and not everything.
        public var multipartAbove: Int64 = 64 << 20
        /// The length of a part, 5 MB or more; longer where an object would have more than 10,000 of them.
        public var partLength: Int64 = 16 << 20
        /// Makes settings; path style unless the endpoint is AWS's.
        public init(service: AWSEndpoint, bucket: String, prefix: String = "") {
            self.service = service
            self.bucket = bucket
            self.prefix = prefix
            isPathStyle = service.endpoint.map { !$0.isAWS } ?? bucket.contains(".")
        }
    }

    /// Finished recordings to a bucket.
    public struct Recordings: Sendable {
        /// The bucket.
        public var bucket: Bucket
        /// Makes what is uploaded of a session.
        public var formatter: any RecordingFormatter = StoredRecordings()
        /// Which sessions, by their ENDED event.
        public var isWanted: EventFilter = { _ in true }
        /// A session is left alone this long after its end.
        public var delay: Duration = .seconds(3)
        /// Makes settings.
        public init(bucket: Bucket) { self.bucket = bucket }
    }

    /// Live forwarding to Kinesis Video Streams.
    public struct KinesisVideo: Sendable {
        /// The service.
        public var service: AWSEndpoint
        /// Comes before the stream's own name.
        public var streamPrefix = ""
        /// Whether streams that are missing are made.
        public var createsStreams = true
        /// The retention of streams that are made, in hours.
        public var retentionHours = 24
        /// Legs at the same time; one more connection each.
        public var legs = 4096
        /// Where legs are read; reads the session's files when nil.
        public var sources: (any ForwardSourceProvider)?
        /// A far end that says nothing for so long, though something was sent to it, is given up and asked again.
        public var longestSilence: Duration = .seconds(60)
        /// How long the acknowledgements may take when everything was sent.
        public var patience: Duration = .seconds(15)
        /// Which legs, by their STARTED event.
        public var isWanted: EventFilter = { _ in true }
        /// Makes settings.
        public init(service: AWSEndpoint) { self.service = service }
    }

    /// EventBridge.
    public var eventBridge: EventBridge?
    /// SNS.
    public var sns: SNS?
    /// SQS.
    public var sqs: SQS?
    /// Web servers; their names must differ.
    public var webhooks: [Webhook] = []
    /// Call and streaming detail records to a bucket.
    public var records: Bucket?
    /// Recordings to a bucket.
    public var recordings: Recordings?
    /// Live forwarding.
    public var kinesisVideo: KinesisVideo?
    /// When is tried again, and when given up.
    public var policy = RetryPolicy()
    /// Requests at the same time, a target.
    public var requests = 8
    /// How long the end of the service waits for what can still be sent.
    public var grace: Duration = .seconds(10)
    /// What the first start of an event target does with events that are in the log already. Records and recordings are
    /// always all sent; live forwarding is always of what starts from now on.
    public var firstStart = FirstStart.newOnly
    /// Between looks for new messages.
    public var tick: Duration = .milliseconds(50)

    /// No targets.
    public init() {}
}
