import Glibc
import Synchronization

/// Where a journal is kept, and what is done to its files but by SQLite.
///
/// A protocol so that a simulation can keep journals on disks that fail, and journals that do.
///
/// **Threads.** One at a time.
public protocol JournalPlace: Sendable {
    /// What SQLite opens: a path, or a URI of SQLite's.
    var databasePath: String { get }

    /// What people call it: the path in messages.
    var visiblePath: String { get }

    /// Tells one file from another of the same name; nil where there is none.
    var identity: UInt64? { get }

    /// Makes the place this process's own, and an empty file of the right mode if there is none; to be called before it is opened.
    func prepare() throws(JournalError)

    /// Writes SQLite's log anew, while the journal isn't open.
    ///
    /// When an `fsync` fails, the system goes on to show pages that it will never write. A process that comes after would take them for
    /// durable, append to them and copy them into the file; a power cut then takes what was acknowledged, or tears the
    /// file. A copy's pages are dirty, so that its own `fsync` tells the truth. Where there is no log, SQLite has deleted it, and not made
    /// that durable: a power cut would bring it back, with batches that were said to have failed.
    ///
    /// Source: "fsyncgate" (PostgreSQL, 2018); Rebello and others: Can applications recover from fsync failures? (2020).
    func renewLog() throws(JournalError)

    /// Renames the files of the journal, and returns what they are called now; nil where there are none.
    func setAside(suffix: String) throws(JournalError) -> String?

    /// Opens the journal, or makes one.
    ///
    /// - Parameter isChecked: Whether the file is read once for damage.
    func open(isChecked: Bool) throws(JournalError) -> any JournalStore
}

extension JournalPlace {
    /// Opens the journal, or makes one.
    public func open(isChecked: Bool) throws(JournalError) -> any JournalStore {
        try Journal(self, isChecked: isChecked)
    }
}

/// A journal in a directory of the file system: `journal.sqlite`, SQLite's log beside it, and a lock.
///
/// **Threads.** One at a time. A mutex for the lock's descriptor, which is opened once.
public final class JournalDirectory: JournalPlace {
    /// The directory.
    public let path: String

    private let lock = Mutex<Int32>(-1)

    /// A journal in this directory.
    public init(path: String) {
        self.path = path
    }

    deinit {
        let descriptor = lock.withLock { $0 }
        if descriptor >= 0 { close(descriptor) }
    }

    /// The file.
    public var databasePath: String { "\(path)/journal.sqlite" }

    /// The file.
    public var visiblePath: String { databasePath }

    private var logPath: String { "\(databasePath)-wal" }

    /// The number of the file's inode.
    public var identity: UInt64? {
        var status = stat()
        return unsafe stat(databasePath, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Makes the directory (0700) and the file (0600) where they are missing, and locks it against other processes.
    ///
    /// SQLite gives its log the mode of the file. A process that is about to end is waited for: five seconds.
    public func prepare() throws(JournalError) {
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw failure(path) }
        try takeLock()
        let file = try open(databasePath, O_RDWR | O_CREAT)
        defer { close(file) }
        guard fchmod(file, 0o600) == 0 else { throw failure(databasePath) }
    }

    private func takeLock() throws(JournalError) {
        guard lock.withLock({ $0 }) < 0 else { return }
        let name = "\(path)/journal.lock"
        let descriptor = try open(name, O_RDWR | O_CREAT)
        for _ in 0..<50 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                return lock.withLock { $0 = descriptor }
            }
            guard errno == EWOULDBLOCK || errno == EINTR else { break }
            usleep(100_000)
        }
        let error: JournalError =
            errno == EWOULDBLOCK ? .inUse(path: databasePath) : failure(name)
        close(descriptor)
        throw error
    }

    /// Copies SQLite's log, and puts the copy in its place.
    public func renewLog() throws(JournalError) {
        guard let bytes = try read(logPath), !bytes.isEmpty else {
            return try synchroniseDirectory()
        }
        let copy = "\(logPath).new"
        do throws(JournalError) {
            try write(bytes, to: copy)
            guard unsafe rename(copy, logPath) == 0 else { throw failure(copy) }
        } catch {
            // On a full disk it would go on taking the space that is short.
            unsafe _ = unlink(copy)
            throw error
        }
        try synchroniseDirectory()
    }

    /// Renames SQLite's log and the file.
    ///
    /// The log first: a log that stayed behind would be taken for that of the next journal.
    public func setAside(suffix: String) throws(JournalError) -> String? {
        let aside = "\(databasePath).\(suffix)"
        if unsafe rename(logPath, "\(aside)-wal") != 0, errno != ENOENT {
            throw failure(logPath)
        }
        guard unsafe rename(databasePath, aside) == 0 else {
            if errno == ENOENT { return nil }
            throw failure(databasePath)
        }
        // On the disk before a new journal of the old name is.
        try synchroniseDirectory()
        return aside
    }

    /// Writes a file, and brings it to the disk.
    private func write(_ bytes: [UInt8], to path: String) throws(JournalError) {
        let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { buffer in
                unsafe Glibc.write(file, buffer.baseAddress, buffer.count)
            }
            guard count > 0 || errno == EINTR else { throw failure(path) }
            rest = rest.dropFirst(max(0, count))
        }
        guard fsync(file) == 0 else { throw failure(path) }
    }

    private func synchroniseDirectory() throws(JournalError) {
        let directory = try open(path, O_RDONLY | O_DIRECTORY)
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw failure(path) }
    }

    private func open(_ path: String, _ flags: Int32) throws(JournalError) -> Int32 {
        let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        return descriptor
    }

    /// The content of a file; nil where there is none.
    private func read(_ path: String) throws(JournalError) -> [UInt8]? {
        let file = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path)
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path) }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    private func failure(_ path: String) -> JournalError {
        let code = errno
        let text = unsafe String(cString: strerror(code))
        return switch code {
        case EACCES, EPERM, EROFS, ENOENT, ENOTDIR, ELOOP: .forbidden(path: path, text)
        case ENOSPC, EDQUOT: .full(path: path)
        default: .failed(path: path, text)
        }
    }
}
