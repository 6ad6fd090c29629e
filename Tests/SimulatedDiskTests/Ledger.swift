import GRDB

/// A workload whose every transaction can be told from what a database holds.
///
/// Transaction 0 makes the tables; transaction n adds row n, of a size and content that follow from n, and sets the total
/// to n: two pages that must change together.
enum Ledger {
    static func content(of row: Int) -> String {
        String(repeating: "row \(row), ", count: (row * 137) % 600 + 1)
    }

    static func create(in queue: DatabaseQueue) throws {
        try queue.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, content TEXT NOT NULL);
                    CREATE TABLE IF NOT EXISTS total (id INTEGER PRIMARY KEY, count INTEGER NOT NULL);
                    INSERT OR IGNORE INTO total VALUES (1, 0);
                    """
            )
        }
    }

    static func append(_ row: Int, to queue: DatabaseQueue) throws {
        try queue.write { database in
            try database.execute(
                literal: "INSERT INTO entry VALUES (\(row), \(content(of: row)))"
            )
            try database.execute(literal: "UPDATE total SET count = \(row)")
        }
    }

    /// Runs until something fails, and tells how many rows were acknowledged.
    static func run(
        on disk: Disk,
        rows: Int,
        journalMode: String = "WAL",
        synchronous: String = "FULL"
    ) -> Outcome {
        var acknowledged = 0
        do {
            let queue = try disk.open(journalMode: journalMode, synchronous: synchronous)
            try create(in: queue)
            let first = try count(in: queue) + 1
            acknowledged = first - 1
            for row in first..<(first + rows) {
                try append(row, to: queue)
                acknowledged = row
            }
            try queue.close()
            return Outcome(acknowledged: acknowledged, error: nil)
        } catch {
            return Outcome(acknowledged: acknowledged, error: error as? DatabaseError)
        }
    }

    struct Outcome {
        let acknowledged: Int
        let error: DatabaseError?
    }

    static func count(in queue: DatabaseQueue) throws -> Int {
        try queue.read { try Int.fetchOne($0, sql: "SELECT count FROM total") } ?? -1
    }

    /// The rows of a sound database; nil where it isn't sound, or holds what no prefix of the transactions does.
    static func soundRows(in queue: DatabaseQueue) throws -> Int? {
        try queue.read { database in
            let report = try String.fetchOne(database, sql: "PRAGMA integrity_check")
            guard report == "ok" else { return nil }
            guard try database.tableExists("total") else { return 0 }
            let total = try Int.fetchOne(database, sql: "SELECT count FROM total")
            let rows = try Row.fetchAll(database, sql: "SELECT id, content FROM entry ORDER BY id")
            for (index, row) in rows.enumerated() {
                let id: Int = row["id"]
                let text: String = row["content"]
                guard id == index + 1, text == content(of: id) else { return nil }
            }
            return total == rows.count ? total : nil
        }
    }

    /// The same of what is on a disk, without faults; nil where it can't be opened either.
    static func soundRows(on disk: Disk, journalMode: String = "WAL") -> Int? {
        disk.mend()
        do {
            let queue = try disk.open(journalMode: journalMode)
            defer { try? queue.close() }
            return try soundRows(in: queue)
        } catch {
            return nil
        }
    }
}
