import GRDB
import SimulatedDisk
import Testing

/// What SQLite says of a disk that fails, and what is left when it works again.
@Suite struct `A disk that fails` {
    private static let operations: [simulated_disk_operation] = [
        SIMULATED_DISK_CREATE, SIMULATED_DISK_WRITE, SIMULATED_DISK_TRUNCATE, SIMULATED_DISK_SYNC,
        SIMULATED_DISK_DELETE, SIMULATED_DISK_OPEN, SIMULATED_DISK_READ,
    ]

    private static let faults: [simulated_disk_fault] = [
        SIMULATED_DISK_IO_ERROR, SIMULATED_DISK_NO_SPACE, SIMULATED_DISK_SHORT_IO_ERROR,
        SIMULATED_DISK_SHORT_NO_SPACE,
    ]

    /// Each operation of a kind fails once; then the machine crashes.
    @Test(arguments: operations, faults)
    func `once loses no acknowledged transaction`(
        operation: simulated_disk_operation,
        fault: simulated_disk_fault
    ) {
        var nth: UInt64 = 0
        var reported = 0
        while true {
            nth += 1
            let disk = Disk(seed: nth)
            disk.fail(operation, nth: nth, with: fault)
            let outcome = Ledger.run(on: disk, rows: 8)
            guard disk.counts.faults > 0 else { break }
            reported += outcome.error == nil ? 0 : 1
            disk.crash()
            let found = Ledger.soundRows(on: disk)
            let isExact = found == outcome.acknowledged || found == outcome.acknowledged + 1
            #expect(isExact, "\(nth): \(outcome.acknowledged) acknowledged, \(found ?? -1) found")
        }
        // A WAL in exclusive mode is only truncated, and a journal only deleted, where nobody waits for it.
        let isSilent = operation == SIMULATED_DISK_TRUNCATE || operation == SIMULATED_DISK_DELETE
        #expect(nth > 1 || operation == SIMULATED_DISK_TRUNCATE || operation == SIMULATED_DISK_OPEN)
        #expect(reported > 0 || isSilent || nth == 1)
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
