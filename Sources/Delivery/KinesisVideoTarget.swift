import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import RequestSigning
import StreamSink

/// Live forwarding: a STARTED event is a leg, and the leg is acknowledged when the far end has all of it.
///
/// One connection a leg. The body grows with the session while acknowledgements come back; after a break the next
/// connection begins behind the last fragment that was acknowledged, also after a restart of the service. Before it sends,
/// it asks the far end what it has of those whose acknowledgement was lost with the old connection.
struct KinesisVideoTarget: DeliveryTarget {
    let settings: DeliverySettings.KinesisVideo
    let sender: HTTPSender
    let dataDirectory: String
    /// The folder of the legs' cursors.
    let cursorFolder: String
    let logger: Logger
    func send(_ messages: [DeliveryMessage]) async -> [DeliveryResult] {
        var results: [DeliveryResult] = []
        for message in messages {
            do {
                try await forward(message)
                results.append(.acknowledged)
            } catch let failure as DeliveryFailure {
                results.append(.failed(failure))
            } catch {
                results.append(.failed(DeliveryFailure(.message, HTTPSender.reason(error))))
            }
        }
        return results
    }

    private func forward(_ message: DeliveryMessage) async throws {
        guard case .event(let event) = message.content else { throw DeliveryFailure(.refused, "not an event") }
        let session = try SessionPlace(event, dataDirectory: dataDirectory, whenMissing: .message)
        let leg = ForwardedLeg(
            path: session.path, streamName: session.streamName, session: session.session, event: event)
        let cursor = ForwardCursor(path: "\(cursorFolder)/\(leg.streamName)_\(leg.session).json")
        let place = cursor.load()
        var progress = ForwardProgress(keptUpTo: place?.keptUpTo)
        var isResumed = place != nil
        var fruitless = 0
        while true {
            let before = progress.keptUpTo
            cursor.save(before)
            if isResumed { await ask(leg, &progress) }
            isResumed = true
            let leftOut = progress.skipped.count
            let outcome = await connect(leg, &progress, cursor)
            switch outcome {
            case .complete:
                cursor.remove()
                return
            case .again(let reason, let scope):
                try Task.checkCancellation()
                logger.notice(
                    "live forwarding connects again",
                    metadata: ["stream": "\(leg.streamName)", "reason": "\(reason)"])
                fruitless = progress.keptUpTo == before && progress.skipped.count == leftOut ? fruitless + 1 : 0
                // Without progress the queue decides when to go on.
                if let scope, progress.keptUpTo == before { throw DeliveryFailure(scope, reason) }
                // A fragment is refused so often before it is left out; who only ever sends away is not asked in a circle.
                if fruitless > ForwardProgress.refusals { throw DeliveryFailure(.message, reason) }
            case .failed(let failure): throw failure
            }
        }
    }

    /// What the far end has of the leg behind what it was heard to acknowledge. Where it does not tell (it takes a right of
    /// its own), those fragments go a second time.
    private func ask(_ leg: ForwardedLeg, _ progress: inout ForwardProgress) async {
        let start = leg.event.detail("startTime").flatMap(EventBridgeTarget.epochSeconds).map { ($0 - 1) * 1000 }
        guard let from = progress.keptUpTo.map({ $0 + 1 }) ?? start else { return }
        do throws(DeliveryFailure) {
            let control = KinesisVideoControl(settings: settings, sender: sender)
            progress.found(try await control.fragments(settings.streamPrefix + leg.streamName, from: from))
        } catch {
            logger.notice(
                "the far end does not list its fragments; some may be sent twice",
                metadata: ["stream": "\(leg.streamName)", "reason": "\(error)"])
        }
    }

    private enum Outcome {
        case complete
        /// - scope: whose fault it is, if nothing was acknowledged meanwhile; nil when something was done that makes the
        ///   next try a different one.
        case again(reason: String, scope: DeliveryFailure.Scope?)
        case failed(DeliveryFailure)
    }

    private func connect(_ leg: ForwardedLeg, _ progress: inout ForwardProgress, _ cursor: ForwardCursor) async
        -> Outcome
    {
        do {
            let pump = try ForwardPump(
                leg, from: settings.sources ?? SessionFileSources(), resumeAfter: progress.keptUpTo,
                skipped: progress.skipped)
            guard try await pump.prime() else { return .complete }
            let name = settings.streamPrefix + leg.streamName
            let url = try await endpoint(name, leg)
            let request = try await request(url, stream: name, pump)
            let response: HTTPClientResponse
            do { response = try await answered(request) } catch {
                await pump.close()
                return .failed(DeliveryFailure(.target, "PutMedia to \(url.origin): \(HTTPSender.reason(error))"))
            }
            guard response.status == .ok else {
                await pump.close()
                let answer = try await within(settings.longestSilence) { try await HTTPSender.answer(response) }
                if try await createStream(name, leg, answer) {
                    return .again(reason: "the stream was made", scope: nil)
                }
                let failure = KinesisVideoControl.failure(answer, what: "PutMedia")
                return .failed(failure ?? DeliveryFailure(.target, "PutMedia answered \(response.status.code)"))
            }
            return try await acknowledgements(response, pump, &progress, cursor)
        } catch let failure as DeliveryFailure {
            return .failed(failure)
        } catch let error as StreamReaderError {
            return .failed(DeliveryFailure(.message, "\(error)"))
        } catch {
            return .again(reason: HTTPSender.reason(error), scope: .target)
        }
    }

