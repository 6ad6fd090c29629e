import ByteCoding
import Foundation
import GRDB

/// A batch of readings, as the journal keeps it until a checkpoint has folded it into pages.
public struct JournalBatch: Equatable, Sendable {
    /// The session whose messages these are; nil where nobody waits for an acknowledgement.
    public var session: String?
    /// Whether the session began with this batch: what was delivered before is forgotten.
    public var beginsSession: Bool
    /// The deliveries, opaque.
    public var deliveries: [UInt8]
    /// The readings, opaque.
    public var records: [UInt8]

    /// A batch of these values.
    public init(
        session: String? = nil,
        beginsSession: Bool = false,
        deliveries: [UInt8] = [],
        records: [UInt8] = []
    ) {
        self.session = session
        self.beginsSession = beginsSession
        self.deliveries = deliveries
        self.records = records
    }
}

/// What the journal keeps of a session.
public struct JournalSession: Equatable, Sendable {
    /// The deliveries of its last messages, opaque.
    public var deliveries: [UInt8]
    /// The topic filters that the broker may have of us.
    public var filters: [String]

    /// A session of these values.
    public init(deliveries: [UInt8] = [], filters: [String] = []) {
        self.deliveries = deliveries
        self.filters = filters
    }
}

/// What keeps batches and pages: a ``Journal``, or in a simulation one that errs.
///
/// The comments are those of ``Journal``.
public protocol JournalStore: AnyObject, Sendable {
    /// Closes the file; nothing may be called after it.
    func close() throws(JournalError)

    /// Makes a batch durable.
    func append(_ batch: JournalBatch) throws(JournalError)

    /// Replaces all batches by the pages and sessions that they led to, at once or not at all.
    func checkpoint(
        isFull: Bool,
        _ write: (borrowing Journal.CheckpointWriter) throws -> Void
    ) throws(JournalError)

    /// Hands over every page of a kind, in ascending order, and tells how many were damaged.
    func readPages(
        _ kind: PagePlace.Kind,
        _ body: (_ place: PagePlace, _ bytes: [UInt8]) -> Void
    ) throws(JournalError) -> Int

    /// Hands over every batch, in their order, and tells how many were damaged.
    func readBatches(_ body: (JournalBatch) -> Void) throws(JournalError) -> Int

    /// Hands over every session, and tells how many were damaged.
    func readSessions(
        _ body: (_ name: String, JournalSession) -> Void
    ) throws(JournalError) -> Int
}

/// Batches that are durable when ``append(_:)`` returns, and the pages that they led to: one SQLite file.
///
/// **Shape.** `batch` holds what came since the last checkpoint, `page` the state at that checkpoint, `session` what belongs to
/// a session with a broker. What is in a page or a batch is its writer's business; a digest beside it tells whether it is still that.
///
/// **Durability.** SQLite's write-ahead log with `synchronous=FULL`: a transaction is on the disk when its call returns, and a crash leaves
/// whole transactions. `locking_mode=EXCLUSIVE`: nobody else opens the file while we have it.
///
/// After an error a journal is to be closed and opened anew: what a failed `fsync` left in the system's cache must not be believed.
///
/// **Threads.** One at a time.
public final class Journal: JournalStore {
    /// The version of the file's layout, and of all that is in it.
    public static let version = 2

    /// "cPrk": how a database says that it is a journal of carparkd.
    private static let application = 0x6350_726B

    private let queue: DatabaseQueue
    private let path: String

