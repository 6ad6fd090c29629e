import GRDB
import SimulatedDisk
import Testing

/// What SQLite says of a disk that fails, and what is left when it works again.
@Suite struct `A disk that fails` {
    /// What fails, and how; whether the journal is new then or was left by a crash.
    struct Scenario {
        let operation: simulated_disk_operation
        var fault = SIMULATED_DISK_IO_ERROR
        var isNew = true

        func prepare(_ disk: Disk) -> Int {
            guard !isNew else { return 0 }
            disk.crash(at: 60)
            let outcome = Ledger.run(on: disk, rows: 8)
            disk.restart()
            return outcome.acknowledged
        }
    }

    private static let reported: [Scenario] = [
        Scenario(operation: SIMULATED_DISK_CREATE),
        Scenario(operation: SIMULATED_DISK_OPEN, isNew: false),
        Scenario(operation: SIMULATED_DISK_READ),
        Scenario(operation: SIMULATED_DISK_READ, isNew: false),
        Scenario(operation: SIMULATED_DISK_WRITE),
        Scenario(operation: SIMULATED_DISK_WRITE, fault: SIMULATED_DISK_NO_SPACE),
        Scenario(operation: SIMULATED_DISK_WRITE, fault: SIMULATED_DISK_SHORT_IO_ERROR),
        Scenario(operation: SIMULATED_DISK_WRITE, fault: SIMULATED_DISK_SHORT_NO_SPACE),
        Scenario(operation: SIMULATED_DISK_WRITE, isNew: false),
        Scenario(operation: SIMULATED_DISK_SYNC),
        Scenario(operation: SIMULATED_DISK_SYNC, isNew: false),
        Scenario(operation: SIMULATED_DISK_DELETE),
    ]

    /// SQLite cuts the database and deletes the WAL at the end of a checkpoint, which nobody waits for.
    private static let unreported: [Scenario] = [
        Scenario(operation: SIMULATED_DISK_TRUNCATE),
        Scenario(operation: SIMULATED_DISK_TRUNCATE, isNew: false),
        Scenario(operation: SIMULATED_DISK_DELETE, isNew: false),
    ]

    /// Each operation of the kind fails once, then the machine crashes; tells how many failed and how many of these were
    /// reported to the caller.
    private static func failEach(_ scenario: Scenario) -> (failed: Int, reported: Int) {
        var failed = 0
        var reported = 0
        while true {
            let nth = UInt64(failed + 1)
            let disk = Disk(seed: nth)
            let before = scenario.prepare(disk)
            disk.fail(scenario.operation, nth: nth, with: scenario.fault)
            let outcome = Ledger.run(on: disk, rows: 8)
            guard disk.counts.faults > 0 else { return (failed, reported) }
            failed += 1
            reported += outcome.error == nil ? 0 : 1
            disk.crash()
            let acknowledged = max(before, outcome.acknowledged)
            let found = Ledger.soundRows(on: disk)
            let isExact = found == acknowledged || found == acknowledged + 1
            #expect(isExact, "\(nth): \(acknowledged) acknowledged, \(found ?? -1) found")
        }
    }

    @Test(arguments: reported) func `once loses nothing that was acknowledged`(scenario: Scenario) {
        let (failed, reported) = Self.failEach(scenario)
        #expect(failed > 0)
        #expect(reported > 0)
    }

    @Test(arguments: unreported) func `unnoticed loses nothing either`(scenario: Scenario) {
        let (failed, reported) = Self.failEach(scenario)
        #expect(failed > 0)
        #expect(reported == 0)
    }

    private static func opened(seed: UInt64 = 1) throws -> (Disk, DatabaseQueue) {
        let disk = Disk(seed: seed)
        let queue = try disk.open()
        try Ledger.create(in: queue)
        try Ledger.append(1, to: queue)
        return (disk, queue)
    }

    private static func failure(of body: () throws -> Void) -> ResultCode? {
        do {
            try body()
            return nil
        } catch {
            return (error as? DatabaseError)?.extendedResultCode
        }
    }

    @Test(arguments: [
        (SIMULATED_DISK_SYNC, SIMULATED_DISK_IO_ERROR, ResultCode.SQLITE_IOERR_FSYNC),
        (SIMULATED_DISK_SYNC, SIMULATED_DISK_NO_SPACE, ResultCode.SQLITE_IOERR_FSYNC),
        (SIMULATED_DISK_WRITE, SIMULATED_DISK_IO_ERROR, ResultCode.SQLITE_IOERR_WRITE),
        (SIMULATED_DISK_WRITE, SIMULATED_DISK_SHORT_IO_ERROR, ResultCode.SQLITE_IOERR_WRITE),
        (SIMULATED_DISK_WRITE, SIMULATED_DISK_NO_SPACE, ResultCode.SQLITE_FULL),
        (SIMULATED_DISK_WRITE, SIMULATED_DISK_SHORT_NO_SPACE, ResultCode.SQLITE_FULL),
    ])
    func `is reported as what it is, and the journal goes on`(
        operation: simulated_disk_operation,
        fault: simulated_disk_fault,
        code: ResultCode
    ) throws {
        let (disk, queue) = try Self.opened()
        disk.fail(operation, with: fault)
        #expect(Self.failure { try Ledger.append(2, to: queue) } == code)
        #expect(disk.counts.faults == 1)
        try Ledger.append(2, to: queue)
        try queue.close()
        disk.crash()
        #expect(Ledger.soundRows(on: disk) == 2)
    }

    @Test func `does so as often as it is told, and works when it is mended`() throws {
        let (disk, queue) = try Self.opened()
        disk.fail(SIMULATED_DISK_WRITE, nth: 2, count: .max)
        for _ in 0..<10 { #expect(throws: DatabaseError.self) { try Ledger.append(2, to: queue) } }
        #expect(disk.counts.faults >= 10)
        disk.mend()
        try Ledger.append(2, to: queue)
        try queue.close()
        #expect(Ledger.soundRows(on: disk) == 2)
    }

    @Test func `by being full refuses what grows and lets the rest be`() throws {
        let (disk, queue) = try Self.opened()
        disk.setFull(true)
        var row = 2
        var refusal: ResultCode?
        while refusal == nil, row < 100 {
            refusal = Self.failure { try Ledger.append(row, to: queue) }
            if refusal == nil { row += 1 }
        }
        #expect(refusal == .SQLITE_FULL)
        #expect(try Ledger.count(in: queue) == row - 1)
        #expect(disk.write(Disk.journal + "-wal", [0x37], at: 0) == 0)
        disk.setFull(false)
        try Ledger.append(row, to: queue)
        try queue.close()
        #expect(Ledger.soundRows(on: disk) == row)
    }

    @Test func `by being read-only keeps what is there`() throws {
        let (disk, queue) = try Self.opened()
        disk.setReadOnly(true)
        #expect(throws: DatabaseError.self) { try Ledger.append(2, to: queue) }
        #expect(disk.write("/new", [1]) == ResultCode.SQLITE_CANTOPEN.rawValue)
        #expect(disk.remove(Disk.journal) == ResultCode.SQLITE_IOERR_DELETE.rawValue)
        try? queue.close()
        disk.mend()
        #expect(Ledger.soundRows(on: disk) == 1)
    }

    @Test func `by a second connection is none: the journal is locked`() throws {
        let (disk, queue) = try Self.opened()
        #expect(Self.failure { _ = try disk.open() } == .SQLITE_BUSY)
        try queue.close()
        #expect(Ledger.soundRows(on: disk) == 1)
    }
}