    /// The answer's head. The body goes on after it, for as long as the leg does.
    private func answered(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        let client = sender.client
        return try await within(settings.longestSilence) {
            try await client.execute(request, deadline: .now() + .hours(24))
        }
    }

    private func within<Result: Sendable>(
        _ time: Duration, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: time)
                throw DeliveryFailure(.target, "no answer within \(time)")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    private func acknowledgements(
        _ response: HTTPClientResponse, _ pump: ForwardPump, _ progress: inout ForwardProgress, _ cursor: ForwardCursor
    ) async throws -> Outcome {
        var parser = AcknowledgementParser()
        let parts = AnswerParts(response.body)
        let (patience, silence) = (settings.patience, settings.longestSilence)
        let watch = Task {
            while await !pump.isFinished {
                // A far end that neither takes nor says anything any more may be gone without a word.
                if await pump.isUnanswered(for: silence) { return parts.end() }
                try await Task.sleep(for: .milliseconds(200))
            }
            // When all is sent, the far end has some time to acknowledge it.
            try await Task.sleep(for: patience)
            parts.end()
        }
        defer {
            watch.cancel()
            parts.end()
        }
        for try await part in parts.stream {
            await pump.noteAnswer()
            for acknowledgement in try parser.append(part.readableBytesView) {
                switch progress.receive(acknowledgement) {
                case .none: break
                case .kept(let timecode): cursor.save(timecode)
                case .skip(let timecode, let reason):
                    logger.error(
                        "a fragment is left out of live forwarding; it stays in the recording",
                        metadata: ["timecode": "\(timecode)", "reason": "\(reason)"])
                    await pump.close()
                    return .again(reason: reason, scope: nil)
                case .reconnect(let reason):
                    await pump.close()
                    return .again(reason: reason, scope: nil)
                case .failed(let failure):
                    await pump.close()
                    return .failed(failure)
                }
            }
            if await pump.isFinished, progress.isComplete(last: await pump.lastTimecode) { return .complete }
        }
        await pump.close()
        if await pump.isFinished, progress.isComplete(last: await pump.lastTimecode) { return .complete }
        return .again(reason: "the connection was closed", scope: .message)
    }

    private func endpoint(_ name: String, _ leg: ForwardedLeg) async throws -> EndpointURL {
        let control = KinesisVideoControl(settings: settings, sender: sender)
        do throws(DeliveryFailure) {
            return try await control.dataEndpoint(name)
        } catch {
            guard settings.createsStreams, error.reason.contains("ResourceNotFoundException") else { throw error }
            try await control.createStream(name, mediaType: leg.event.detail("mediaType") ?? "audio/L16")
            return try await control.dataEndpoint(name)
        }
    }

    private func createStream(_ name: String, _ leg: ForwardedLeg, _ answer: HTTPAnswer) async throws -> Bool {
        guard settings.createsStreams, AWSError(answer).code == "ResourceNotFoundException" else { return false }
        let control = KinesisVideoControl(settings: settings, sender: sender)
        try await control.createStream(name, mediaType: leg.event.detail("mediaType") ?? "audio/L16")
        return true
    }

    private func request(_ url: EndpointURL, stream: String, _ pump: ForwardPump) async throws -> HTTPClientRequest {
        let milliseconds = await pump.startedAtMilliseconds
        let thousandths = String(milliseconds % 1000)
        let start = "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - thousandths.utf8.count))\(thousandths)"
        let target = EndpointURL(
            isSecure: url.isSecure, host: url.host, port: url.port, path: "\(url.path)/putMedia")
        var head = OutgoingRequest(url: target, body: .bytes([]))
        head.headers = [
            ("Content-Type", "application/json"), ("x-amzn-stream-name", stream),
            ("x-amzn-fragment-timecode-type", "ABSOLUTE"), ("x-amzn-producer-start-timestamp", start),
            ("x-amzn-fragment-acknowledgment-required", "1"),
        ]
        // The body is not signed: it does not exist yet.
        head.sign(
            with: settings.service.signer("kinesisvideo"), body: .empty, at: DiskFile.wallMilliseconds() / 1000)
        var request = HTTPClientRequest(url: target.description)
        request.method = .POST
        for header in head.headers { request.headers.add(name: header.name, value: header.value) }
        request.headers.add(name: "User-Agent", value: "earshot")
        request.body = .stream(pump.body, length: .unknown)
        return request
    }
}

/// The pieces of an answer, read by a task of their own so that the reading can be given up at any time.
private struct AnswerParts: Sendable {
    /// An acknowledgement is small and is dealt with at once; more waiting pieces are an attack.
    static let mostWaiting = 1024

    let stream: AsyncThrowingStream<ByteBuffer, any Error>
    private let continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation
    private let reader: Task<Void, Never>

    init(_ body: HTTPClientResponse.Body) {
        let (stream, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream(
            bufferingPolicy: .bufferingOldest(Self.mostWaiting))
        self.stream = stream
        self.continuation = continuation
        reader = Task {
            do {
                for try await part in body {
                    guard case .enqueued = continuation.yield(part) else {
                        throw DeliveryFailure(.message, "more acknowledgements than fragments")
                    }
                }
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
    }

    /// Gives the rest up, and the connection with it.
    func end() {
        reader.cancel()
        continuation.finish()
    }
}
