import GRDB
import SimulatedDisk
import Testing

/// SQLite's promises against a disk that loses power at every single operation.
@Suite struct `Power` {
    private static let rows = 12

    /// SQLITE_IOCAP_POWERSAFE_OVERWRITE: what SQLite assumes of a real disk.
    private static let powersafeOverwrite: Int32 = 0x1000

    private struct Survivor {
        let operation: UInt64
        let acknowledged: Int
        /// The rows that are there after the crash; nil where the database is damaged.
        let found: Int?

        var isExact: Bool { found == acknowledged || found == acknowledged + 1 }
    }

    /// Runs the workload with a crash at each of its operations in turn, each on a disk of its own.
    private static func crashEverywhere(
        seed: UInt64,
        journalMode: String = "WAL",
        synchronous: String,
        prepare: (Disk) -> Void = { _ in }
    ) -> [Survivor] {
        var survivors: [Survivor] = []
        while true {
            let operation = UInt64(survivors.count + 1)
            let disk = Disk(seed: seed &* 1_000_003 &+ operation)
            prepare(disk)
            disk.crash(at: operation)
            let outcome = Ledger.run(
                on: disk,
                rows: rows,
                journalMode: journalMode,
                synchronous: synchronous
            )
            guard disk.isOff else {
                #expect(outcome.error == nil)
                return survivors
            }
            disk.restart()
            survivors.append(
                Survivor(
                    operation: operation,
                    acknowledged: outcome.acknowledged,
                    found: Ledger.soundRows(on: disk, journalMode: journalMode)
                )
            )
        }
    }

    @Test(arguments: UInt64(1)...8)
    func `failing at any operation loses no acknowledged transaction`(seed: UInt64) {
        let survivors = Self.crashEverywhere(seed: seed, synchronous: "FULL")
        #expect(survivors.count > 100)
        #expect(survivors.filter { !$0.isExact }.isEmpty, "seed \(seed)")
    }

    @Test(arguments: UInt64(1)...4)
    func `failing loses none where sectors are damaged that were being written over`(seed: UInt64) {
        let survivors = Self.crashEverywhere(seed: seed, synchronous: "FULL") {
            $0.damageSectors()
        }
        #expect(survivors.filter { !$0.isExact }.isEmpty, "seed \(seed)")
    }

    @Test(arguments: UInt64(1)...4)
    func `failing loses none where overwriting is safe and frames aren't padded`(seed: UInt64) {
        let padded = Self.crashEverywhere(seed: seed, synchronous: "FULL")
        let survivors = Self.crashEverywhere(seed: seed, synchronous: "FULL") {
            $0.setCharacteristics(Self.powersafeOverwrite)
        }
        #expect(survivors.filter { !$0.isExact }.isEmpty, "seed \(seed)")
        #expect(survivors.count < padded.count)
    }

    @Test(arguments: ["OFF", "NORMAL"])
    func `failing loses acknowledged transactions that were not synced`(synchronous: String) {
        let survivors = Self.crashEverywhere(seed: 1, synchronous: synchronous)
        let lost = survivors.filter { ($0.found ?? 0) < $0.acknowledged }
        #expect(lost.count > 10)
    }

    /// A rollback journal commits by its deletion, which only EXTRA makes durable: SQLite's documentation says so.
    @Test func `failing undoes what a deleted journal committed, unless its deletion was synced`() {
        let full = Self.crashEverywhere(seed: 1, journalMode: "DELETE", synchronous: "FULL")
        #expect(full.contains { !$0.isExact })
        #expect(full.allSatisfy { $0.found != nil })
        let extra = (UInt64(1)...4).flatMap { seed in
            Self.crashEverywhere(seed: seed, journalMode: "DELETE", synchronous: "EXTRA")
        }
        #expect(extra.filter { !$0.isExact }.isEmpty)
    }

    @Test func `failing without any sync damages the database`() {
        let survivors = (UInt64(1)...10).flatMap { seed in
            Self.crashEverywhere(seed: seed, synchronous: "OFF")
        }
        #expect(survivors.contains { $0.found == nil })
    }

    @Test(arguments: UInt64(1)...4)
    func `failing again and again while recovering loses nothing`(seed: UInt64) throws {
        let disk = Disk(seed: seed)
        var acknowledged = 0
        for round in 0..<250 {
            disk.crash(at: seed &+ UInt64(round * 7 % 45) + 1)
            let outcome = Ledger.run(on: disk, rows: 3)
            acknowledged = max(acknowledged, outcome.acknowledged)
            disk.crash()
            guard round % 10 == 9 else { continue }
            let found = try #require(Ledger.soundRows(on: disk), "round \(round)")
            #expect(found == acknowledged || found == acknowledged + 1, "round \(round)")
            acknowledged = found
        }
        #expect(disk.counts.crashes >= 250)
        #expect(acknowledged > 100)
    }

    @Test(arguments: ["FULL", "OFF"])
    func `staying on while the process is killed loses nothing`(synchronous: String) throws {
        let disk = Disk(seed: 7)
        for row in 0..<40 {
            let queue = try disk.open(synchronous: synchronous)
            if row == 0 {
                try Ledger.create(in: queue)
            } else {
                try Ledger.append(row, to: queue)
            }
            disk.kill()
            #expect(throws: DatabaseError.self) { try Ledger.append(row + 1, to: queue) }
            try? queue.close()
            #expect(Ledger.soundRows(on: disk) == row)
        }
        #expect(disk.counts.kills == 40)
    }

    @Test(arguments: [false, true])
    func `failing leaves a dead connection that does no harm to the next`(isKilled: Bool) throws {
        let disk = Disk(seed: 5)
        let dead = try disk.open()
        try Ledger.create(in: dead)
        try Ledger.append(1, to: dead)
        if isKilled { disk.kill() } else { disk.crash() }
        let queue = try disk.open()
        try Ledger.append(2, to: queue)
        #expect(throws: DatabaseError.self) { try Ledger.append(3, to: dead) }
        try dead.close()
        try Ledger.append(3, to: queue)
        disk.crash()
        try? queue.close()
        #expect(Ledger.soundRows(on: disk) == 3)
    }

    @Test func `being off fails every call until the restart`() throws {
        let disk = Disk(seed: 3)
        let queue = try disk.open()
        try Ledger.create(in: queue)
        disk.crash(at: 1)
        #expect(throws: DatabaseError.self) { try Ledger.append(1, to: queue) }
        #expect(disk.isOff)
        #expect(throws: DatabaseError.self) { try Ledger.append(1, to: queue) }
        #expect(throws: DatabaseError.self) { try Ledger.count(in: queue) }
        #expect(throws: DatabaseError.self) { try disk.open() }
        let operations = disk.counts.operations
        #expect(disk.write("/other", [1]) & 0xFF == 10)
        #expect(disk.remove(Disk.journal) & 0xFF == 10)
        #expect(disk.counts.operations == operations)
        try? queue.close()
        disk.restart()
        #expect(Ledger.soundRows(on: disk) == 0)
    }
}
