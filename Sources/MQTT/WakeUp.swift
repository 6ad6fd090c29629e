internal import CTransport

/// Ends waiting, once and for all.
///
/// Threads: any.
final class WakeUp: Sendable {
    /// Readable once it is raised.
    let descriptor: Int32

    init() {
        descriptor = transport_abort_create()
        // Without it nothing could be stopped; and whoever has no descriptor left can't connect
        // either.
        precondition(descriptor >= 0, "no file descriptor is left")
    }

    deinit { transport_abort_destroy(descriptor) }

    /// Wakes all who wait, now and later.
    func raise() { transport_abort_raise(descriptor) }

    /// Whether it is raised.
    var isRaised: Bool { transport_abort_wait(descriptor, 0) }

    /// Waits for it, no longer than this; tells whether it is raised.
    func wait(atMost duration: Duration) -> Bool {
        transport_abort_wait(descriptor, duration.pollMilliseconds)
    }
}

extension Duration {
    /// The milliseconds for poll(2), rounded up so that nobody wakes a moment too early and then
    /// spins.
    var pollMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        let milliseconds =
            seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(max(0, milliseconds))
    }
}
