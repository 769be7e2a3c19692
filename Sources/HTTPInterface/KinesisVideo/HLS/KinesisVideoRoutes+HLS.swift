import AccessKeys
import HTTPTypes
import Hummingbird
import NIOCore
import StreamSink

/// HLS: a session by GetHLSStreamingSessionURL, then what its player fetches with the session's token alone.
extension KinesisVideoRoutes {
    /// As long as a fragment can be, and a little: where the one before another is looked for.
    private static let reachMilliseconds: Int64 = 25_000

    func registerHLS(on router: Router<InterfaceContext>) {
        router.post("/getHLSStreamingSessionURL") { request, context in
            var context = context
            let bytes = try await gate.bytes(of: request, for: .readMedia, context: &context)
            return Response.json(try openSession(try RequestFields(bytes), request, context.permission))
        }
        let hls = router.group("/hls/v1")
        hls.get("/getHLSMasterPlaylist.m3u8") { request, _ in
            let (token, _) = try session(request)
            return Self.playlist(HLSPlaylist.master(token: token))
        }
        hls.get("/getHLSMediaPlaylist.m3u8") { request, _ in
            let (token, session) = try session(request)
            return Self.playlist(try mediaPlaylist(token, session))
        }
        hls.get("/getMP4InitFragment.mp4") { request, _ in
            let (_, session) = try session(request)
            guard let first = session.first else { throw ServiceError.notFound("Fetch the media playlist first.") }
            return try await made { try await $0.initialization(for: try library.bytes(of: first)) }
        }
        hls.get("/getMP4MediaFragment.mp4") { request, _ in
            let (_, session) = try session(request)
            let segment = try segment(request, session)
            return try await made { try await $0.segment(segment) }
        }
    }

    private func openSession(
        _ fields: RequestFields, _ request: Request, _ permission: Permission?
    ) throws -> JSONValue {
        let stream = try library.stream(fields.stream())
        let now = clock.milliseconds()
        let session = try HLSSession(fields, stream: stream, nowMilliseconds: now, permission: permission)
        guard stream.retentionHours > 0 else { throw StreamLibraryError.noRetention(stream.name) }
        guard makers.hls != nil else { throw ServiceError.noMaker }
        if session.mode == .onDemand,
            try library.fragments(.arn(stream.arn), range: session.range, limit: 1).isEmpty
        {
            throw ServiceError.notFound("The stream \(stream.name) has no fragments in this time range.")
        }
        guard let token = sessions.open(session, nowMilliseconds: now) else {
            counters.add(\.limitedCalls)
            throw ServiceError(
                status: 400, type: "ClientLimitExceededException",
                message: "\(settings.limits.hlsSessions) HLS sessions are open. Ask again when some have expired.")
        }
        let url = "\(request.baseURL(settings))/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=\(token)"
        return .object([.init("HLSStreamingSessionURL", .string(url))])
    }

    private func session(_ request: Request) throws(ServiceError) -> (String, HLSSession) {
        guard let token = request.queryValue("SessionToken"),
            let session = sessions.session(token, nowMilliseconds: clock.milliseconds())
        else {
            throw .accessDenied(
                "The session is unknown, has expired, or its access key was revoked. Ask for another with "
                    + "GetHLSStreamingSessionURL.")
        }
        return (token, session)
    }

    private func mediaPlaylist(_ token: String, _ session: HLSSession) throws -> String {
        var session = session
        let stream = StreamReference.arn(session.streamARN)
        let fragments: [StoredFragment]
        var sequence: UInt64 = 1
        switch session.mode {
        case .onDemand, .liveReplay:
            fragments = try library.fragments(stream, range: session.range, limit: session.maximumFragments)
        case .live:
            let since = clock.milliseconds() - Int64(session.maximumFragments) * Self.reachMilliseconds
            fragments = try library.fragments(stream, range: .server(since...Int64.max))
                .suffix(session.maximumFragments)
            sequence = try slide(&session, to: fragments.first)
        }
        guard let first = fragments.first else {
            throw ServiceError.notFound("The stream has no fragments to play yet.")
        }
        if session.first == nil { session.first = first }
        sessions.update(token, session)
        return HLSPlaylist.media(token: token, session: session, fragments: fragments, sequence: sequence)
    }

    /// Moves a live window on; the number of its first fragment in the session.
    private func slide(_ session: inout HLSSession, to start: StoredFragment?) throws -> UInt64 {
        guard let start else { return 1 }
        if let old = session.windowStart, old < start.number {
            let passed = try library.fragments(
                .arn(session.streamARN), range: .server(Int64.min...start.serverMilliseconds), after: old, limit: 10_000
            )
            session.fragmentsBeforeWindow += UInt64(passed.count { $0.number < start.number }) + 1
        }
        session.windowStart = start.number
        return session.fragmentsBeforeWindow + 1
    }

    private func segment(_ request: Request, _ session: HLSSession) throws -> HLSSegmentRequest {
        let stream = StreamReference.arn(session.streamARN)
        guard let number = request.queryValue("FragmentNumber").flatMap({ FragmentNumber($0) }),
            let fragment = try library.fragment(stream, number: number)
        else { throw ServiceError.notFound("There is no such fragment, or not any more.") }
        let time = fragment.serverMilliseconds
        let previous = try library.fragments(stream, range: .server(time - Self.reachMilliseconds...time))
            .last { $0.number < number && $0.session == fragment.session }
        let start = session.first?.producerMilliseconds ?? fragment.producerMilliseconds
        return HLSSegmentRequest(
            fragment: try library.bytes(of: fragment),
            previous: try previous.map { previous throws(StreamLibraryError) in try library.bytes(of: previous) },
            sequence: request.queryValue("Sequence").flatMap { UInt64($0) } ?? 1,
            offsetMilliseconds: max(0, fragment.producerMilliseconds &- start))
    }

    private func made(_ make: (any HLSMaking) async throws -> [UInt8]) async throws -> Response {
        guard let maker = makers.hls else { throw ServiceError.noMaker }
        do {
            let bytes = try await make(maker)
            return Response(
                status: .ok, headers: [.contentType: "video/mp4", .contentLength: String(bytes.count)],
                body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
        } catch let error as MediaMakingError {
            throw ServiceError(error)
        }
    }

    private static func playlist(_ text: String) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: HLSPlaylist.mediaType, .contentLength: String(text.utf8.count),
                .cacheControl: "no-store",
            ],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
