import CMediaSockets

/// The two clocks of the media engine. Everything pure gets their readings as arguments.
public enum MediaClock {
    /// Arrival time: monotonic, nanoseconds. Only differences mean anything.
    public static var arrival: Int64 { media_clock_monotonic() }
    /// Wall clock: UTC, nanoseconds since 1970.
    public static var wall: Int64 { media_clock_realtime() }
}
