import GRDB
import SimulatedDisk

/// A simulated disk that lives as long as this object, and a journal on it.
///
/// Threads: one at a time.
@safe final class Disk {
    static let journal = "/journal.sqlite"

    let disk: OpaquePointer

    init(seed: UInt64) {
        guard let disk = unsafe simulated_disk_create(seed) else { fatalError("no disk") }
        unsafe self.disk = unsafe disk
    }

    deinit { unsafe simulated_disk_destroy(disk) }

    var counts: simulated_disk_counts { unsafe simulated_disk_counts(disk) }
    var isOff: Bool { unsafe simulated_disk_is_off(disk) }

    func crash() { unsafe simulated_disk_crash(disk) }
    func kill() { unsafe simulated_disk_kill(disk) }
    func restart() { unsafe simulated_disk_restart(disk) }
    func mend() { unsafe simulated_disk_mend(disk) }

    func crash(at operation: UInt64) { unsafe simulated_disk_crash_at(disk, operation) }

    func fail(
        _ operations: simulated_disk_operation,
        nth: UInt64 = 1,
        with fault: simulated_disk_fault = SIMULATED_DISK_IO_ERROR,
        count: UInt64 = 1
    ) {
        unsafe simulated_disk_fail(disk, Int32(operations.rawValue), nth, fault, count)
    }

    var names: [String] {
        unsafe (0..<simulated_disk_file_count(disk)).compactMap { index in
            guard let name = unsafe simulated_disk_file_name(disk, index) else { return nil }
            return unsafe String(cString: name)
        }
    }

    /// The written bytes of a file; nil where there is none.
    func content(of name: String) -> [UInt8]? {
        let size = unsafe simulated_disk_file_size(disk, name)
        guard size >= 0 else { return nil }
        return unsafe [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
            unsafe count = simulated_disk_read(disk, name, 0, buffer.baseAddress, Int(size))
        }
    }

    /// The durable bytes of a file; nil where there is none.
    func durableContent(of name: String) -> [UInt8]? {
        let size = unsafe simulated_disk_durable_size(disk, name)
        guard size >= 0 else { return nil }
        return unsafe [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
            unsafe count = simulated_disk_read_durable(disk, name, 0, buffer.baseAddress, Int(size))
        }
    }

    /// Every name with its bytes.
    var contents: [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: names.map { ($0, content(of: $0) ?? []) })
    }

    func replace(_ name: String, with bytes: [UInt8]) {
        unsafe simulated_disk_replace(disk, name, bytes, bytes.count)
    }

    func flip(_ name: String, at offset: Int, count: Int = 1) -> Int {
        unsafe simulated_disk_flip(disk, name, offset, count, 0xFF)
    }

    func write(_ name: String, _ bytes: [UInt8], at offset: Int = 0) -> Int32 {
        unsafe simulated_disk_write(disk, name, offset, bytes, bytes.count)
    }

    func truncate(_ name: String, to size: Int) -> Int32 {
        unsafe simulated_disk_truncate(disk, name, size)
    }

    func sync(_ name: String) -> Int32 { unsafe simulated_disk_sync(disk, name) }

    func setFull(_ isFull: Bool) { unsafe simulated_disk_set_full(disk, isFull) }

    func setReadOnly(_ isReadOnly: Bool) { unsafe simulated_disk_set_read_only(disk, isReadOnly) }

    func damageSectors() { unsafe simulated_disk_damage_sectors(disk, true) }

    func setCharacteristics(_ characteristics: Int32) {
        unsafe simulated_disk_set_characteristics(disk, characteristics)
    }

    func rename(_ from: String, to name: String) -> Int32 {
        unsafe simulated_disk_rename(disk, from, name)
    }

    func remove(_ name: String) -> Int32 { unsafe simulated_disk_remove(disk, name) }

    func syncDirectory() -> Int32 { unsafe simulated_disk_sync_directory(disk) }

    /// Opens a database, checkpointing after a few pages where it has a WAL: then as the daemon does.
    func open(journalMode: String = "WAL", synchronous: String = "FULL") throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.prepareDatabase { database in
            try database.execute(
                sql: """
                    PRAGMA locking_mode = \(journalMode == "WAL" ? "EXCLUSIVE" : "NORMAL");
                    PRAGMA journal_mode = \(journalMode);
                    PRAGMA synchronous = \(synchronous);
                    PRAGMA wal_autocheckpoint = 12;
                    """
            )
        }
        let vfs = unsafe String(cString: simulated_disk_name(disk))
        let path = "file:\(Disk.journal)?vfs=\(vfs)"
        return try DatabaseQueue(path: path, configuration: configuration)
    }
}

extension Disk {
    /// Whether two contents of a disk, by name, are the same, said without printing them.
    static func differences(_ one: [String: [UInt8]], _ other: [String: [UInt8]]) -> [String] {
        Set(one.keys).union(other.keys).filter { one[$0] != other[$0] }.sorted()
    }
}
