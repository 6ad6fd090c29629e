import Configuration
import Feeds
import LinuxSystem
import Logging
import Occupancy
import Parking

/// Takes snapshots and publishes them, on a thread of its own: a disk may take its time, and nobody waits for it but us.
actor FeedRoom {
    /// What one flush came to, for whoever watches.
    struct Outcome: Sendable {
        var isPublished: Bool
        var isPending: Bool
    }

    private let executor: ThreadExecutor
    private let publisher: FeedPublisher
    private let logger: Logger
    private var board: StatusBoard
    private var announcer: FacilityAnnouncer
    private var failure: FileError?
    private let progress: FeedProgress

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(house: House, progress: FeedProgress, logger: Logger) throws(ThreadError) {
        executor = try ThreadExecutor(name: "feeds")
        publisher = FeedPublisher(house.configuration)
        board = house.board()
        announcer = FacilityAnnouncer(facilities: house.configuration.facilities, logger: logger)
        self.progress = progress
        self.logger = logger
    }

    /// Takes a snapshot and publishes what changed.
    func flush() -> Outcome {
        let now = Moment.now()
        let changes = board.refresh(at: now)
        for change in changes { publisher.update(change.facility, change.after) }
        announcer.announce(changes, at: now)
        let outcome = publish(at: now)
        progress.flushed(
            isPublished: outcome.isPublished,
            stale: board.statuses.count { $0.isStale },
            at: now
        )
        return outcome
    }

    private func publish(at now: Moment) -> Outcome {
        do throws(FileError) {
            let report = try publisher.flush(at: now) { board.history(of: $0, at: now) }
            if failure != nil {
                failure = nil
                logger.notice("feed is published again", metadata: ["files": "\(report.files)"])
            }
            if report.files > 0 {
                logger.debug(
                    "feed published",
                    metadata: [
                        "files": "\(report.files)", "bytes": "\(report.bytes)",
                        "rendering": "\(report.rendering)", "deflating": "\(report.deflating)",
                        "writing": "\(report.writing)",
                    ]
                )
            }
            return Outcome(isPublished: true, isPending: report.isPending)
        } catch {
            // Once for each kind of failure: the next attempt comes in a second.
            if error != failure {
                var metadata: Logger.Metadata = ["error": "\(error)"]
                if let advice = error.advice { metadata["advice"] = "\(advice)" }
                logger.error(
                    "feed cannot be published; counting goes on and every flush tries again",
                    metadata: metadata
                )
            }
            failure = error
            return Outcome(isPublished: false, isPending: true)
        }
    }
}

extension FeedPublisher {
    /// The publisher of a configured feed.
    convenience init(_ configuration: Configuration, directory: String? = nil) {
        let feed = configuration.feed
        self.init(
            facilities: configuration.facilities,
            settings: FeedSettings(
                directory: directory ?? feed.directory,
                temporaryDirectory: directory.map { $0 + ".tmp" } ?? feed.temporaryDirectory,
                interval: feed.interval,
                heartbeat: feed.heartbeat,
                publisher: FeedSettings.Publisher(
                    name: feed.publisher.name,
                    url: feed.publisher.url,
                    licence: feed.publisher.licence,
                    attribution: feed.publisher.attribution
                )
            ),
            historyStep: configuration.history.step
        )
    }
}
