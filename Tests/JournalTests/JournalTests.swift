import GRDB
import Glibc
import TestSupport
import Testing

@testable import Journal

/// A journal on a real file system.
@Suite struct `A journal` {
    private let directory = ScratchDirectory()
    private let place: JournalDirectory

    init() {
        place = JournalDirectory(path: directory.path("state"))
    }

    /// Opens it as a process does.
    private func open() throws(JournalError) -> Journal {
        try place.prepare()
        return try Journal(place)
    }

    private func batches(_ journal: Journal) throws -> [JournalBatch] {
        var found: [JournalBatch] = []
        #expect(try journal.readBatches { found.append($0) } == 0)
        return found
    }

    private func pages(_ journal: Journal, _ kind: PagePlace.Kind) throws -> [Int64: [UInt8]] {
        var found: [Int64: [UInt8]] = [:]
        #expect(try journal.readPages(kind) { found[$0.number] = $1 } == 0)
        return found
    }

    @Test func `is made where there is none, for its user alone`() throws {
        let journal = try open()
        try journal.append(JournalBatch(records: [1]))
        for name in ["journal.sqlite", "journal.sqlite-wal"] {
            var status = stat()
            let found = unsafe stat("\(place.path)/\(name)", &status) == 0
            #expect(found)
            #expect(status.st_mode & 0o777 == 0o600)
        }
        try journal.close()
    }

    @Test func `keeps batches in their order, byte by byte`() throws {
        let written = [
            JournalBatch(session: "a", beginsSession: true),
            JournalBatch(session: "a", deliveries: [0, 255], records: Array(0...255)),
            JournalBatch(records: [7]),
        ]
        let journal = try open()
        for batch in written { try journal.append(batch) }
        try journal.close()
        let again = try open()
        #expect(try batches(again) == written)
        try again.close()
    }

    @Test func `replaces batches by pages, and pages by pages`() throws {
        let journal = try open()
        try journal.append(JournalBatch(records: [1]))
        try journal.checkpoint(isFull: false) { writer in
            try writer.put(PagePlace(.bays, 0), [1, 2])
            try writer.put(PagePlace(.bays, 7), [3])
            try writer.put(PagePlace(.counters, 0), [])
            try writer.put(JournalSession(deliveries: [9], filters: ["a/#", "b"]), name: "s")
        }
        try journal.checkpoint(isFull: false) { try $0.put(PagePlace(.bays, 7), [4]) }
        #expect(try batches(journal).isEmpty)
        #expect(try pages(journal, .bays) == [0: [1, 2], 7: [4]])
        #expect(try pages(journal, .counters) == [0: []])
        var sessions: [String: JournalSession] = [:]
        #expect(try journal.readSessions { sessions[$0] = $1 } == 0)
        #expect(sessions == ["s": JournalSession(deliveries: [9], filters: ["a/#", "b"])])
        try journal.checkpoint(isFull: true) { try $0.put(PagePlace(.history, 1), [5]) }
        #expect(try pages(journal, .bays).isEmpty)
        #expect(try pages(journal, .history) == [1: [5]])
        try journal.close()
    }

    @Test func `undoes a checkpoint that fails half way`() throws {
        struct Stop: Error {}
        let journal = try open()
        try journal.append(JournalBatch(records: [1]))
        #expect(throws: JournalError.self) {
            try journal.checkpoint(isFull: true) { writer in
                try writer.put(PagePlace(.bays, 0), [1])
                throw Stop()
            }
        }
        #expect(try batches(journal).count == 1)
        #expect(try pages(journal, .bays).isEmpty)
        try journal.close()
    }

    @Test func `is one process's alone`() throws {
        let journal = try open()
        let other = JournalDirectory(path: place.path)
        #expect(throws: JournalError.inUse(path: place.visiblePath)) { try other.prepare() }
        try journal.close()
    }

    @Test func `of version 1 is carried on`() throws {
        let former = try open()
        try former.append(JournalBatch(records: [1, 2, 3]))
        try former.close()
        let database = try DatabaseQueue(path: place.databasePath)
        try database.write { try $0.execute(sql: "PRAGMA user_version = 1") }
        try database.close()
        let journal = try open()
        #expect(try batches(journal).map(\.records) == [[1, 2, 3]])
        try journal.close()
        let again = try DatabaseQueue(path: place.databasePath)
        #expect(try again.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } == 2)
        try again.close()
    }

    @Test func `of a newer version is refused`() throws {
        try open().close()
        let database = try DatabaseQueue(path: place.databasePath)
        try database.write { try $0.execute(sql: "PRAGMA user_version = 99") }
        try database.close()
        #expect(throws: JournalError.newer(path: place.visiblePath, version: 99)) {
            try open()
        }
    }

    @Test func `of another program is refused`() throws {
        try place.prepare()
        let database = try DatabaseQueue(path: place.databasePath)
        try database.write {
            try $0.execute(sql: "CREATE TABLE page (x); PRAGMA application_id = 7")
        }
        try database.close()
        #expect(throws: JournalError.foreign(path: place.visiblePath)) { try open() }
    }

    @Test func `that is no database is damaged`() throws {
        try place.prepare()
        directory.write([UInt8](repeating: 0x41, count: 9000), to: "state/journal.sqlite")
        do {
            _ = try open()
            Issue.record("it was opened")
        } catch {
            guard case .damaged = error else {
                Issue.record("\(error)")
                return
            }
        }
        let aside = try #require(try place.setAside(suffix: "damaged"))
        #expect(aside == place.databasePath + ".damaged")
        try open().close()
    }

    @Test func `leaves out a page whose digest is another, and says so`() throws {
        let journal = try open()
        try journal.checkpoint(isFull: false) { writer in
            for number: Int64 in 0..<3 { try writer.put(PagePlace(.bays, number), [1, 2, 3]) }
        }
        try journal.append(JournalBatch(session: "s", deliveries: [1], records: [1]))
        try journal.close()
        let database = try DatabaseQueue(path: place.databasePath)
        try database.write {
            try $0.execute(sql: "UPDATE page SET bytes = x'010204' WHERE place & 255 = 1")
            try $0.execute(sql: "UPDATE batch SET records = x'02'")
        }
        try database.close()
        let again = try open()
        var numbers: [Int64] = []
        #expect(try again.readPages(.bays) { place, _ in numbers.append(place.number) } == 1)
        #expect(numbers == [0, 2])
        #expect(try again.readBatches { _ in Issue.record("a damaged batch") } == 1)
        try again.close()
    }

    @Test func `in a directory that may not be made says where`() throws {
        let place = JournalDirectory(path: directory.path("none/state"))
        do {
            try place.prepare()
            Issue.record("it was made")
        } catch {
            guard case .forbidden(let path, _) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(path == place.path)
        }
    }

    @Test(arguments: PagePlace.Kind.allCases) func `has places that come back`(
        kind: PagePlace.Kind
    ) {
        for number in [0, 1, PagePlace.maximumNumber] {
            let place = PagePlace(kind, number)
            #expect(PagePlace(rawValue: place.rawValue) == place)
            #expect(place.rawValue > 0)
        }
    }
}
