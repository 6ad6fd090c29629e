import GRDB
import SimulatedDisk
import Testing

/// The same seed and the same calls give the same bytes.
@Suite struct `A seed` {
    /// The disk after crashes, faults and kills in the middle of work.
    private static func contents(seed: UInt64) -> [String: [UInt8]] {
        let disk = Disk(seed: seed)
        for round in UInt64(0)..<30 {
            disk.crash(at: 20 + round * 11 % 50)
            disk.fail(SIMULATED_DISK_MUTATING, nth: 15 + round, with: SIMULATED_DISK_SHORT_IO_ERROR)
            _ = Ledger.run(on: disk, rows: 5)
            if round.isMultiple(of: 3) { disk.kill() } else { disk.crash() }
            disk.restart()
        }
        return disk.contents
    }

    @Test func `reaches SQLite's own randomness`() {
        #expect(simulated_disk_is_deterministic())
    }

    @Test(arguments: UInt64(1)...4) func `gives the same bytes again`(seed: UInt64) {
        let once = Self.contents(seed: seed)
        let again = Self.contents(seed: seed)
        #expect(once.values.contains { !$0.isEmpty })
        #expect(Disk.differences(once, again) == [])
    }

    @Test func `gives other bytes than another one`() {
        #expect(Disk.differences(Self.contents(seed: 1), Self.contents(seed: 2)) != [])
    }

    @Test func `gives the same bytes on many threads at once`() async {
        let expected = Self.contents(seed: 9)
        await withTaskGroup(of: [String].self) { group in
            for _ in 0..<8 {
                group.addTask { Disk.differences(Self.contents(seed: 9), expected) }
            }
            for await differences in group { #expect(differences == []) }
        }
    }

    @Test func `leaves the clock to the caller`() throws {
        let disk = Disk(seed: 1)
        unsafe simulated_disk_set_time(disk.disk, 1_700_000_000_000)
        let queue = try disk.open()
        let time = try queue.read { try String.fetchOne($0, sql: "SELECT datetime('now')") }
        #expect(time == "2023-11-14 22:13:20")
    }
}
