import Glibc
import Ingest
import Journal
import Occupancy
import Parking
import Persistence
import Synchronization
import TestSupport
import Testing

/// A journal whose disk is there or not, as the test says.
private final class Disk: JournalPlace {
    let directory: JournalDirectory
    private let error = Mutex<JournalError?>(nil)

    init(_ path: String) { directory = JournalDirectory(path: path) }

    var databasePath: String { directory.databasePath }
    var visiblePath: String { directory.visiblePath }
    var identity: UInt64? { error.withLock { $0 == nil } ? directory.identity : 0 }

    /// From now on nothing can be opened.
    func fail(_ error: JournalError?) { self.error.withLock { $0 = error } }

    func prepare() throws(JournalError) {
        if let error = error.withLock({ $0 }) { throw error }
        try directory.prepare()
    }

    func renewLog() throws(JournalError) { try directory.renewLog() }

    func setAside(suffix: String) throws(JournalError) -> String? {
        if let error = error.withLock({ $0 }) { throw error }
        return try directory.setAside(suffix: suffix)
    }
}

@Suite struct Trouble {
    private let directory = ScratchDirectory()
    private let clock = Clock()

    @Test func `without a disk counting goes on, and all of it is written when the disk is back`()
        throws
    {
        let disk = Disk(directory.path("state"))
        let life = try Life(disk, clock: clock)
        life.send("a/gate", #"{"in":1,"out":0}"#)
        #expect(life.journal.health.isDurable)
        disk.fail(.full(path: "state"))
        life.journal.tick()
        #expect(life.journal.health.trouble != nil)
        #expect(life.journal.health.outages == 1)
        life.send("a/gate", #"{"in":1,"out":0}"#)
        life.send("b/bay/9", #"{"o":true}"#)
        #expect(life.occupied() == 2)
        disk.fail(nil)
        life.send("a/gate", #"{"in":1,"out":0}"#)
        #expect(!life.journal.health.isDurable, "it is not tried before its pause is over")
        clock.advance(.seconds(5))
        life.journal.tick()
        #expect(life.journal.health.isDurable)
        life.journal.close()
        let after = try Life(disk, clock: clock)
        #expect(after.occupied(0) == 3)
        #expect(after.occupied(1) == 1)
        #expect(after.report.batches == 0)
    }

    @Test func `attempts pause longer and longer, and no longer than a minute`() throws {
        let disk = Disk(directory.path("state"))
        let life = try Life(disk, clock: clock)
        disk.fail(.failed(path: "state", "Input/output error"))
        life.journal.tick()
        // Between two attempts nothing is opened, so the moment of the next is when the journal is back.
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            clock.advance(.milliseconds(pause * 1000 - 1))
            disk.fail(nil)
            life.journal.tick()
            #expect(!life.journal.health.isDurable)
            disk.fail(.failed(path: "state", "Input/output error"))
            clock.advance(.milliseconds(1))
            life.journal.tick()
        }
        disk.fail(nil)
        clock.advance(.seconds(60))
        life.journal.tick()
        #expect(life.journal.health.isDurable)
        #expect(life.journal.health.outages == 1)
    }

    @Test func `a journal that is removed while it is open is noticed and made anew`() throws {
        let place = JournalDirectory(path: directory.path("state"))
        let life = try Life(place, clock: clock)
        life.send("a/level", #"{"o":5}"#)
        for name in directory.names(in: "state") { unsafe unlink(directory.path("state/\(name)")) }
        life.journal.tick()
        #expect(!life.journal.health.isDurable)
        clock.advance(.seconds(1))
        life.journal.tick()
        #expect(life.journal.health.isDurable)
        life.journal.close()
        #expect(try Life(place, clock: clock).occupied() == 5)
    }

    @Test func `a damaged journal is set aside, and what can be read of it is kept`() throws {
        let place = JournalDirectory(path: directory.path("state"))
        let life = try Life(place, clock: clock)
        for bay in 0..<2000 { life.receive("a/bay/\(bay)", #"{"o":true}"#) }
        life.ingest.commit()
        life.send("b/level", #"{"o":17}"#)
        life.journal.close()
        var bytes = try #require(directory.read("state/journal.sqlite"))
        // In the middle of a page in the middle of the file.
        for offset in 0..<200 { bytes[bytes.count / 2 + offset] ^= 0xFF }
        directory.write(bytes, to: "state/journal.sqlite")
        let after = try Life(place, clock: clock)
        #expect(after.report.damage != nil)
        #expect(after.report.unreadable > 0)
        let aside = try #require(after.report.setAside)
        #expect(aside.contains("journal.sqlite.damaged-2026-11-23T12:"))
        let name = try #require(aside.split(separator: "/").last)
        #expect(directory.read("state/\(name)") == bytes)
        #expect(after.occupied(1) == 17)
        #expect((after.occupied(0) ?? 0) > 1000)
        #expect(after.occupancy.bays.recount(facility: 0) == after.occupied(0))
        // The new one is whole.
        let (state, bays) = (after.state(), after.occupancy.bays.count)
        after.journal.close()
        let again = try Life(place, clock: clock)
        #expect(again.report.damage == nil)
        #expect(again.state() == state)
        #expect(again.occupancy.bays.count == bays)
    }

    @Test(arguments: [0, 1, 15, 16, 50, 99, 100, 512, 4096])
    func `a journal that was cut begins with what is left`(bytes count: Int) throws {
        let place = JournalDirectory(path: directory.path("state"))
        let life = try Life(place, clock: clock)
        life.send("a/level", #"{"o":5}"#)
        life.journal.close()
        let bytes = try #require(directory.read("state/journal.sqlite"))
        directory.write(Array(bytes[..<count]), to: "state/journal.sqlite")
        let after = try Life(place, clock: clock)
        #expect(after.journal.health.isDurable)
        after.send("a/level", #"{"o":6}"#)
        after.journal.close()
        #expect(try Life(place, clock: clock).occupied() == 6)
    }

    @Test func `a torn end of SQLite's log is the end`() throws {
        let place = JournalDirectory(path: directory.path("state"))
        let life = try Life(place, clock: clock)
        for _ in 0..<10 { life.send("a/gate", #"{"in":1,"out":0}"#) }
        let database = try #require(directory.read("state/journal.sqlite"))
        let log = try #require(directory.read("state/journal.sqlite-wal"))
        var found: Set<Int> = []
        for cut in stride(from: 0, to: log.count, by: 517) {
            let copy = JournalDirectory(path: directory.path("cut-\(cut)"))
            try copy.prepare()
            directory.write(database, to: "cut-\(cut)/journal.sqlite")
            directory.write(Array(log[..<cut]), to: "cut-\(cut)/journal.sqlite-wal")
            let after = try Life(copy, clock: clock)
            #expect(after.report.damage == nil)
            found.insert(after.occupied() ?? 0)
        }
        #expect(found.isSubset(of: Set(0...10)))
        #expect(found.count > 5)
    }

    @Test func `a journal that may not be read is not begun anew`() throws {
        let disk = Disk(directory.path("state"))
        disk.fail(.forbidden(path: "state", "Permission denied"))
        #expect(throws: JournalError.forbidden(path: "state", "Permission denied")) {
            try Life(disk, clock: clock)
        }
    }

    @Test func `a full disk at the start is no reason not to begin`() throws {
        let disk = Disk(directory.path("state"))
        disk.fail(.full(path: "state"))
        let life = try Life(disk, clock: clock)
        #expect(life.journal.health.trouble == .full(path: "state"))
        life.send("a/level", #"{"o":5}"#)
        #expect(life.occupied() == 5)
        disk.fail(nil)
        clock.advance(.seconds(1))
        life.journal.tick()
        #expect(life.journal.health.isDurable)
        life.journal.close()
        #expect(try Life(disk, clock: clock).occupied() == 5)
    }
}
