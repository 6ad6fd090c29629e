import Glibc

/// Where a journal is kept, and how a damaged one is moved out of the way.
///
/// A protocol so that a simulation can keep journals on disks that fail.
public protocol JournalPlace: Sendable {
    /// What SQLite opens: a path, or a URI of SQLite's.
    var databasePath: String { get }

    /// What people call it: the path in messages.
    var visiblePath: String { get }

    /// Tells one file from another of the same name; nil where there is none.
    var identity: UInt64? { get }

    /// Makes the directory and an empty file of the right mode, if there is none.
    func prepare() throws(JournalError)

    /// Renames the files of the journal, and returns what they are called now; nil where there are none.
    func setAside(suffix: String) throws(JournalError) -> String?
}

/// A journal in a directory of the file system: `journal.sqlite`, and SQLite's log beside it.
public struct JournalDirectory: JournalPlace {
    /// The directory.
    public let path: String

    /// A journal in this directory.
    public init(path: String) {
        self.path = path
    }

    /// The file.
    public var databasePath: String { "\(path)/journal.sqlite" }

    /// The file.
    public var visiblePath: String { databasePath }

    /// The number of the file's inode.
    public var identity: UInt64? {
        var status = stat()
        return unsafe stat(databasePath, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Makes the directory (0700) and the file (0600) where they are missing.
    ///
    /// SQLite gives its log the mode of the file.
    public func prepare() throws(JournalError) {
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw failure(path) }
        let file = unsafe open(databasePath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure(databasePath) }
        defer { close(file) }
        guard fchmod(file, 0o600) == 0 else { throw failure(databasePath) }
    }

    /// Renames the file and SQLite's log.
    public func setAside(suffix: String) throws(JournalError) -> String? {
        let aside = "\(databasePath).\(suffix)"
        guard unsafe rename(databasePath, aside) == 0 else {
            if errno == ENOENT { return nil }
            throw failure(databasePath)
        }
        // Without the log the file would be older than it is; with no log there is nothing to rename.
        if unsafe rename("\(databasePath)-wal", "\(aside)-wal") != 0, errno != ENOENT {
            throw failure("\(databasePath)-wal")
        }
        return aside
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
