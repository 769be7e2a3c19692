import Logging
import Synchronization

/// The streams of a data directory: opens sessions, writes them on threads of its own, reuses streams.
public final class FragmentStore: Sendable {
    /// How a store works.
    public struct Configuration: Sendable {
        /// AWS region in the ARNs.
        public var region: String
        /// Twelve-digit account in the ARNs.
        public var accountID: String
        /// How long samples that were handed in may wait for their write; 20 ms by default. Longer only pays where a leg
        /// hands in more often than that: what comes meanwhile goes into the same write.
        public var flushInterval: Duration = .milliseconds(20)
        /// How often the file system is asked to put everything on the disk; zero = never (the kernel decides).
        public var syncInterval: Duration = .seconds(2)
        /// Writer threads.
        public var writers = 1
        /// How much audio a session keeps while the disk does not take it (16 kB a second and session).
        public var pendingLimit: Duration = .seconds(5)
        /// The longest stretch of lost audio that is written as silence when the disk takes writes again, so that legs
        /// keep their length for readers that only join blocks. A longer one is a jump of the timecodes; zero = always.
        public var silenceLimit: Duration = .seconds(60)
        /// The keys under which new sessions are encrypted; `nil` = they are written in the clear. What is there stays as
        /// it is.
        public var encryption: MasterKeys?

        /// Makes a configuration with the defaults.
        public init(region: String, accountID: String) {
            self.region = region
            self.accountID = accountID
        }
    }

    /// What the store does at the moment.
    public struct Statistics: Sendable {
        /// Sessions that are recorded.
        public var openSessions: Int
        /// All streams, free ones too.
        public var streams: Int
        /// Sessions whose file cannot be written at the moment.
        public var failingSessions: Int
        /// Failed writes since the start.
        public var writeFailures: Int64
    }

    /// Where everything is.
    public let directory: DataDirectory
    private let configuration: Configuration
    /// What new sessions are sealed with.
    let vault: KeyVault?
    let pool: StreamPool
    let shelf: StreamShelf
    private let health: DiskHealth
    private let writers: [StreamWriter]
    let finisher: FileFinisher
    private let claims: Claims
    private let state = Mutex(State())

    private struct State {
        var nextWriter = 0
        var isShutDown = false
    }

    /// Opens the store and takes up the streams found in the directory. Run ``CrashRecovery`` before it.
    public init(
        directory: DataDirectory, configuration: Configuration, logger: Logger
    ) throws(FileError) {
        self.directory = directory
        self.configuration = configuration
        vault = configuration.encryption.map { KeyVault.add($0, for: directory.path) }
        health = DiskHealth(logger: logger)
        StreamTrash.emptyAll(in: directory.streamsPath, operations: directory.operations)
        let streams = StreamRegistry.load(
            directory.streamsPath, region: configuration.region, accountID: configuration.accountID)
        let shelf = StreamShelf(
            streamsPath: directory.streamsPath, region: configuration.region, accountID: configuration.accountID,
            operations: directory.operations, streams: streams)
        self.shelf = shelf
        let pool = StreamPool(shelf: shelf)
        self.pool = pool
        let claims = Claims()
        self.claims = claims
        let finisher = try FileFinisher(
            directory: directory, syncMilliseconds: configuration.syncInterval.wholeMilliseconds)
        self.finisher = finisher
        var writers: [StreamWriter] = []
        for index in 0..<max(1, configuration.writers) {
            writers.append(
                try StreamWriter(
                    index: index, flushMilliseconds: configuration.flushInterval.wholeMilliseconds, health: health
                ) { session, lastCounter in
                    finisher.add(session)
                    // Before the stream is free: a stream has one live session at a time.
                    if let live = session.live { shelf.end(live) }
                    guard let claim = claims.remove(session) else { return }
                    pool.release(claim, lastCounter: lastCounter)
                    // When this fails the next start finds the same in the files.
                    try? shelf.save(claim.name)
                })
        }
        self.writers = writers
    }

    /// Starts a leg's recording. Does no I/O: the file is made by the writer, and a full disk does not refuse a call.
    ///
    /// - Parameters:
    ///   - connectorID: letters, digits and hyphens; part of the stream's name.
    ///   - transactionID: letters, digits and hyphens; part of the file's name.
    ///   - mediaIndex: the m-line, from 0.
    ///   - startedAtMilliseconds: wall clock of sample 0, milliseconds since 1970.
    ///   - format: what the file is to hold.
    ///   - encoder: makes the encoder of an encoded format; called on the writer's thread.
    ///   - retentionHours: the connector's `DataRetentionInHours`, for the stream that is used; `nil` leaves what it has.
    public func openSession(
        connectorID: String, transactionID: String, callID: String, mediaIndex: Int, startedAtMilliseconds: Int64,
        format: StreamFormat = .pcm(sampleRate: 8000), encoder: FrameEncoderFactory? = nil, retentionHours: Int? = nil
    ) throws(FragmentStoreError) -> StreamSession {
        guard format.isUsable else { throw .unusableFormat(format.name) }
        if case .opus = format, encoder == nil { throw .unusableFormat(format.name) }
        guard Self.isPathSafe(connectorID) else { throw .unusableName("connector ID", connectorID) }
        guard Self.isPathSafe(transactionID) else { throw .unusableName("transaction ID", transactionID) }
        guard mediaIndex >= 0, mediaIndex < 1000 else { throw .unusableName("media index", String(mediaIndex)) }
        // Claimed under the same lock as the flag, so that a shutdown sees every session there is.
        let session: StreamSession? = state.withLock { state in
            guard !state.isShutDown else { return nil }
            state.nextWriter = (state.nextWriter + 1) % writers.count
            let writer = writers[state.nextWriter]
            let claim = pool.claim(
                connectorID: connectorID, wallClock: startedAtMilliseconds, format: format,
                retentionHours: retentionHours)
            let session = makeSession(
                claim, transactionID: transactionID, callID: callID, mediaIndex: mediaIndex,
                startedAtMilliseconds: startedAtMilliseconds, format: format, encoder: encoder, writer: writer)
            claims.add(claim, for: session)
            writer.add(session)
            return session
        }
        guard let session else { throw .shutDown }
        return session
    }