    /// Opens a journal, or makes one, in a place that was prepared.
    ///
    /// - Parameter isChecked: Whether the file is read once for damage; about 30 ms for a million bays.
    /// - Throws: ``JournalError/damaged(path:_:)`` is for the caller to set the file aside.
    public init(_ place: some JournalPlace, isChecked: Bool = true) throws(JournalError) {
        path = place.visiblePath
        do {
            queue = try DatabaseQueue(
                path: place.databasePath,
                configuration: Self.configuration
            )
            try Self.migrate(queue, path: path, isChecked: isChecked)
        } catch {
            throw JournalError(error, path: place.visiblePath)
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "journal"
        // A carparkd that is about to end may still have it.
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = 1
        configuration.prepareDatabase { database in
            try database.execute(
                sql: """
                    PRAGMA locking_mode = EXCLUSIVE;
                    PRAGMA journal_mode = WAL;
                    PRAGMA synchronous = FULL;
                    PRAGMA journal_size_limit = 8388608;
                    PRAGMA temp_store = MEMORY;
                    """
            )
        }
        return configuration
    }

    private static func migrate(
        _ queue: DatabaseQueue,
        path: String,
        isChecked: Bool
    ) throws {
        try queue.inTransaction(.immediate) { database in
            let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
            let application = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
            let isEmpty = try !database.tableExists("page")
            guard application == Self.application || (application == 0 && isEmpty) else {
                throw JournalError.foreign(path: path)
            }
            guard version <= Self.version else {
                throw JournalError.newer(path: path, version: version)
            }
            if isChecked, !isEmpty {
                let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
                guard verdict == "ok" else {
                    throw JournalError.damaged(path: path, verdict ?? "no verdict")
                }
            }
            guard version < Self.version else { return .commit }
            for step in migrations[version...] { try database.execute(sql: step) }
            try database.execute(
                sql:
                    "PRAGMA user_version = \(Self.version); PRAGMA application_id = \(Self.application)"
            )
            return .commit
        }
    }

    /// The n-th leads from version n to version n + 1.
    ///
    /// Version 2 has parts beside facilities, and in the word of a bay its class and when it was heard, where version 1 had zeros.
    private static let migrations = [
        """
        CREATE TABLE batch (
            number INTEGER PRIMARY KEY, session TEXT, begins_session INTEGER NOT NULL,
            deliveries BLOB NOT NULL, records BLOB NOT NULL, digest INTEGER NOT NULL
        );
        CREATE TABLE page (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL, digest INTEGER NOT NULL);
        CREATE TABLE session (
            name TEXT PRIMARY KEY, deliveries BLOB NOT NULL, filters BLOB NOT NULL, digest INTEGER NOT NULL
        );
        """,
        "",
    ]

    /// Closes the file; nothing may be called after it.
    public func close() throws(JournalError) {
        do { try queue.close() } catch { throw JournalError(error, path: path) }
    }

    // MARK: Writing

    /// Makes a batch durable.
    public func append(_ batch: JournalBatch) throws(JournalError) {
        try transaction { database in
            try database.cachedStatement(
                sql: """
                    INSERT INTO batch (session, begins_session, deliveries, records, digest)
                    VALUES (?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                batch.session, batch.beginsSession, Data(batch.deliveries), Data(batch.records),
                Self.digest(batch.deliveries, batch.records),
            ])
        }
    }

    /// Replaces all batches by the pages and sessions that they led to, at once or not at all.
    ///
    /// - Parameters:
    ///   - isFull: Whether what is not written now is forgotten.
    ///   - write: Writes pages and sessions; what it throws undoes all of it.
    public func checkpoint(
        isFull: Bool,
        _ write: (borrowing CheckpointWriter) throws -> Void
    ) throws(JournalError) {
        try transaction { database in
            try database.execute(sql: "DELETE FROM batch")
            if isFull { try database.execute(sql: "DELETE FROM page; DELETE FROM session") }
            try write(CheckpointWriter(database: database))
        }
    }

    private func transaction(_ body: (Database) throws -> Void) throws(JournalError) {
        do {
            try queue.inTransaction(.immediate) { database in
                try body(database)
                return .commit
            }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// Writes pages and sessions within a checkpoint.
    public struct CheckpointWriter: ~Copyable {
        fileprivate let database: Database

        /// Writes a page in place of what it was.
        public func put(_ place: PagePlace, _ bytes: [UInt8]) throws {
            try database.cachedStatement(
                sql: "INSERT OR REPLACE INTO page (place, bytes, digest) VALUES (?, ?, ?)"
            ).execute(arguments: [place.rawValue, Data(bytes), Journal.digest(bytes)])
        }

        /// Writes what is kept of a session.
        public func put(_ session: JournalSession, name: String) throws {
            let filters = Journal.bytes(session.filters)
            try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO session (name, deliveries, filters, digest)
                    VALUES (?, ?, ?, ?)
                    """
            ).execute(arguments: [
                name, Data(session.deliveries), Data(filters),
                Journal.digest(session.deliveries, filters),
            ])
        }
    }

    // MARK: Reading

    /// Hands over every page of a kind, in ascending order.
    ///
    /// - Returns: How many were damaged and left out.
    public func readPages(
        _ kind: PagePlace.Kind,
        _ body: (_ place: PagePlace, _ bytes: [UInt8]) -> Void
    ) throws(JournalError) -> Int {
        var damaged = 0
        try read(
            "SELECT place, bytes, digest FROM page WHERE place >= ? AND place <= ? ORDER BY place",
            [PagePlace(kind, 0).rawValue, PagePlace(kind, PagePlace.maximumNumber).rawValue]
        ) { row in
            guard let number = Self.number(row, 0), let place = PagePlace(rawValue: number),
                let bytes = Self.bytes(row, 1), Self.digest(bytes) == Self.number(row, 2)
            else {
                damaged += 1
                return
            }
            body(place, bytes)
        }
        return damaged
    }

    /// Hands over every batch, in the order in which they were appended.
    ///
    /// - Returns: How many were damaged and left out.
    public func readBatches(_ body: (JournalBatch) -> Void) throws(JournalError) -> Int {
        var damaged = 0
        try read(
            "SELECT session, begins_session, deliveries, records, digest FROM batch ORDER BY number"
        ) { row in
            guard let beginsSession = Self.number(row, 1), let deliveries = Self.bytes(row, 2),
                let records = Self.bytes(row, 3),
                Self.digest(deliveries, records) == Self.number(row, 4)
            else {
                damaged += 1
                return
            }
            body(
                JournalBatch(
                    session: Self.text(row, 0),
                    beginsSession: beginsSession != 0,
                    deliveries: deliveries,
                    records: records
                )
            )
        }
        return damaged
    }

    /// Hands over every session.
    ///
    /// - Returns: How many were damaged and left out.
    public func readSessions(
        _ body: (_ name: String, JournalSession) -> Void
    ) throws(JournalError) -> Int {
        var damaged = 0
        try read("SELECT name, deliveries, filters, digest FROM session") { row in
            guard let name = Self.text(row, 0), let deliveries = Self.bytes(row, 1),
                let filters = Self.bytes(row, 2), let texts = Self.texts(filters),
                Self.digest(deliveries, filters) == Self.number(row, 3)
            else {
                damaged += 1
                return
            }
            body(name, JournalSession(deliveries: deliveries, filters: texts))
        }
        return damaged
    }

    private func read(
        _ sql: String,
        _ arguments: StatementArguments = [],
        _ body: (Row) -> Void
    ) throws(JournalError) {
        do {
            try queue.read { database in
                let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
                while let row = try rows.next() { body(row) }
            }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    // MARK: Bytes

    // A damaged file may hold any type anywhere: a value of another one is no value.

    private static func number(_ row: Row, _ column: Int) -> Int64? {
        Int64.fromDatabaseValue(row[column] as DatabaseValue)
    }

    private static func text(_ row: Row, _ column: Int) -> String? {
        String.fromDatabaseValue(row[column] as DatabaseValue)
    }

    private static func bytes(_ row: Row, _ column: Int) -> [UInt8]? {
        Data.fromDatabaseValue(row[column] as DatabaseValue).map { [UInt8]($0) }
    }

    private static func digest(_ texts: [UInt8]...) -> Int64 {
        var digest = Digest()
        for text in texts { digest.add(text.span) }
        return Int64(bitPattern: digest.value)
    }

    private static func bytes(_ texts: [String]) -> [UInt8] {
        var writer = ByteWriter()
        for text in texts {
            let utf8 = Array(text.utf8)
            writer.append(text: utf8.span)
        }
        return writer.bytes
    }

    private static func texts(_ bytes: [UInt8]) -> [String]? {
        var reader = ByteReader()
        var texts: [String] = []
        while !reader.isAtEnd(of: bytes.span) {
            guard let range = try? reader.text(bytes.span) else { return nil }
            texts.append(String(decoding: bytes[range], as: UTF8.self))
        }
        return texts
    }
}
