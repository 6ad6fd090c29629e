import Glibc

/// The kernel's clocks.
public enum SystemClock {
    /// Milliseconds since 1970 (UTC), as people read it: it may be stepped either way.
    public static func wallMilliseconds() -> Int64 {
        nanoseconds(CLOCK_REALTIME) / 1_000_000
    }

    /// Milliseconds since the machine started: it never goes back and goes on while the machine sleeps.
    public static func monotonicMilliseconds() -> Int64 {
        nanoseconds(CLOCK_BOOTTIME) / 1_000_000
    }

    /// Nanoseconds since the machine started, to measure how long something took.
    public static func monotonicNanoseconds() -> Int64 {
        nanoseconds(CLOCK_BOOTTIME)
    }

    /// Nanoseconds on the clock that service managers mean by "monotonic".
    ///
    /// Source: sd_notify(3), `MONOTONIC_USEC=`: `CLOCK_MONOTONIC`, which stands still while the machine sleeps.
    static func serviceNanoseconds() -> Int64 {
        nanoseconds(CLOCK_MONOTONIC)
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // It fails only for a clock that the kernel doesn't know; these are older than our oldest kernel.
        let result = unsafe clock_gettime(clock, &time)
        precondition(result == 0)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
