import LinuxSystem
import Persistence
import ServiceLifecycle

/// Looks after the journal once a second, on a thread that may wait for the disk, and closes it when everybody else has ended.
struct JournalService: Service, CustomStringConvertible {
    let room: JournalRoom

    var description: String { "journal" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await room.tick()
                // Cancelled is the end of the wait, not a failure.
                try? await Task.sleep(for: .seconds(1))
            }
        }
        await room.close()
    }
}

/// The thread of the journal's own work.
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

    func tick() { journal.tick() }

    func close() { journal.close() }
}
