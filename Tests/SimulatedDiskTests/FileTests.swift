import SimulatedDisk
import TestSupport
import Testing

/// The disk itself, without SQLite.
@Suite struct `A file` {
    private static let sector = 512
    private static let name = "/file"

    /// What is left of a file after a crash, for each of many seeds.
    private static func survivors(
        seeds: ClosedRange<UInt64> = 1...400,
        of body: (Disk) -> Void
    ) -> [[UInt8]?] {
        seeds.map { seed in
            let disk = Disk(seed: seed)
            body(disk)
            disk.crash()
            return disk.content(of: name)
        }
    }

    private static func sectors(_ values: UInt8...) -> [UInt8] {
        values.flatMap { [UInt8](repeating: $0, count: sector) }
    }

    private static func writeDurably(_ bytes: [UInt8], on disk: Disk) {
        #expect(disk.write(name, bytes) == 0)
        #expect(disk.sync(name) == 0)
    }

    @Test func `that was synced is what every crash leaves`() {
        let bytes = Self.sectors(1, 2, 3) + [4, 5]
        let survivors = Self.survivors { Self.writeDurably(bytes, on: $0) }
        #expect(survivors.allSatisfy { $0 == bytes })
    }

    @Test func `that was never synced is there, or not, or in part`() {
        let bytes = Self.sectors(1, 2, 3)
        let survivors = Self.survivors { #expect($0.write(Self.name, bytes) == 0) }
        #expect(survivors.contains(bytes))
        #expect(survivors.contains { $0 == nil })
        #expect(survivors.contains { $0?.isEmpty == true })
        #expect(survivors.contains { $0.map { (1..<bytes.count).contains($0.count) } ?? false })
        #expect(survivors.allSatisfy { ($0?.count ?? 0) <= bytes.count })
    }

    @Test func `that is written over comes out sector by sector, old or new`() {
        let old = Self.sectors(1, 1, 1, 1)
        let new = Self.sectors(2, 2, 2, 2)
        let survivors = Self.survivors { disk in
            Self.writeDurably(old, on: disk)
            #expect(disk.write(Self.name, new) == 0)
        }.compactMap { $0 }
        #expect(survivors.count == 400)
        #expect(survivors.allSatisfy { $0.count == old.count })
        #expect(survivors.allSatisfy { $0.allSatisfy { $0 == 1 || $0 == 2 } })
        let whole = survivors.filter { bytes in
            (0..<4).allSatisfy { index in
                Set(bytes[(index * Self.sector)..<((index + 1) * Self.sector)]).count == 1
            }
        }
        #expect(Set(whole).count == 16, "every subset of four sectors")
        let torn = survivors.filter { bytes in
            (0..<3).allSatisfy {
                Set(bytes[($0 * Self.sector)..<(($0 + 1) * Self.sector)]).count == 1
            }
                && Set(bytes[(3 * Self.sector)...]).count == 2
        }
        #expect(whole.count + torn.count == survivors.count, "only the last sector is torn")
        #expect(!torn.isEmpty)
    }

    @Test func `that is written over twice may come out as any version`() {
        let survivors = Self.survivors { disk in
            Self.writeDurably(Self.sectors(1), on: disk)
            #expect(disk.write(Self.name, Self.sectors(2)) == 0)
            #expect(disk.write(Self.name, Self.sectors(3)) == 0)
        }
        for value in UInt8(1)...3 { #expect(survivors.contains(Self.sectors(value))) }
    }

    @Test func `that grew may hold zeros or garbage, but only where it grew`() {
        let survivors = Self.survivors { disk in
            Self.writeDurably(Self.sectors(1), on: disk)
            #expect(disk.write(Self.name, Self.sectors(2, 2), at: Self.sector) == 0)
        }.compactMap { $0 }
        #expect(survivors.allSatisfy { $0.prefix(Self.sector) == Self.sectors(1)[...] })
        #expect(survivors.contains { $0.contains(0) })
        #expect(survivors.contains { $0.contains { $0 > 2 } })
    }

    @Test func `that was truncated has its old size or its new one`() {
        let old = Self.sectors(1, 2, 3)
        let survivors = Self.survivors { disk in
            Self.writeDurably(old, on: disk)
            #expect(disk.truncate(Self.name, to: 100) == 0)
        }
        #expect(Set(survivors.map { $0?.count }) == [100, old.count])
        #expect(survivors.allSatisfy { $0 == Array(old.prefix($0?.count ?? 0)) })
    }

    @Test func `that was truncated and written anew has no new bytes at its old size`() {
        let old = Self.sectors(1, 1, 1)
        let survivors = Self.survivors { disk in
            Self.writeDurably(old, on: disk)
            #expect(disk.truncate(Self.name, to: 0) == 0)
            #expect(disk.write(Self.name, Self.sectors(2, 2)) == 0)
        }.compactMap { $0 }
        #expect(survivors.contains(old))
        #expect(survivors.contains(Self.sectors(2, 2)))
        #expect(survivors.allSatisfy { $0.count <= 2 * Self.sector || $0 == old })
    }

    @Test func `whose sync failed isn't made durable by the next one`() {
        let survivors = Self.survivors { disk in
            Self.writeDurably(Self.sectors(1, 1), on: disk)
            #expect(disk.write(Self.name, Self.sectors(2, 2)) == 0)
            disk.fail(SIMULATED_DISK_SYNC)
            #expect(disk.sync(Self.name) != 0)
            #expect(disk.content(of: Self.name) == Self.sectors(2, 2))
            #expect(disk.sync(Self.name) == 0)
            #expect(disk.content(of: Self.name) == Self.sectors(2, 2))
        }
        #expect(survivors.contains(Self.sectors(1, 1)))
        #expect(survivors.contains(Self.sectors(1, 2)))
        #expect(survivors.contains(Self.sectors(2, 2)))
    }

    @Test func `whose sync failed is durable once it is written anew`() {
        let survivors = Self.survivors { disk in
            Self.writeDurably(Self.sectors(1, 1), on: disk)
            #expect(disk.write(Self.name, Self.sectors(2, 2, 2)) == 0)
            disk.fail(SIMULATED_DISK_SYNC)
            #expect(disk.sync(Self.name) != 0)
            #expect(disk.write(Self.name, Self.sectors(2, 2, 2)) == 0)
            #expect(disk.sync(Self.name) == 0)
        }
        #expect(survivors.allSatisfy { $0 == Self.sectors(2, 2, 2) })
    }

    @Test func `of which a part was written when the power went has that part at most`() {
        var lengths: Set<Int> = []
        for seed in UInt64(1)...300 {
            let disk = Disk(seed: seed)
            Self.writeDurably(Self.sectors(1, 1), on: disk)
            disk.crash(at: 1)
            #expect(disk.write(Self.name, Self.sectors(2, 2)) & 0xFF == 10)
            disk.restart()
            let bytes = disk.content(of: Self.name) ?? []
            #expect(bytes.count == 2 * Self.sector)
            lengths.insert(bytes.count { $0 == 2 })
        }
        #expect(lengths.isSuperset(of: [0, Self.sector]))
        #expect(lengths.contains { !$0.isMultiple(of: Self.sector) })
    }

    @Test func `has un-synced bytes that only the page cache knows`() {
        let disk = Disk(seed: 1)
        Self.writeDurably(Self.sectors(1), on: disk)
        #expect(disk.write(Self.name, Self.sectors(2, 2)) == 0)
        #expect(disk.content(of: Self.name) == Self.sectors(2, 2))
        #expect(disk.durableContent(of: Self.name) == Self.sectors(1))
        disk.kill()
        #expect(disk.content(of: Self.name) == Self.sectors(2, 2))
    }

    @Test func `is written back on its own when much is un-synced`() {
        let disk = Disk(seed: 1)
        Self.writeDurably([], on: disk)
        let bytes = [UInt8](repeating: 7, count: 17 << 20)
        #expect(disk.write(Self.name, bytes) == 0)
        #expect(unsafe simulated_disk_durable_size(disk.disk, Self.name) == 8 << 20)
    }

    @Test func `that decays does so where it is told`() {
        let disk = Disk(seed: 1)
        disk.replace(Self.name, with: [1, 2, 3, 4])
        #expect(disk.flip(Self.name, at: 1, count: 2) == 2)
        #expect(disk.flip(Self.name, at: 3, count: 9) == 1)
        #expect(disk.flip(Self.name, at: 4) == 0)
        #expect(disk.flip("/none", at: 0) == 0)
        disk.crash()
        #expect(disk.content(of: Self.name) == [1, 0xFD, 0xFC, 0xFB])
    }

    /// The page cache must forget whatever the crash took, through failed syncs, truncations and renames.
    @Test(arguments: UInt64(1)...40)
    func `is the same in both images after a crash, whatever came before`(seed: UInt64) {
        let disk = Disk(seed: seed)
        var random = SeededRandom(seed: seed)
        if seed.isMultiple(of: 2) { disk.damageSectors() }
        for _ in 0..<20 {
            for _ in 0..<30 { Self.step(on: disk, &random) }
            disk.crash()
            for name in disk.names {
                #expect(disk.content(of: name) == disk.durableContent(of: name), "\(name)")
            }
        }
    }

    /// One random operation; whether it succeeds is of no interest here.
    private static func step(on disk: Disk, _ random: inout SeededRandom) {
        let names = ["/a", "/b", "/c"]
        let name = names[Int.random(in: 0..<3, using: &random)]
        let offset = Int.random(in: 0..<9_000, using: &random)
        let count = Int.random(in: 0..<5_000, using: &random)
        switch Int.random(in: 0..<16, using: &random) {
        case 0..<6:
            let byte = UInt8.random(in: 1...255, using: &random)
            _ = disk.write(name, [UInt8](repeating: byte, count: count), at: offset)
        case 6: _ = disk.truncate(name, to: offset)
        case 7..<10: _ = disk.sync(name)
        case 10: _ = disk.rename(name, to: names[Int.random(in: 0..<3, using: &random)])
        case 11: _ = disk.remove(name)
        case 12: _ = disk.syncDirectory()
        case 13: disk.fail(SIMULATED_DISK_MUTATING, nth: UInt64(count % 4 + 1), count: 2)
        case 14: disk.fail(SIMULATED_DISK_SYNC)
        default: disk.kill()
        }
    }
}
