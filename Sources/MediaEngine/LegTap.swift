import MediaCore

/// Where the audio of a leg goes: a recorder, a live listener.
///
/// Called on the leg's media worker, a few times a second a leg, and must return at once: copy into something bounded,
/// never wait for a disk, a socket or a lock that another tap may hold. What is slow reads from an ``AudioQueue``.
public protocol LegTap: AnyObject, Sendable {
    /// The next samples of the leg's time line at the leg's rate (``LegParameters/format``), contiguous with those of the
    /// last call. Valid in the call only.
    func append(_ samples: Span<Int16>)
    /// The next payload, untouched, where the leg hands payloads out. `position` and `length` are samples of the time
    /// line. Valid in the call only.
    func append(payload: RawSpan, payloadType: UInt8, at position: Int64, length: Int64)
    /// Something happened on the leg.
    func observe(_ event: LegEvent)
    /// What had no room, in samples, payloads or packets, as the tap counts.
    var dropped: UInt64 { get }
    /// Whether somebody waits for what comes here. The leg then hands out every 40 ms, from its next turn on.
    var isFollowed: Bool { get }
}

extension LegTap {
    /// Nothing: most taps want audio.
    public func append(payload: RawSpan, payloadType: UInt8, at position: Int64, length: Int64) {}
    /// Nothing was dropped.
    public var dropped: UInt64 { 0 }
    /// Nobody waits.
    public var isFollowed: Bool { false }
}

/// What a leg tells besides its audio.
public enum LegEvent: Sendable, Equatable {
    /// The first packet from the leg's source.
    case mediaBegan
    /// A telephone event ended (RFC 4733); `position` is its start on the leg's time line, in samples.
    case digit(TelephoneEvent, milliseconds: Int, position: Int64)
}

/// Names a tap or a fork for as long as the service runs.
public struct TapID: Hashable, Sendable {
    let leg: UInt64
    let number: UInt64
}

/// What became of a tap or a fork.
public struct TapReport: Sendable, Equatable {
    /// The tap.
    public let id: TapID
    /// Packets sent by a fork; 0 for other taps.
    public let sent: UInt64
    /// What had no room; see ``LegTap/dropped``.
    public let dropped: UInt64
}
