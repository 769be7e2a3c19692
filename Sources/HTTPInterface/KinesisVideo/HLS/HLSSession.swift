import StreamSink

/// One HLS session: what GetHLSStreamingSessionURL was asked for, kept under a token until it expires.
struct HLSSession: Sendable {
    /// How the playlist behaves.
    enum Mode: String, CaseIterable, Sendable {
        /// The last few fragments, sliding.
        case live = "LIVE"
        /// From a start on, growing as fragments come.
        case liveReplay = "LIVE_REPLAY"
        /// A finished list.
        case onDemand = "ON_DEMAND"
    }

    /// Where players are told that time stamps or the encoding may jump.
    enum Discontinuity: String, CaseIterable, Sendable {
        case always = "ALWAYS"
        case never = "NEVER"
        case onDiscontinuity = "ON_DISCONTINUITY"
    }

    /// Whether each fragment's time is in the playlist.
    enum FragmentTimes: String, CaseIterable, Sendable {
        case always = "ALWAYS"
        case never = "NEVER"
    }

    /// The containers of the wire.
    enum Container: String, CaseIterable, Sendable {
        case fragmentedMP4 = "FRAGMENTED_MP4"
        case mpegTS = "MPEG_TS"
    }

    var streamARN: String
    var mode: Mode
    var range: FragmentRange
    var discontinuity: Discontinuity
    var fragmentTimes: FragmentTimes
    /// The most fragments in a playlist.
    var maximumFragments: Int
    /// When the token stops to be one, milliseconds since 1970.
    var expiresAtMilliseconds: Int64
    /// What the session was opened with: without it the token is none, either.
    var permission: Permission?
    /// The first fragment that was ever listed: number 1 of the session, and its time zero.
    var first: StoredFragment?
    /// LIVE: the first fragment of the last window, and how many came before it.
    var windowStart: FragmentNumber?
    var fragmentsBeforeWindow: UInt64 = 0

    /// Reads a request.
    init(
        _ fields: RequestFields, stream: StreamInformation, nowMilliseconds: Int64, permission: Permission?
    ) throws(ServiceError) {
        streamARN = stream.arn
        self.permission = permission
        mode = try fields.word("PlaybackMode", Mode.self) ?? .live
        let container = try fields.word("ContainerFormat", Container.self) ?? .fragmentedMP4
        guard container == .fragmentedMP4 else {
            throw .invalidArgument("ContainerFormat MPEG_TS is not made here; ask for FRAGMENTED_MP4.")
        }
        discontinuity = try fields.word("DiscontinuityMode", Discontinuity.self) ?? .never
        fragmentTimes = try fields.word("DisplayFragmentTimestamp", FragmentTimes.self) ?? .never
        let seconds = try fields.integer("Expires", 300...43_200) ?? 300
        expiresAtMilliseconds = nowMilliseconds + Int64(seconds) * 1000
        maximumFragments =
            try fields.integer("MaxMediaPlaylistFragmentResults", 1...5000)
            ?? (mode == .live ? 5 : mode == .liveReplay ? 1000 : 5000)
        let selector = try fields.fields("HLSFragmentSelector")
        switch (mode, selector) {
        case (.live, let selector):
            // AWS ignores a range here; only the kind of time counts.
            _ = try selector.map { selector throws(ServiceError) in
                try FragmentSelector.readOpen(selector, range: "TimestampRange")
            }
            range = .all
        case (.liveReplay, let selector?):
            range = try FragmentSelector.readOpen(selector, range: "TimestampRange")
        case (.onDemand, let selector?):
            range = try FragmentSelector.read(selector, range: "TimestampRange")
        case (.liveReplay, nil), (.onDemand, nil):
            throw .invalidArgument("HLSFragmentSelector must be given with PlaybackMode \(mode.rawValue).")
        }
    }
}
