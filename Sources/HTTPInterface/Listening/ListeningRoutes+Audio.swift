import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import StreamSink

extension ListeningRoutes {
    /// The longest range of one answer, milliseconds.
    static let longestAudio: Int64 = 60_000
    static let longestPeaks: Int64 = 600_000
    /// The encoder runs in for so long before a range, so that ranges join without a click.
    static let runIn: Int64 = 80

    /// `GET /listen/{transaction}/audio?from=&to=`: WebM with Opus, stereo: initialization segment and clusters, whose
    /// times count from the call's first sample. Of a call that goes on it comes as it is recorded.
    func webM(of timeline: CallTimeline, _ request: Request, _ permission: Permission?) throws -> Response {
        guard let audio else { throw ServiceError.noMaker }
        let range = try Self.range(request, longest: Self.longestAudio)
        // On the grid of packets.
        let from = range.lowerBound / 20 * 20
        guard from < timeline.durationMilliseconds || timeline.isLive else {
            throw ServiceError.invalidArgument("The call ends at \(timeline.durationMilliseconds) ms.")
        }
        guard let place = listeners.enter(timeline.call.transactionID) else {
            counters.add(\.limitedCalls)
            throw ServiceError.connectionLimit("Too many listen to this call. Ask again later.")
        }
        let (library, limits, counters) = (library, limits, counters)
        let begin = max(0, from - Self.runIn)
        return Response(
            status: .ok, headers: [.contentType: "audio/webm; codecs=opus"],
            body: .init { writer in
                try await withTaskExecutorPreference(FileReadingExecutor.shared) {
                    _ = place
                    let rate = try Self.rate(timeline, library: library, audio: audio)
                    var line = StereoLine(timeline, begin..<range.upperBound, rate: rate) { leg, start in
                        LegReader(leg, library: library, from: start, audio: audio)
                    }
                    let webM = try audio.writer(sampleRate: rate, channels: 2, startMilliseconds: begin)
                    try await writer.write(ByteBuffer(bytes: webM.initializationSegment))
                    // What the encoder runs in with is encoded and not sent.
                    var skip = Int(from - begin) * rate / 1000 * 2
                    var idle = ContinuousClock.now
                    var watch = PermissionWatch(permission, every: limits.permissionTime)
                    while !Task.isCancelled, !Task.isShuttingDownGracefully {
                        guard watch.holds() else {
                            counters.add(\.revokedAnswers)
                            break
                        }
                        let samples = try line.next()
                        if samples.isEmpty {
                            if line.isOver || ContinuousClock.now - idle > limits.stallTime { break }
                            await line.waitForMore(until: ContinuousClock.now + .milliseconds(60))
                            continue
                        }
                        idle = ContinuousClock.now
                        let runIn = min(skip, samples.count)
                        skip -= runIn
                        if runIn > 0 { _ = try webM.append(Array(samples[..<runIn])) }
                        let clusters = runIn < samples.count ? try webM.append(Array(samples[runIn...])) : []
                        if !clusters.isEmpty { try await writer.write(ByteBuffer(bytes: clusters)) }
                    }
                    let rest = try webM.flush()
                    if !rest.isEmpty, skip == 0 { try await writer.write(ByteBuffer(bytes: rest)) }
                    try await writer.finish(nil)
                }
            })
    }

    /// `GET /listen/{transaction}/peaks?from=&to=`: how loud each party was, and where nothing was recorded.
    func peaks(of timeline: CallTimeline, _ request: Request) throws -> Response {
        let range = try Self.range(request, longest: Self.longestPeaks)
        let from = range.lowerBound / LegPeaks.step * LegPeaks.step
        var legs: [JSONValue] = []
        var known = from
        for leg in timeline.call.legs {
            let start = timeline.originMilliseconds + from
            let reader = LegReader(leg, library: library, from: start, audio: audio)
            var peaks = LegPeaks(origin: start, length: range.upperBound - from)
            while !peaks.isFull, let placed = try reader.next() { peaks.add(placed) }
            known = max(known, from + peaks.knownMilliseconds)
            legs.append(peaks.json(from: from))
        }
        if !timeline.isLive { known = max(known, min(range.upperBound, timeline.durationMilliseconds)) }
        return Response.json(
            .object([
                .init("fromMilliseconds", .integer(from)), .init("stepMilliseconds", .integer(LegPeaks.step)),
                .init("toMilliseconds", .integer(min(known, range.upperBound))),
                .init("isLive", .bool(timeline.isLive)),
                .init("legs", .array(legs)),
            ]))
    }

    private static func range(_ request: Request, longest: Int64) throws(ServiceError) -> Range<Int64> {
        guard let from = request.queryValue("from").flatMap({ Int64($0) }),
            let to = request.queryValue("to").flatMap({ Int64($0) }), from >= 0, to > from, to <= 1 << 40
        else { throw .invalidArgument("from and to must be milliseconds from the call's start, from below to.") }
        guard to - from <= longest else { throw .invalidArgument("A range may have at most \(longest) ms.") }
        return from..<to
    }

    /// The rate at which the parties share a stream: the highest of theirs, where Opus has it.
    private static func rate(
        _ timeline: CallTimeline, library: StreamLibrary, audio: any ListeningAudioMaking
    ) throws -> Int {
        var rate = 8000
        for leg in timeline.call.legs {
            let reader = LegReader(leg, library: library, from: timeline.originMilliseconds, audio: audio)
            if let placed = try reader.next() { rate = max(rate, placed.rate) }
        }
        return [8000, 16_000, 24_000, 48_000].first { $0 >= rate } ?? 48_000
    }
}
