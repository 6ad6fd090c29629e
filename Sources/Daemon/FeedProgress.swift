import Parking
import Synchronization

/// How the feed gets on, for the readiness, the status line and the watchdog.
///
/// **Threads.** Written by the feed's thread once a flush, read by any.
final class FeedProgress: Sendable {
    private let flushes = Atomic<Int>(0)
    private let isFailing = Atomic<Bool>(false)
    private let lastFlush = Atomic<Int64>(.min)
    private let staleFacilities = Atomic<Int>(0)

    /// Whether the feed was published at least once.
    var hasPublished: Bool { flushes.load(ordering: .relaxed) > 0 }

    /// Whether the last flush failed.
    var isBroken: Bool { isFailing.load(ordering: .relaxed) }

    /// The facilities that were stale at the last flush.
    var stale: Int { staleFacilities.load(ordering: .relaxed) }

    /// How long ago the feed's thread finished a flush, whether it could publish or not.
    func sinceLastFlush(at now: Moment) -> Duration? {
        let last = lastFlush.load(ordering: .relaxed)
        return last == .min ? nil : .milliseconds(now.monotonicMilliseconds - last)
    }

    func flushed(isPublished: Bool, stale: Int, at now: Moment) {
        if isPublished { flushes.add(1, ordering: .relaxed) }
        isFailing.store(!isPublished, ordering: .relaxed)
        staleFacilities.store(stale, ordering: .relaxed)
        lastFlush.store(now.monotonicMilliseconds, ordering: .relaxed)
    }
}
