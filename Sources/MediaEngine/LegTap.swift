import MediaCore

/// Where the audio of a leg goes: a recorder, a live listener.
///
/// Called on the leg's media worker, about ten times a second a leg, and must return at once: copy into something
/// bounded, never wait for a disk, a socket or a lock that another tap may hold.
public protocol LegTap: AnyObject, Sendable {
    /// The next samples of the leg's time line, 8 kHz, contiguous with those of the last call. Valid in the call only.
    func append(_ samples: Span<Int16>)
    /// Something happened on the leg.
    func observe(_ event: LegEvent)
}

/// What a leg tells besides its audio.
public enum LegEvent: Sendable, Equatable {
    /// The first packet from the leg's source.
    case mediaBegan
    /// A telephone event ended (RFC 4733).
    case digit(TelephoneEvent, milliseconds: Int)
}
