import CLinux
import Glibc

/// A file that says how a running process is: replaced whole every few seconds, worthless once the process is gone.
///
/// It lies in a runtime directory such as `/run/carparkd`, beside the file `lock` that the process holds locked as long as it lives. A
/// reader of the one asks the other whether there is still somebody who writes it: that is exact where a process
/// identifier may have been given to another, or be of another namespace.
///
/// Nothing is brought to a disk: the directory is in memory (tmpfs), and after a power cut the file would tell of a process that is
/// no more. Not even its emptiness would matter.
///
/// **Threads.** One at a time.
public struct RuntimeFile: ~Copyable {
    /// The name of the file that is locked.
    public static let lockName = "lock"

    /// The path of the file.
    public var path: String { "\(directory)/\(name)" }

    private let directory: String
    private let name: String
    private var lock: FileDescriptor?

    /// A file of this name in a directory; nothing is opened yet.
    public init(directory: String, name: String) {
        precondition(!name.contains("/") && name != Self.lockName)
        self.directory = directory
        self.name = name
    }

    /// Puts a new content in the place of the former one: a reader sees one or the other.
    ///
    /// The directory is made where it is missing, readable for the group alone, as the file is, whatever the umask.
    ///
    /// - Throws: A ``FileError``; try again with the next content.
    public mutating func replace(with content: [UInt8]) throws(FileError) {
        let folder = try openDirectory()
        try takeLock(in: folder)
        let temporary = "\(name).tmp"
        // What a killed process left, or somebody planted. Only the holder of the lock writes here.
        unsafe _ = unlinkat(folder.number, temporary, 0)
        let file = try open(temporary, flags: O_WRONLY | O_CREAT | O_EXCL, in: folder)
        do throws(SystemFailure) {
            try file.write(content)
        } catch {
            unsafe _ = unlinkat(folder.number, temporary, 0)
            throw FileError(path: path, operation: .write, code: error.code)
        }
        guard fchmod(file.number, 0o640) == 0 else {
            throw FileError(path: path, operation: .mark)
        }
        let code = retryingInterrupts {
            unsafe renameat(folder.number, temporary, folder.number, name)
        }
        guard code == 0 else { throw FileError(path: path, operation: .rename) }
    }

    /// Removes the file, at the end of the process, and lets go of the lock.
    public mutating func remove() {
        // Where it isn't ours, or never was, there is nothing to remove.
        guard let held = lock?.number else { return }
        unsafe _ = unlink(path)
        clinux_unlock_file(held)
        lock = nil
    }

    /// Whether a process holds the lock beside a file.
    ///
    /// - Returns: nil where that can't be told: there is no lock, or it may not be read.
    public static func isHeld(beside path: String) -> Bool? {
        let lockPath = directory(of: path) + "/\(lockName)"
        guard
            let file = try? FileDescriptor(
                opening: lockPath,
                flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK
            )
        else { return nil }
        // A question, and not an attempt: it never stands in the way of a process that begins.
        var isLocked: Int32 = 0
        guard unsafe clinux_is_file_locked(file.number, &isLocked) == 0 else { return nil }
        return isLocked != 0
    }

    /// The content of a file that is at most so long; it never waits for a pipe.
    ///
    /// - Throws: A ``FileError``; a file that is too long counts as `EFBIG`.
    public static func content(of path: String, limit: Int) throws(FileError) -> [UInt8] {
        let file = try FileDescriptor(opening: path, flags: O_RDONLY | O_NONBLOCK)
        do throws(SystemFailure) {
            let bytes = try file.read(limit: limit + 1)
            guard bytes.count <= limit else {
                throw SystemFailure(code: SystemErrorCode(rawValue: EFBIG))
            }
            return bytes
        } catch {
            throw FileError(path: path, operation: .inspect, code: error.code)
        }
    }

    // MARK: Inside

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Opened each time: one that was replaced while we run is found again.
    private func openDirectory() throws(FileError) -> FileDescriptor {
        let flags = O_RDONLY | O_DIRECTORY
        do throws(FileError) {
            return try FileDescriptor(opening: directory, flags: flags)
        } catch {
            guard error.reason == .system(SystemErrorCode(rawValue: ENOENT)) else { throw error }
        }
        guard unsafe mkdir(directory, 0o750) == 0 || errno == EEXIST else {
            throw FileError(path: directory, operation: .create)
        }
        let folder = try FileDescriptor(opening: directory, flags: flags)
        guard fchmod(folder.number, 0o750) == 0 else {
            throw FileError(path: directory, operation: .mark)
        }
        return folder
    }

    /// Takes the lock, unless we have it and it is still the one that a reader would find.
    private mutating func takeLock(in folder: FileDescriptor) throws(FileError) {
        if let lock, isStanding(lock, in: folder) { return }
        lock = nil
        let file = try open(Self.lockName, flags: O_RDWR | O_CREAT, in: folder)
        let code = clinux_lock_file(file.number)
        guard code == 0 else {
            throw FileError(
                path: directory,
                operation: .lock,
                reason: code == EAGAIN ? .inUse : .system(SystemErrorCode(rawValue: code))
            )
        }
        guard fchmod(file.number, 0o640) == 0 else {
            throw FileError(path: "\(directory)/\(Self.lockName)", operation: .mark)
        }
        lock = file
    }

    private func open(
        _ name: String,
        flags: Int32,
        in folder: FileDescriptor
    ) throws(FileError) -> FileDescriptor {
        do throws(FileError) {
            return try FileDescriptor(
                opening: name,
                flags: flags | O_NOFOLLOW,
                in: folder,
                mode: 0o640
            )
        } catch {
            throw FileError(path: "\(directory)/\(name)", operation: .create, reason: error.reason)
        }
    }

    private func isStanding(_ lock: FileDescriptor, in folder: FileDescriptor) -> Bool {
        var now = stat()
        guard unsafe fstatat(folder.number, Self.lockName, &now, AT_SYMLINK_NOFOLLOW) == 0,
            let then = try? lock.status()
        else { return false }
        return now.st_ino == then.st_ino && now.st_dev == then.st_dev
    }
}
