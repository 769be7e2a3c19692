import StreamSink

/// Something to be sent to a target.
public struct DeliveryMessage: Sendable {
    /// What is sent.
    public enum Content: Sendable {
        /// An event; for recordings and live forwarding the event that says which session it is about.
        case event(EventSummary)
        /// An object of the object folder: its key and its file.
        case object(key: String, path: String)
    }

    /// Stays the same however often the message is sent: the event's ID or the object's key.
    public var id: String
    /// How often it was sent in vain; 0 the first time.
    public var failures: Int
    /// What is sent.
    public var content: Content

    /// Makes a message.
    public init(id: String, failures: Int, content: Content) {
        self.id = id
        self.failures = failures
        self.content = content
    }
}

/// What came of one message.
public enum DeliveryResult: Sendable, Equatable {
    /// The target has it.
    case acknowledged
    /// It does not, or not for certain.
    case failed(DeliveryFailure)
}

/// Where messages go. Its answers decide what is tried again; it keeps no queue and does not retry by itself.
public protocol DeliveryTarget: Sendable {
    /// The most messages of one ``send(_:)``.
    var batchLimit: Int { get }
    /// Sends messages of different calls; one result a message, in their order. Cancelled at the end of the grace.
    func send(_ messages: [DeliveryMessage]) async -> [DeliveryResult]
}

extension DeliveryTarget {
    /// One at a time.
    public var batchLimit: Int { 1 }
}
