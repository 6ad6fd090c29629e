import Journal
import SimulatedDisk

/// A journal on a simulated disk.
///
/// Threads: one at a time, as the disk.
@safe final class SimulatedPlace: JournalPlace, @unchecked Sendable {
    private static let name = "/journal.sqlite"

    private let disk: OpaquePointer
    private let makesTwoTransactions: Bool

    /// A place on an empty disk.
    ///
    /// - Parameter makesTwoTransactions: Whether a checkpoint forgets its batches in one transaction, and writes their pages in the
    ///   next: a deliberate bug.
    init(seed: UInt64, makesTwoTransactions: Bool = false) {
        guard let disk = unsafe simulated_disk_create(seed) else { fatalError("no memory") }
        unsafe self.disk = unsafe disk
        self.makesTwoTransactions = makesTwoTransactions
    }

    deinit { unsafe simulated_disk_destroy(disk) }

    var databasePath: String {
        "file:\(Self.name)?vfs=\(unsafe String(cString: simulated_disk_name(disk)))"
    }

    var visiblePath: String { Self.name }

    var identity: UInt64? { 1 }

    func prepare() throws(JournalError) {}

    func renewLog() throws(JournalError) {
        let log = "\(Self.name)-wal"
        let size = unsafe simulated_disk_file_size(disk, log)
        guard size > 0 else {
            guard unsafe simulated_disk_sync_directory(disk) == 0 else {
                throw .failed(path: Self.name, "the simulated disk failed")
            }
            return
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        _ = unsafe simulated_disk_read(disk, log, 0, &bytes, bytes.count)
        let copy = "\(log).new"
        let isDone =
            unsafe simulated_disk_write(disk, copy, 0, bytes, bytes.count) == 0
            && simulated_disk_truncate(disk, copy, bytes.count) == 0
            && simulated_disk_sync(disk, copy) == 0
            && simulated_disk_rename(disk, copy, log) == 0
            && simulated_disk_sync_directory(disk) == 0
        guard isDone else { throw .failed(path: Self.name, "the simulated disk failed") }
    }

    func setAside(suffix: String) throws(JournalError) -> String? {
        let aside = "\(Self.name).\(suffix)"
        _ = unsafe simulated_disk_rename(disk, "\(Self.name)-wal", "\(aside)-wal")
        guard unsafe simulated_disk_rename(disk, Self.name, aside) == 0 else { return nil }
        _ = unsafe simulated_disk_sync_directory(disk)
        return aside
    }

    func open(isChecked: Bool) throws(JournalError) -> any JournalStore {
        PlacedJournal(
            try Journal(self, isChecked: isChecked),
            at: self,
            makesTwoTransactions: makesTwoTransactions
        )
    }

    // MARK: What happens to the disk

    /// The files that a process has open.
    var openFiles: Int { Int(unsafe simulated_disk_counts(disk).open_files) }

    var isOff: Bool { unsafe simulated_disk_is_off(disk) }

    /// The power fails in the middle of one of the next operations.
    func failPower(within operations: UInt64) { unsafe simulated_disk_crash_at(disk, operations) }

    /// The process is killed; what it wrote is in the system's cache.
    func kill() { unsafe simulated_disk_kill(disk) }

    /// The machine loses power, if it hasn't yet, and comes back.
    func crash() {
        if isOff { unsafe simulated_disk_restart(disk) } else { unsafe simulated_disk_crash(disk) }
        unsafe simulated_disk_crash_at(disk, 0)
    }

    func setFull(_ isFull: Bool) { unsafe simulated_disk_set_full(disk, isFull) }

    /// So many operations fail from one of the next on.
    func fail(after operations: UInt64, _ fault: simulated_disk_fault, count: UInt64) {
        let kinds = Int32(SIMULATED_DISK_MUTATING.rawValue)
        unsafe simulated_disk_fail(disk, kinds, operations, fault, count)
    }

    func mend() { unsafe simulated_disk_mend(disk) }
}

/// A journal that keeps its disk as long as it has it open.
private final class PlacedJournal: JournalStore {
    // Released in this order: the disk must outlive the connection.
    private let journal: Journal
    private let place: SimulatedPlace
    private let makesTwoTransactions: Bool

    init(_ journal: Journal, at place: SimulatedPlace, makesTwoTransactions: Bool) {
        self.journal = journal
        self.place = place
        self.makesTwoTransactions = makesTwoTransactions
    }

    deinit {
        // Before the disk goes; it may be closed already.
        try? journal.close()
    }

    func close() throws(JournalError) { try journal.close() }

    func append(_ batch: JournalBatch) throws(JournalError) { try journal.append(batch) }

    func checkpoint(
        isFull: Bool,
        _ write: (borrowing Journal.CheckpointWriter) throws -> Void
    ) throws(JournalError) {
        if makesTwoTransactions { try journal.checkpoint(isFull: false) { _ in } }
        try journal.checkpoint(isFull: isFull, write)
    }

    func readPages(
        _ kind: PagePlace.Kind,
        _ body: (PagePlace, [UInt8]) -> Void
    ) throws(JournalError) -> Int {
        try journal.readPages(kind, body)
    }

    func readBatches(_ body: (JournalBatch) -> Void) throws(JournalError) -> Int {
        try journal.readBatches(body)
    }

    func readSessions(_ body: (String, JournalSession) -> Void) throws(JournalError) -> Int {
        try journal.readSessions(body)
    }
}
