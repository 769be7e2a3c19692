import AccessKeys
import Hummingbird
import Logging
import StreamSink

/// Everything of Kinesis Video Streams: control plane, media, archived media, PutMedia.
///
/// All operations are `POST` with JSON, except what HLS players fetch and PutMedia.
struct KinesisVideoRoutes: InterfaceRoutes {
    let library: StreamLibrary
    let settings: HTTPSettings
    let gate: RequestGate
    let clock: InterfaceClock
    let counters: HTTPCounters
    let makers: MediaMakers
    let logger: Logger
    let readers: ConnectionQuota
    let producers: ConnectionQuota
    let sessions: HLSSessions
    let heldBytes: HeldBytes

    init(
        library: StreamLibrary, settings: HTTPSettings, gate: RequestGate, clock: InterfaceClock,
        counters: HTTPCounters, makers: MediaMakers, logger: Logger
    ) {
        self.library = library
        self.settings = settings
        self.gate = gate
        self.clock = clock
        self.counters = counters
        self.makers = makers
        self.logger = logger
        readers = ConnectionQuota(perStream: settings.limits.readersPerStream, total: settings.limits.connections)
        producers = ConnectionQuota(perStream: 1, total: settings.limits.ingests)
        sessions = HLSSessions(limit: settings.limits.hlsSessions)
        heldBytes = HeldBytes(limit: settings.limits.heldBytes)
    }

    func register(on router: Router<InterfaceContext>) {
        registerStreams(on: router)
        registerTags(on: router)
        registerArchive(on: router)
        registerHLS(on: router)
        // GetMedia answers with a body of its own.
        router.post("/getMedia") { request, context in try await getMedia(request, context) }
        router.post("/putMedia") { request, context in try await putMedia(request, context) }
    }

    /// A route whose request and answer are JSON objects.
    func operation(
        _ path: RouterPath, _ action: AccessAction, on router: Router<InterfaceContext>,
        _ answer: @escaping @Sendable (RequestFields, Request) async throws -> JSONValue
    ) {
        let gate = gate
        router.post(path) { request, context in
            var context = context
            let bytes = try await gate.bytes(of: request, for: action, context: &context)
            return Response.json(try await answer(try RequestFields(bytes), request))
        }
    }
}
