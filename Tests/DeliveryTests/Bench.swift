import Foundation
import Logging
import ServiceLifecycle
import StreamSink
import Testing

@testable import Delivery

/// A data directory of its own, and services over it.
final class Bench: Sendable {
    let path: String
    var log: String { "\(path)/logs/events.jsonl" }

    init() throws {
        path = NSTemporaryDirectory() + "delivery-\(UUID().uuidString)"
        for part in ["logs", "objects", "streams"] {
            try FileManager.default.createDirectory(atPath: "\(path)/\(part)", withIntermediateDirectories: true)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func event(
        _ id: String, call: String, status: String = "STARTED", connector: String = "vc", extra: String = ""
    ) -> String {
        #"{"version":"0","id":"\#(id)","detail-type":"Chime VoiceConnector Streaming Status","source":"aws.chime","account":"1","time":"2026-11-23T10:00:00Z","region":"us-east-1","resources":[],"detail":{"callId":"c","transactionId":"\#(call)","voiceConnectorId":"\#(connector)","streamingStatus":"\#(status)"\#(extra)}}"#
    }

    func append(_ lines: [String], to file: String? = nil) throws {
        let file = file ?? log
        if !FileManager.default.fileExists(atPath: file) { FileManager.default.createFile(atPath: file, contents: nil) }
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
        try handle.close()
    }

    func write(_ content: [UInt8], to relative: String) throws {
        let file = "\(path)/\(relative)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(content).write(to: URL(fileURLWithPath: file))
    }

    func read(_ relative: String) -> String {
        (try? String(contentsOfFile: "\(path)/\(relative)", encoding: .utf8)) ?? ""
    }

    static func quick(_ change: (inout DeliverySettings) -> Void) -> DeliverySettings {
        var settings = DeliverySettings()
        settings.policy.base = .milliseconds(10)
        settings.policy.longestWait = .milliseconds(100)
        settings.policy.longestPause = .milliseconds(50)
        settings.tick = .milliseconds(10)
        settings.grace = .seconds(2)
        settings.firstStart = .everything
        change(&settings)
        return settings
    }

    static func service(at url: String, key: String = "AKIAEXAMPLE") throws -> AWSEndpoint {
        AWSEndpoint(
            endpoint: try #require(EndpointURL(url)), region: "us-east-1", accessKeyID: key, secretAccessKey: "secret")
    }

    /// Runs a service until the body returns, then shuts it down gracefully.
    @discardableResult
    func running(
        _ settings: DeliverySettings, _ body: (DeliveryService) async throws -> Void
    ) async throws -> [TargetStatistics] {
        var logger = Logger(label: "delivery")
        logger.logLevel = .critical
        let service = try DeliveryService(settings, dataDirectory: path, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: logger))
        let task = Task { try await group.run() }
        do { try await body(service) } catch {
            task.cancel()
            _ = await task.result
            throw error
        }
        await group.triggerGracefulShutdown()
        try await task.value
        return service.statistics
    }
}

struct TimedOut: Error, CustomStringConvertible {
    var description: String
}

/// Waits until something holds; throws when it does not within the time.
func eventually(
    _ what: String, within seconds: Double = 20, _ condition: @Sendable () -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while !condition() {
        guard ContinuousClock.now < end else { throw TimedOut(description: "waited \(seconds) s for: \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
