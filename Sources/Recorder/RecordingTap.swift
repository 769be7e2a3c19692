import Logging
import MediaCore
import MediaEngine
import StreamSink

/// Carries a leg's audio from its media worker to its stream. Called on the worker's thread.
final class RecordingTap: LegTap {
    private let session: StreamSession
    private let logger: Logger

    init(session: StreamSession, logger: Logger) {
        self.session = session
        self.logger = logger
    }

    func append(_ samples: Span<Int16>) { session.append(samples) }

    func observe(_ event: LegEvent) {
        switch event {
        case .mediaBegan: logger.debug("media began", metadata: ["stream": "\(session.streamName)"])
        case .digit(_, let milliseconds):
            // Which digit it was may be a secret (a card number, a PIN) and stays out of the log.
            logger.info(
                "telephone event",
                metadata: ["stream": "\(session.streamName)", "milliseconds": "\(milliseconds)"])
        }
    }
}

/// For connectors whose streaming is disabled.
final class DiscardingTap: LegTap {
    func append(_ samples: Span<Int16>) {}
    func observe(_ event: LegEvent) {}
}
