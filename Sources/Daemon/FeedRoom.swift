import Configuration
import Feeds
import LinuxSystem
import Logging
import Occupancy
import Parking
import Persistence

/// Takes snapshots and publishes them, on a thread of its own: a disk may take its time, and nobody waits for it but us.
actor FeedRoom {
    /// What one flush came to, for whoever watches.
    struct Outcome: Sendable {
        /// Whether all that was due was published.
        var isPublished: Bool
        /// Whether the feed itself was published.
        var isFeedNew: Bool
        /// Why not all was published.
        var trouble: FileError?
        /// After how long another flush would publish the rest; nil where nothing is left.
        var remainder: Duration?
    }

    nonisolated let executor: ThreadExecutor
    private var publisher: FeedPublisher
    private let logger: Logger
    private var board: StatusBoard
    private var announcer: FacilityAnnouncer
    private var failure: FileError?
    private let journal: OccupancyJournal
    private let progress: FeedProgress
    private let historyPeriodMilliseconds: Int64
    private var historiesAreDue: Int64 = .min

    /// A history that did not change is written again after so many steps.
    private static let quietSteps: Int64 = 10

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(
        house: House,
        journal: OccupancyJournal,
        progress: FeedProgress,
        told: [FacilityIdentifier: FacilityAnnouncer.Told],
        logger: Logger
    ) throws(ThreadError) {
        self.journal = journal
        executor = try ThreadExecutor(name: "feeds")
        publisher = FeedPublisher(
            settings: FeedSettings(house.configuration),
            facilities: house.configuration.facilities
        )
        board = house.board()
        announcer = FacilityAnnouncer(
            facilities: house.configuration.facilities,
            told: told,
            logger: logger
        )
        self.progress = progress
        historyPeriodMilliseconds =
            house.configuration.history.step.wholeMilliseconds * Self.quietSteps
        self.logger = logger
    }

    /// What the log was told last of each facility.
    var told: [FacilityIdentifier: FacilityAnnouncer.Told] { announcer.legacy }

    /// Takes a snapshot and publishes what changed.
    func flush() -> Outcome {
        let now = Moment.now()
        let changes = board.refresh(at: now)
        for change in changes { publisher.update(change.facility, status: change.after) }
        publisher.update(isDurable: journal.health.isDurable)
        announcer.announce(board.statuses, changed: changes.map(\.facility), at: now)
        refreshHistories(at: now)
        let outcome = publish(at: now)
        progress.flushed(
            isPublished: outcome.isPublished,
            isFeedNew: outcome.isFeedNew,
            trouble: outcome.trouble,
            stale: board.statuses.count { $0.isStale },
            at: now
        )
        return outcome
    }

    /// Lets histories be written again now and then though nothing changed: time goes on in a quiet car park, too.
    private func refreshHistories(at now: Moment) {
        guard now.monotonicMilliseconds >= historiesAreDue else { return }
        // At first those of which nothing is known as well: the feed links to them.
        let isFirst = historiesAreDue == .min
        historiesAreDue = now.monotonicMilliseconds + historyPeriodMilliseconds
        for (facility, status) in board.statuses.enumerated()
        where isFirst || status.observedMilliseconds != nil {
            publisher.markHistory(of: facility)
        }
    }

    private func publish(at now: Moment) -> Outcome {
        let report = publisher.flush(at: now) { board.history(of: $0, at: now) }
        log(report)
        // What failed is tried again at once where this is the last flush; the disk may be back.
        let wait = report.problems.isEmpty ? report.waitMilliseconds : 1000
        return Outcome(
            isPublished: report.problems.isEmpty,
            isFeedNew: report.isFeedPublished,
            trouble: report.problems.first,
            remainder: wait.map { .milliseconds($0) }
        )
    }

    private func log(_ report: FlushReport) {
        if report.problems.isEmpty, failure != nil {
            failure = nil
            logger.notice("feed is published again", metadata: ["files": "\(report.files)"])
        }
        // Once for each kind of failure: the next attempt comes in a second.
        if let problem = report.problems.first, problem != failure {
            failure = problem
            var metadata: Logger.Metadata = ["error": "\(problem)"]
            if let advice = problem.advice { metadata["advice"] = "\(advice)" }
            logger.error(
                "feed cannot be published; counting goes on and every flush tries again",
                metadata: metadata
            )
        }
        guard report.files > 0 else { return }
        logger.debug(
            "feed published",
            metadata: [
                "files": "\(report.files)", "bytes": "\(report.bytes)",
                "render_us": "\(report.renderNanoseconds / 1000)",
                "compress_us": "\(report.compressNanoseconds / 1000)",
                "write_us": "\(report.writeNanoseconds / 1000)",
            ]
        )
    }
}

extension FeedSettings {
    /// The settings of a configured feed, published to another directory where one is given.
    init(_ configuration: Configuration, directory: String? = nil) {
        let feed = configuration.feed
        self.init(
            directory: directory ?? feed.directory,
            temporaryDirectory: directory == nil ? feed.temporaryDirectory : nil,
            interval: feed.interval,
            heartbeat: feed.heartbeat,
            publisher: Publisher(
                name: feed.publisher.name,
                url: feed.publisher.url,
                licence: feed.publisher.licence,
                attribution: feed.publisher.attribution
            ),
            historyStep: configuration.history.step
        )
    }
}
