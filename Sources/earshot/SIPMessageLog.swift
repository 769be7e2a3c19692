import Dispatch
import MediaEngine
import SIPREC
import StreamSink
import UserAgent

/// `data/logs/sip.jsonl`: one JSON object a SIP message, in the form of contract section 4. Written on a queue of its
/// own; when the disk is slow, at most a thousand messages wait and further ones are counted and left out. Keys and
/// credentials are masked.
final class SIPMessageLog: Sendable {
    private let log: EventLog
    private let region: String
    private let redactsDigits: Bool
    private let queue = DispatchQueue(label: "sip-log")
    private let waiting = DispatchSemaphore(value: 1_000)

    /// `redactsDigits`: keys that are pressed stay out of it, too.
    init(path: String, region: String, redactsDigits: Bool) {
        log = EventLog(path: path)
        self.redactsDigits = redactsDigits
        self.region = region
    }

    /// Called on the event loop: returns at once.
    func append(_ message: CapturedMessage) {
        guard waiting.wait(timeout: .now()) == .success else { return }
        let time = MediaClock.wall / 1_000_000
        queue.async { [self] in
            let line = JSONValue.object([
                .init("aws_region", .string(region)), .init("event_timestamp", .integer(time)),
                .init("direction", .string(message.direction.rawValue)), .init("remote", .string("\(message.remote)")),
                .init("sip_message", .string(MessageRedaction.text(message.bytes, redactsDigits: redactsDigits))),
            ])
            _ = log.append(line.bytes + [UInt8(ascii: "\n")])
            waiting.signal()
        }
    }

    /// Waits for what was posted.
    func close() { queue.sync {} }
}
