import Logging
import Parking

/// Finds the threads that should have come round and didn't, and tells the log.
struct HangReporter {
    /// How much later than it should a thread may come round on a machine that is busy.
    static let patience = Duration.seconds(60)

    private let progress: FeedProgress
    private let brokers: [BrokerStatus]
    private let flushInterval: Duration
    private let logger: Logger
    private var wasLate = false
    private var isTold = false

    /// A reporter on the thread of the feed and those of the sessions.
    init(
        progress: FeedProgress,
        brokers: [BrokerStatus],
        flushInterval: Duration,
        logger: Logger
    ) {
        self.progress = progress
        self.brokers = brokers
        self.flushInterval = flushInterval
        self.logger = logger
    }

    /// Looks at all of them; whether none hangs.
    mutating func look(at now: Moment) -> Bool {
        let late = late(at: now)
        defer { wasLate = !late.isEmpty }
        if late.isEmpty, isTold {
            isTold = false
            logger.notice("the threads that hung go on")
        } else if !late.isEmpty, wasLate, !isTold {
            // At the second look, since a process that was stopped for a while finds every thread late at the first.
            isTold = true
            logger.error(
                "threads hang; the watchdog of the service manager hears nothing until they go on",
                metadata: [
                    "threads": "\(late.joined(separator: ", "))",
                    "advice": "look at the disk: 'dmesg' tells of a failing one",
                ]
            )
        }
        return late.isEmpty
    }

    private func late(at now: Moment) -> [String] {
        let silence = progress.sinceLastFlush(at: now) ?? .zero
        let sessions = brokers.filter { $0.overdue(at: now) > Self.patience }
        return (silence > flushInterval + Self.patience ? ["feed"] : [])
            + sessions.map { "session with \($0.name)" }
    }
}
