import Glibc

/// Why a file could not be published: where, what, why, and what to do.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was tried.
    ///
    /// The raw value follows "cannot" in the message.
    public enum Operation: String, Sendable {
        /// Open a file or directory.
        case open
        /// Create a file or directory.
        case create
        /// Create a file in a directory, under a name that doesn't matter.
        case fill = "create a file in"
        /// Read a file's status.
        case inspect
        /// Write the content.
        case write
        /// Set mode and modification time.
        case mark = "set mode and time of"
        /// Bring it to the disk.
        case synchronise = "fsync"
        /// Put it in the place of the former one.
        case rename
        /// Take the lock of the temporary directory.
        case lock
    }

    /// Why it failed.
    public enum Reason: Equatable, Sendable {
        /// The kernel said so.
        case system(SystemErrorCode)
        /// A rename needs both directories on one mount; this is the other one.
        case otherFileSystem(directory: String)
        /// Another process publishes through this temporary directory.
        case inUse
    }

    /// The file or directory.
    public let path: String

    /// What was tried.
    public let operation: Operation

    /// Why it failed.
    public let reason: Reason

    /// An error of these parts.
    public init(path: String, operation: Operation, reason: Reason) {
        self.path = path
        self.operation = operation
        self.reason = reason
    }

    /// The error of the last call on this thread.
    init(path: String, operation: Operation, code: SystemErrorCode = .last) {
        self.init(path: path, operation: operation, reason: .system(code))
    }

    /// One line without a line feed: path, operation, reason, advice.
    public var description: String {
        let reasonWords =
            switch reason {
            case .system(let code): code.description
            case .otherFileSystem(let directory): "it is on another file system than \(directory)"
            case .inUse: "another process publishes through it"
            }
        return "\(path): cannot \(operation.rawValue): \(reasonWords)"
            + (advice.map { "; \($0)" } ?? "")
    }

    /// What to do about it, where that is known.
    public var advice: String? {
        switch reason {
        case .inUse:
            return "stop the other carparkd, or give this one directories of its own"
        case .otherFileSystem:
            return
                "put both under one directory of one file system (and one ReadWritePaths= of the unit)"
        case .system(let code):
            return Self.advice(code: code.rawValue)
        }
    }

    private static func advice(code: Int32) -> String? {
        switch code {
        case ENOENT: "create its parent directory"
        case EACCES, EPERM: "give the service's user write permission on the directory"
        case EROFS: "remount it writable, or add it to the unit's ReadWritePaths="
        case ENOSPC, EDQUOT: "free space on its file system; it is tried again at the next flush"
        case ENOTDIR: "a component of the path is a file: remove it or choose another path"
        case ELOOP: "a symbolic link stands in its place: remove it"
        case EMFILE, ENFILE: "raise LimitNOFILE= of the unit"
        case EIO: "look at the disk: the kernel log says more"
        default: nil
        }
    }
}
