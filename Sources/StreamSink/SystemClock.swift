import Glibc

/// The two clocks of this module, in milliseconds.
enum SystemClock {
    /// UTC, milliseconds since 1970.
    static func wallMilliseconds() -> Int64 { read(CLOCK_REALTIME) }

    /// Never set back.
    static func monotonicMilliseconds() -> Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
