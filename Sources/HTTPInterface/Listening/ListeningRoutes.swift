public import AccessKeys
import HTTPTypes
public import Hummingbird
import NIOCore
public import StreamSink

/// Listening: the WebSocket of raw audio, and the page that plays a call in a browser.
public struct ListeningRoutes: InterfaceRoutes {
    let library: StreamLibrary
    let access: ListeningAccess
    let limits: HTTPLimits
    let counters: HTTPCounters
    let audio: (any ListeningAudioMaking)?
    let calls: CallTimelines?
    /// Listeners at once, of the page and of the WebSocket.
    let listeners: ConnectionQuota

    /// Makes the routes.
    ///
    /// - Parameters:
    ///   - gate: of ``HTTPService``.
    ///   - keys: whose secrets prove the links to calls.
    ///   - settings: of ``HTTPService``.
    ///   - audio: decodes what is no PCM and encodes for browsers; without it, PCM over WebSockets only.
    ///   - calls: finds calls; without it there is no page.
    public init(
        library: StreamLibrary, gate: RequestGate, keys: AccessKeyStore?, settings: HTTPSettings,
        audio: (any ListeningAudioMaking)?, calls: (any ListenedCallFinding)?, clock: InterfaceClock = .system
    ) {
        self.library = library
        access = ListeningAccess(gate: gate, keys: keys, clock: clock)
        limits = settings.limits
        counters = gate.counters
        self.audio = audio
        self.calls = calls.map { CallTimelines(finder: $0, library: library, clock: clock) }
        listeners = ConnectionQuota(perStream: settings.limits.readersPerStream, total: settings.limits.connections)
    }

    /// Adds the routes.
    public func register(on router: Router<InterfaceContext>) {
        router.get("/streams/{name}/audio") { request, context in try await streamAudio(request, context) }
        registerPage(on: router)
        guard calls != nil else { return }
        router.get("/listen/{transaction}/call") { request, context in
            let (call, _) = try await call(request, context)
            return Self.private(Response.json(call.json))
        }
        router.get("/listen/{transaction}/peaks") { request, context in
            let (call, _) = try await call(request, context)
            return Self.private(try peaks(of: call, request))
        }
        router.get("/listen/{transaction}/audio") { request, context in
            let (call, permission) = try await call(request, context)
            return Self.private(try webM(of: call, request, permission))
        }
    }

    /// The call of a request that is allowed to hear it, and with what it is.
    private func call(
        _ request: Request, _ context: InterfaceContext
    ) async throws -> (CallTimeline, Permission?) {
        var context = context
        let transaction = try context.parameters.require("transaction")
        let isIdentifier = transaction.utf8.allSatisfy {
            $0 == 0x2D || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20)
        }
        guard transaction.utf8.count <= 64, isIdentifier else { throw ServiceError.notFound("There is no such call.") }
        // Permission before existence: a stranger learns nothing of which calls there are.
        try await access.admit(request, transactionID: transaction, context: &context)
        guard let call = try calls?.timeline(transaction) else {
            throw ServiceError.notFound(
                "Nothing is kept of the call \(transaction): no such call, no audio yet, or its time is over.")
        }
        return (call, context.permission)
    }

    /// `GET /streams/{name}/audio`.
    private func streamAudio(_ request: Request, _ context: InterfaceContext) async throws -> Response {
        var context = context
        _ = try await access.gate.admit(request, for: .readMedia, context: &context)
        let handshake = try WebSocketHandshake(request)
        let stream = try library.stream(.name(context.parameters.require("name")))
        guard let place = listeners.enter(stream.name) else {
            counters.add(\.limitedCalls)
            throw ServiceError.connectionLimit(
                "\(limits.readersPerStream) listeners are on the stream \(stream.name). Close one, or ask again later.")
        }
        let start = try AudioStart(request, stream: stream, library: library)
        let followed = try FollowedAudio(
            library: library, stream: stream.name, session: start.session, from: start.follow, audio: audio)
        let connection = try await WebSocketConnection.open(
            context.channel, handshake, limits: limits, counters: counters)
        counters.add(\.mediaReaders)
        counters.add(\.openMediaReaders)
        defer { counters.add(\.openMediaReaders, -1) }
        var socket = AudioSocket(
            connection: connection, streamName: stream.name,
            watch: PermissionWatch(context.permission, every: limits.permissionTime), counters: counters)
        await socket.run(followed, isLive: start.isLive)
        withExtendedLifetime(place) {}
        // The handshake has answered this request, and the connection is closed: this is for the counters alone.
        return Response(status: .switchingProtocols)
    }

    /// Nothing of a call is to be kept by anyone in between.
    static func `private`(_ response: Response) -> Response {
        var response = response
        response.headers[.cacheControl] = "no-store"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }
}

extension HTTPField.Name {
    static let referrerPolicy = Self("Referrer-Policy") ?? .xContentTypeOptions
}

/// Where a reader of raw audio begins.
struct AudioStart {
    /// In the library's words.
    let follow: FollowStart
    /// The session that is wanted; `nil` for the one that is or will be recorded.
    let session: Int?
    /// Whether only what comes is wanted, not what the open fragment holds already.
    let isLive: Bool

    /// Reads `from` (`now` or `start`).
    init(_ request: Request, stream: StreamInformation, library: StreamLibrary) throws {
        switch request.queryValue("from") ?? "now" {
        case "now":
            (follow, session, isLive) = (.now, nil, true)
        case "start":
            isLive = false
            guard let found = try Self.latestSession(stream, library) else {
                (follow, session) = (.now, nil)
                return
            }
            (follow, session) = (FollowedAudio.start(ofSession: found), found)
        default:
            throw ServiceError.invalidArgument("from must be 'now' or 'start'.")
        }
    }

    /// The session that is being recorded, else the last one.
    private static func latestSession(_ stream: StreamInformation, _ library: StreamLibrary) throws -> Int? {
        let reference = StreamReference.name(stream.name)
        if stream.isLive {
            let follower = try library.follow(reference, from: .now)
            let part = try follower.next(maximumBytes: 1)
            if case .begin(_, let fragment) = part { return fragment.session.session }
        }
        // The index of a stream that was used for years is large: look at its end first.
        let now = InterfaceClock.system.milliseconds()
        for hours in [1, 24, 24 * 31] as [Int64] {
            let since = FragmentRange.server(now - hours * 3_600_000...Int64.max)
            if let last = try library.fragments(reference, range: since).last { return last.session.session }
        }
        return try library.fragments(reference).last?.session.session
    }
}
