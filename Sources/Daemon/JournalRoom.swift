import LinuxSystem
import Persistence

/// The journal's own work once a second, on a thread that may wait for the disk; and its end, when everybody else has ended.
actor JournalRoom {
    nonisolated let executor: ThreadExecutor
    private let journal: OccupancyJournal

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(_ journal: OccupancyJournal) throws(ThreadError) {
        executor = try ThreadExecutor(name: "journal")
        self.journal = journal
    }

    /// Its work, for as long as the others run.
    nonisolated var service: PeriodicService {
        PeriodicService(
            description: "journal",
            interval: .seconds(1),
            tick: { await self.tick() },
            end: { await self.close() }
        )
    }

    func tick() { journal.tick() }

    func close() { journal.close() }
}
