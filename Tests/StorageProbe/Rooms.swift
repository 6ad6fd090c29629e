import Feeds
import Ingest
import Journal
import LinuxSystem
import Occupancy
import Parking
import Persistence
import Synchronization

/// The rooms of the daemon that use a disk, during one life of a process.
final class Rooms {
    /// How often the disk may fail in a row before the probe gives up on it.
    private static let patience = 3

    private let series: Series
    private let clock: StepClock
    private let occupancy: LiveOccupancy
    private let journal: OccupancyJournal
    private let ingest: Ingest
    private var board: StatusBoard
    private var publisher: FeedPublisher
    private let lastBatch: Int
    private var batch: Int
    private var isPublished = false

    /// Opens the journal, and says what it holds; nil where there is nothing to go on with.
    init?(_ series: Series, in directory: String, life: Int) {
        let clock = StepClock(life: life)
        let occupancy = series.occupancy()
        var limits = OccupancyJournal.Limits()
        // One batch has less, two have more: the second is folded with the first.
        limits.batchBytes = 400
        let report: RecoveryReport
        do throws(JournalError) {
            (journal, report) = try OccupancyJournal.open(
                JournalDirectory(path: "\(directory)/state"),
                occupancy: occupancy,
                facilities: series.facilities.map(\.id),
                limits: limits,
                clock: { clock.now }
            )
        } catch {
            say("not opened: \(error)")
            return nil
        }
        if let damage = report.damage { say("damaged: \(damage)") }
        guard let batch = series.batches(in: occupancy) else {
            let counts = series.facilities.indices.map { occupancy.counts(of: $0) }
            say("holds no whole batches: \(counts)")
            return nil
        }
        say("holds \(batch)")
        self.series = series
        self.clock = clock
        self.occupancy = occupancy
        self.batch = batch
        lastBatch = life + 1
        ingest = Ingest(
            plan: series.plan,
            occupancy: occupancy,
            incidents: IncidentLog(),
            log: journal.log(session: "broker"),
            window: journal.window(session: "broker")
        )
        board = StatusBoard(
            facilities: series.facilities,
            occupancy: occupancy,
            trendWindow: .seconds(900)
        )
        publisher = FeedPublisher(
            settings: FeedSettings(
                directory: "\(directory)/feed",
                publisher: Publisher(name: "Council"),
                historyStep: .seconds(60)
            ),
            facilities: series.facilities
        )
        settle()
        journal.keepFilters(series.filters, session: "broker")
        ingest.connected(sessionPresent: life > 1)
        settle()
    }

    /// Commits and publishes one batch after the other, then ends as the daemon does.
    func live() {
        while batch < lastBatch {
            clock.advance(milliseconds: 30_000)
            batch += 1
            series.send(batch, to: ingest, at: clock.now)
            say("\(journal.health.isDurable ? "committed" : "in memory") \(batch)")
            settle()
            journal.tick()
            settle()
            publish()
        }
        for _ in 0..<Self.patience where !isPublished {
            clock.advance(milliseconds: 1000)
            publish()
        }
        journal.close()
        say("ended")
    }

    /// Waits until the disk is back, if it is gone.
    private func settle() {
        guard !journal.health.isDurable else { return }
        for _ in 0..<Self.patience where !journal.health.isDurable {
            clock.advance(milliseconds: 61_000)
            journal.tick()
        }
        say("\(journal.health.isDurable ? "durable again" : "still in memory") \(batch)")
    }

    /// Publishes what changed.
    private func publish() {
        let now = clock.now
        for change in board.refresh(at: now) {
            publisher.update(change.facility, status: change.after)
        }
        publisher.update(isDurable: journal.health.isDurable)
        let report = publisher.flush(at: now) { [board] in board.history(of: $0, at: now) }
        let problem =
            report.problems.first.map { "\($0)" }
            ?? report.waitMilliseconds.map { "it must wait for \($0) ms" }
        say(problem.map { "not published \(batch): \($0)" } ?? "published \(batch)")
        isPublished = problem == nil
    }
}

/// A clock that only goes when it is told to.
private final class StepClock: Sendable {
    private let time: Mutex<Moment>

    /// The clock of the n-th life: n times ten minutes after noon of a day.
    init(life: Int) {
        time = Mutex(
            Moment(recordedMilliseconds: 1_795_435_200_000 + Int64(life) * 600_000)
        )
    }

    var now: Moment { time.withLock { $0 } }

    func advance(milliseconds: Int64) {
        time.withLock {
            $0.wallMilliseconds += milliseconds
            $0.monotonicMilliseconds += milliseconds
        }
    }
}
