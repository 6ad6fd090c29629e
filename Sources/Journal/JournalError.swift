import GRDB

/// What is wrong with a journal.
public enum JournalError: Error, Equatable, Sendable {
    /// Another process has it open.
    case inUse(path: String)
    /// A later version of carparkd wrote it.
    case newer(path: String, version: Int)
    /// It is a database, but of another program.
    case foreign(path: String)
    /// Its content is damaged.
    case damaged(path: String, String)
    /// The file or its directory may not be read or written.
    case forbidden(path: String, String)
    /// The disk is full.
    case full(path: String)
    /// The disk failed, or is gone.
    case failed(path: String, String)

    /// The error that SQLite had with the file at this path.
    init(_ error: any Error, path: String) {
        if let error = error as? JournalError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self = .failed(path: path, "\(error)")
            return
        }
        let text = error.message ?? "\(error.extendedResultCode)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .inUse(path: path)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(path: path, text)
        case .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH, .SQLITE_CANTOPEN:
            self = .forbidden(path: path, text)
        case .SQLITE_FULL: self = .full(path: path)
        default: self = .failed(path: path, text)
        }
    }
}

extension JournalError: CustomStringConvertible {
    /// What is wrong and where, in a sentence.
    public var description: String {
        switch self {
        case .inUse(let path): "\(path) is in use by another process"
        case .newer(let path, let version):
            "\(path) was written by a newer carparkd (journal version \(version)); this one reads up to version \(Journal.version)"
        case .foreign(let path): "\(path) is the database of another program"
        case .damaged(let path, let text): "\(path) is damaged: \(text)"
        case .forbidden(let path, let text): "\(path) cannot be opened or written: \(text)"
        case .full(let path): "the disk of \(path) is full"
        case .failed(let path, let text): "\(path) cannot be read or written: \(text)"
        }
    }

    /// What a person can do about it.
    public var advice: String {
        switch self {
        case .inUse: "stop the other carparkd, or give each a state_directory of its own"
        case .newer: "install the newer carparkd again, or move the journal away and begin anew"
        case .foreign: "let state_directory be a directory of carparkd's own"
        case .damaged: "check the disk; what could be read was kept"
        case .forbidden:
            "let the directory above state_directory be there, and let the user of carparkd own the state_directory and all in it"
        case .full: "free some space; writing resumes by itself"
        case .failed: "check the disk and the kernel's log; writing resumes by itself"
        }
    }

    /// Whether the same attempt may succeed later without a person.
    public var mayPass: Bool {
        switch self {
        case .inUse, .full, .failed, .forbidden, .damaged: true
        case .newer, .foreign: false
        }
    }
}