    private func makeSession(
        _ claim: ClaimedStream, transactionID: String, callID: String, mediaIndex: Int, startedAtMilliseconds: Int64,
        format: StreamFormat, encoder: FrameEncoderFactory?, writer: StreamWriter
    ) -> StreamSession {
        let name = SessionFileName(session: claim.session, transactionID: transactionID, mediaIndex: mediaIndex).text
        let operations = directory.operations
        let path = "\(shelf.folder(claim.name))/\(name)"
        var generator = SystemRandomNumberGenerator()
        let growing = GrowingFile(path: path, operations: operations, vault: vault) { [shelf] () throws(FileError) in
            try shelf.save(claim.name)
        }
        let live = LiveSession(
            streamName: claim.name,
            name: SessionFileName(session: claim.session, transactionID: transactionID, mediaIndex: mediaIndex),
            path: path, watch: shelf.watch(claim.name))
        shelf.begin(live)
        let samplesPerMillisecond = Int64(format.sampleRate / 1000)
        let silence = max(0, min(configuration.silenceLimit.wholeMilliseconds, .max / 192))
        let file = SessionFile(
            file: growing, relativePath: "streams/\(claim.name)/\(name)",
            startedAtMilliseconds: startedAtMilliseconds,
            muxer: FragmentMuxer(
                transactionID: transactionID, connectorID: claim.description.connectorID, callID: callID,
                startedAtMilliseconds: startedAtMilliseconds, firstCounter: UInt64(claim.session) * 1000 + 1,
                seed: generator.next(), format: format),
            silenceLimit: Int(clamping: silence * samplesPerMillisecond), encoder: encoder, live: live,
            indexIsDue: { [finisher] in finisher.addIndex(of: $0) })
        let limit = max(0, min(configuration.pendingLimit.wholeMilliseconds, .max / 384)) * samplesPerMillisecond
        return StreamSession(stream: claim, file: file, pendingLimit: Int(clamping: limit), writer: writer, live: live)
    }

    /// The numbers of the moment.
    public var statistics: Statistics {
        let pool = pool.counts
        let health = health.counts
        return Statistics(
            openSessions: pool.claimed, streams: pool.total, failingSessions: health.failingSessions,
            writeFailures: health.failures)
    }

    /// Closes every session that is still open and ends the threads. Sessions opened later are refused.
    public func shutDown() async {
        let isFirst = state.withLock { state in
            defer { state.isShutDown = true }
            return !state.isShutDown
        }
        guard isFirst else { return }
        for writer in writers {
            for session in writer.openSessions { _ = await session.finish() }
        }
        for writer in writers { writer.stop() }
        finisher.stop()
        _ = directory.operations.syncFileSystem(directory.descriptor)
    }

    /// Letters, digits and hyphens, at most 64: nothing that leaves its folder or splits a file's name.
    static func isPathSafe(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.utf8.allSatisfy { byte in
                (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || byte == 0x2D
            }
    }
}

/// Which stream each open session holds.
private final class Claims: Sendable {
    private let claims = Mutex<[ObjectIdentifier: ClaimedStream]>([:])

    func add(_ claim: ClaimedStream, for session: StreamSession) {
        claims.withLock { $0[ObjectIdentifier(session)] = claim }
    }

    func remove(_ session: StreamSession) -> ClaimedStream? {
        claims.withLock { $0.removeValue(forKey: ObjectIdentifier(session)) }
    }
}

/// Why no session could be opened.
public enum FragmentStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A name that would not be safe in a path: which, and what it is.
    case unusableName(String, String)
    /// A format with a sample rate that is not supported, or an encoded one without an encoder.
    case unusableFormat(String)
    /// The store is being shut down.
    case shutDown

    /// One sentence.
    public var description: String {
        switch self {
        case .unusableName(let what, let name):
            "the \(what) “\(name.prefix(80))” cannot be part of a file's name: only letters, digits and hyphens, 64 at most"
        case .unusableFormat(let name):
            "the stream format \(name) cannot be written: 8,000 or 16,000 samples a second, and an encoder for Opus"
        case .shutDown: "the stream store is shutting down"
        }
    }
}

extension Duration {
    /// The duration in whole milliseconds, cut, within the range of the number.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : product &+ attoseconds / 1_000_000_000_000_000
    }
}
