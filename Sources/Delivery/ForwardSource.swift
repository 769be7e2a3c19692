import StreamSink

/// A leg that is forwarded.
public struct ForwardedLeg: Sendable {
    /// The session's file.
    public var path: String
    /// The stream.
    public var streamName: String
    /// The session's number in its stream.
    public var session: Int
    /// The STARTED event.
    public var event: EventSummary
}

/// Opens legs for reading.
public protocol ForwardSourceProvider: Sendable {
    /// Opens a leg at its start, also when it has grown or ended.
    func open(_ leg: ForwardedLeg) throws -> any ForwardSource
}

/// A session being read while it grows. Owned by one task at a time.
public protocol ForwardSource: AnyObject {
    /// Whether everything was given and nothing will follow.
    var hasEnded: Bool { get }
    /// What comes next; nil when there is nothing at the moment.
    func next() throws -> StreamEvent?
    /// Returns when there may be more, or after a while.
    nonisolated(nonsending) func waitForMore() async throws
}

/// Reads the session's file and looks for more every 40 ms.
public struct SessionFileSources: ForwardSourceProvider {
    /// Makes the provider.
    public init() {}

    /// Opens the session's file.
    public func open(_ leg: ForwardedLeg) throws -> any ForwardSource {
        SessionFileSource(reader: try StreamReader(path: leg.path))
    }
}

private final class SessionFileSource: ForwardSource {
    private let reader: StreamReader

    init(reader: StreamReader) {
        self.reader = reader
    }

    var hasEnded: Bool { reader.hasEnded }
    func next() throws -> StreamEvent? { try reader.read() }
    nonisolated(nonsending) func waitForMore() async throws { try await Task.sleep(for: .milliseconds(40)) }
}
