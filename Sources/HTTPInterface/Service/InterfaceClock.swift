import Glibc

/// The wall clock of the HTTP interface; tests pass their own.
public struct InterfaceClock: Sendable {
    /// Milliseconds since 1970 (UTC).
    public var milliseconds: @Sendable () -> Int64

    /// Makes a clock from a function.
    public init(milliseconds: @escaping @Sendable () -> Int64) { self.milliseconds = milliseconds }

    /// The system's clock.
    public static let system = InterfaceClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
