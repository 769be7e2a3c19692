import Dispatch
import Foundation
import MediaEngine
import StreamSink
import UserAgent

/// `data/logs/sip.jsonl`: one JSON object a SIP message, in the form of contract section 4. Written on a queue of its
/// own; when the disk is slow, at most a thousand messages wait and further ones are counted and left out.
final class SIPMessageLog: Sendable {
    private let log: EventLog
    private let region: String
    private let queue = DispatchQueue(label: "sip-log")
    private let waiting = DispatchSemaphore(value: 1_000)

    init(path: String, region: String) {
        log = EventLog(path: path)
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
                .init("sip_message", .string(Self.redacted(message.bytes))),
            ])
            _ = log.append(line.bytes + [UInt8(ascii: "\n")])
            waiting.signal()
        }
    }

    /// Waits for what was posted.
    func close() { queue.sync {} }

    /// Keys and digests are secrets: `a=crypto` lines lose their key, credentials lose everything but the scheme.
    static func redacted(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if let key = line.range(of: "inline:", options: .caseInsensitive) {
                return line[..<key.upperBound] + "<redacted>"
            }
            let name = line.prefix { $0 != ":" }
            if name.lowercased().hasSuffix("authorization") { return name + ": <redacted>" }
            return String(line)
        }.joined(separator: "\n")
    }
}
