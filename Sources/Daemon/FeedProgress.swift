import LinuxSystem
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
    private let publishedWall = Atomic<Int64>(.min)
    // A mutex: an error is more than a word, and changes with a disk, not with a flush.
    private let problem = Mutex<FileError?>(nil)

    /// Whether the feed was published at least once.
    var hasPublished: Bool { flushes.load(ordering: .relaxed) > 0 }

    /// Whether the last flush failed.
    var isBroken: Bool { isFailing.load(ordering: .relaxed) }

    /// Why the last flush failed; nil where it did not.
    var trouble: FileError? { problem.withLock { $0 } }

    /// When the feed was last published, in milliseconds since 1970 (UTC); nil before the first time.
    var published: Int64? {
        let published = publishedWall.load(ordering: .relaxed)
        return published == .min ? nil : published
    }

    /// The facilities that were stale at the last flush.
    var stale: Int { staleFacilities.load(ordering: .relaxed) }

    /// How long ago the feed's thread finished a flush, whether it could publish or not.
    func sinceLastFlush(at now: Moment) -> Duration? {
        let last = lastFlush.load(ordering: .relaxed)
        return last == .min ? nil : .milliseconds(now.monotonicMilliseconds - last)
    }

    /// Takes note of a flush.
    ///
    /// - Parameters:
    ///   - isPublished: Whether all that was due was published.
    ///   - isFeedNew: Whether the feed itself was among it.
    ///   - trouble: Why not.
    func flushed(
        isPublished: Bool,
        isFeedNew: Bool,
        trouble: FileError?,
        stale: Int,
        at now: Moment
    ) {
        if isFeedNew { publishedWall.store(now.wallMilliseconds, ordering: .relaxed) }
        problem.withLock { $0 = trouble }
        if isPublished { flushes.add(1, ordering: .relaxed) }
        isFailing.store(!isPublished, ordering: .relaxed)
        staleFacilities.store(stale, ordering: .relaxed)
        lastFlush.store(now.monotonicMilliseconds, ordering: .relaxed)
    }
}
