import CLinux
import Glibc

/// A file that shall stand in a served directory.
public struct FileReplacement: Equatable, Sendable {
    /// Its name in the directory: `parking.json`, or with one folder `history/podium.json`.
    public let name: String

    /// The content, in pieces that are written one after the other.
    public let chunks: [[UInt8]]

    /// The modification time that web servers derive `Last-Modified` and `ETag` from, in seconds since 1970.
    public let modificationSeconds: Int64

    /// A file of this content.
    public init(name: String, chunks: [[UInt8]], modificationSeconds: Int64) {
        self.name = name
        self.chunks = chunks
        self.modificationSeconds = modificationSeconds
    }
}

/// A directory that a web server serves while its files are replaced.
///
/// A reader sees the former file or the new one, whole, never less, and the disk after a power cut holds the same:
/// the content is written to a temporary directory that isn't served, brought to the disk, renamed into its place,
/// and then the directory is brought to the disk. After a failed fsync(2) the kernel may have dropped what was
/// written and call the next one a success, so nothing is retried on a descriptor: the temporary file goes away
/// and the next attempt writes anew from memory.
///
/// Links that somebody planted are not followed: temporary files are created exclusively, folders are opened without
/// following, and a rename replaces a link itself. The directory's own path may lead through links:
/// that is the operator's.
///
/// Threads: one at a time.
public struct ServedDirectory: ~Copyable {
    /// The directory that is served.
    public let path: String

    /// The directory beside it where files are written; it must not be served.
    public let temporaryPath: String

    /// The folders in it that files may stand in.
    public let folders: [String]

    private var temporary: FileDescriptor
    private var root: FileDescriptor
    private var folderDescriptors: [FileDescriptor]
    private var temporaryCount = 0

    /// Opens both directories, creating what is missing below an existing parent, takes the lock of the
    /// temporary one, and removes what a killed process left there.
    ///
    /// - Throws: A ``FileError``; tell the operator, and try again or give up.
    public init(path: String, temporaryPath: String, folders: [String] = []) throws(FileError) {
        let temporary = try Self.openTemporary(temporaryPath)
        let root = try Self.openServed(path, beside: temporary, temporaryPath: temporaryPath)
        folderDescriptors = try Self.openFolders(folders, of: root, path: path)
        self.path = path
        self.temporaryPath = temporaryPath
        self.folders = folders
        self.temporary = temporary
        self.root = root
    }

    /// Notices that one of the directories was replaced or removed, and opens the new one.
    ///
    /// - Returns: Whether what was published before may be gone.
    /// - Throws: A ``FileError``; nothing can be published now, try again at the next flush.
    public mutating func refresh() throws(FileError) -> Bool {
        if !Self.isSame(temporary, at: temporaryPath) {
            temporary = try Self.openTemporary(temporaryPath)
        }
        var isWhole = Self.isSame(root, at: path)
        for (folder, descriptor) in zip(folders, folderDescriptors) where isWhole {
            isWhole = Self.isSame(descriptor, at: folder, in: root)
        }
        guard !isWhole else { return false }
        root = try Self.openServed(path, beside: temporary, temporaryPath: temporaryPath)
        folderDescriptors = try Self.openFolders(folders, of: root, path: path)
        return true
    }

    /// Replaces files: all are written and on the disk before the first is renamed, in the order given.
    ///
    /// Each file is an open descriptor until the last is renamed, so a call takes some dozens of them at most.
    ///
    /// - Throws: A ``FileError``. The first few of the files may have been replaced; write all of them anew.
    public mutating func replace(_ files: [FileReplacement]) throws(FileError) {
        var staged: [String] = []
        do throws(FileError) {
            var descriptors: [FileDescriptor] = []
            for file in files {
                let (name, descriptor) = try createTemporary()
                staged.append(name)
                descriptors.append(descriptor)
                try Self.fill(descriptor, with: file, path: servedPath(file.name))
            }
            // All are written before the first fsync(2): one commit of the file system's journal then serves many.
            for (file, descriptor) in zip(files, descriptors) {
                guard retryingInterrupts({ fsync(descriptor.number) }) == 0 else {
                    throw FileError(path: servedPath(file.name), operation: .synchronise)
                }
            }
            for (index, file) in files.enumerated() {
                let place = place(of: file.name)
                let code = retryingInterrupts {
                    unsafe renameat(
                        temporary.number,
                        staged[index],
                        place.directory.number,
                        place.name
                    )
                }
                guard code == 0 else { throw renameError(file) }
            }
        } catch {
            // Those that were renamed already aren't there any more, which is as good.
            for name in staged { removeTemporary(name) }
            throw error
        }
        try synchroniseFolders(of: files)
    }

    /// The modification time of a served file in seconds since 1970, or nil where there is none.
    public func modificationSeconds(of name: String) -> Int64? {
        let place = place(of: name)
        var status = stat()
        guard
            unsafe fstatat(place.directory.number, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0
        else { return nil }
        return Int64(status.st_mtim.tv_sec)
    }

    /// The content of a served file, or nil where there is none of at most this many bytes that can be read.
    public func content(of name: String, limit: Int) -> [UInt8]? {
        let place = place(of: name)
        guard
            let file = try? FileDescriptor(
                opening: place.name,
                flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
                in: place.directory
            ), let bytes = try? file.read(limit: limit + 1), bytes.count <= limit
        else { return nil }
        return bytes
    }

    // MARK: Writing

    /// Writes the content and sets mode and time.
    private static func fill(
        _ descriptor: FileDescriptor,
        with file: FileReplacement,
        path: String
    ) throws(FileError) {
        do throws(SystemFailure) {
            try write(file.chunks, to: descriptor)
        } catch {
            throw FileError(path: path, operation: .write, code: error.code)
        }
        let time = timespec(tv_sec: time_t(file.modificationSeconds), tv_nsec: 0)
        let times = [time, time]
        // The umask doesn't reach fchmod(2): the web server is another user and must read it.
        guard fchmod(descriptor.number, 0o644) == 0,
            unsafe futimens(descriptor.number, times) == 0
        else { throw FileError(path: path, operation: .mark) }
    }

    private mutating func createTemporary() throws(FileError) -> (String, FileDescriptor) {
        var attempts = 0
        while true {
            temporaryCount &+= 1
            attempts += 1
            let name = "\(Self.temporaryPrefix)\(getpid())-\(temporaryCount)"
            do throws(FileError) {
                let descriptor = try FileDescriptor(
                    opening: name,
                    flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                    in: temporary,
                    mode: 0o600
                )
                return (name, descriptor)
            } catch {
                // Somebody planted something under a name of ours: leave it and take the next.
                if error.reason == .system(SystemErrorCode(rawValue: EEXIST)), attempts < 100 {
                    continue
                }
                // Not the file's name, which is another at every attempt: the same trouble is the same error.
                throw FileError(path: temporaryPath, operation: .fill, reason: error.reason)
            }
        }
    }

    private static func write(
        _ chunks: [[UInt8]],
        to descriptor: FileDescriptor
    ) throws(SystemFailure) {
        // Far below IOV_MAX (1,024), since the chunks of a batch are pinned by recursion.
        var index = 0
        while index < chunks.count {
            let batch = chunks[index..<min(index + 64, chunks.count)]
            let code = unsafe withVectors(of: batch, []) { vectors in
                unsafe write(vectors, to: descriptor.number)
            }
            guard code == 0 else { throw SystemFailure(code: SystemErrorCode(rawValue: code)) }
            index = batch.endIndex
        }
    }

    /// Calls with the addresses of all chunks, which stay where they are meanwhile.
    private static func withVectors(
        of chunks: ArraySlice<[UInt8]>,
        _ vectors: [iovec],
        _ body: ([iovec]) -> Int32
    ) -> Int32 {
        guard let chunk = chunks.first else { return unsafe body(vectors) }
        return unsafe chunk.withUnsafeBytes { bytes in
            let vector = unsafe iovec(
                iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                iov_len: bytes.count
            )
            return unsafe withVectors(of: chunks.dropFirst(), vectors + [vector], body)
        }
    }

    /// Writes all of it, however little the kernel takes at once; returns 0 or an error number.
    private static func write(_ vectors: [iovec], to descriptor: Int32) -> Int32 {
        var vectors = unsafe vectors[...]
        while unsafe !vectors.isEmpty {
            let written = unsafe vectors.withUnsafeBufferPointer { buffer in
                unsafe writev(descriptor, buffer.baseAddress, Int32(buffer.count))
            }
            if written < 0 {
                if errno == EINTR { continue }
                return errno
            }
            var left = written
            while let first = unsafe vectors.first, unsafe left >= first.iov_len {
                unsafe left -= first.iov_len
                unsafe vectors.removeFirst()
            }
            if left > 0, let first = unsafe vectors.first {
                unsafe vectors[vectors.startIndex] = iovec(
                    iov_base: first.iov_base.advanced(by: left),
                    iov_len: first.iov_len - left
                )
            }
        }
        return 0
    }

    private func removeTemporary(_ name: String) {
        unsafe _ = unlinkat(temporary.number, name, 0)
    }

    private func renameError(_ file: FileReplacement) -> FileError {
        let code = SystemErrorCode.last
        let path = servedPath(file.name)
        guard code.rawValue != EXDEV else {
            return FileError(
                path: path,
                operation: .rename,
                reason: .otherFileSystem(directory: temporaryPath)
            )
        }
        return FileError(path: path, operation: .rename, code: code)
    }

    private func synchroniseFolders(of files: [FileReplacement]) throws(FileError) {
        var done: Set<Int32> = []
        for file in files {
            let directory = place(of: file.name).directory
            guard done.insert(directory.number).inserted else { continue }
            guard retryingInterrupts({ fsync(directory.number) }) == 0 else {
                throw FileError(path: path, operation: .synchronise)
            }
        }
    }

    private func servedPath(_ name: String) -> String { "\(path)/\(name)" }

    private func place(of name: String) -> (directory: FileDescriptor, name: String) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 1, Self.isName(parts[0]) { return (root, name) }
        guard parts.count == 2, Self.isName(parts[1]),
            let index = folders.firstIndex(where: { $0 == parts[0] })
        else {
            fatalError("'\(name)' is no file name in \(path) with the folders \(folders)")
        }
        return (folderDescriptors[index], String(parts[1]))
    }

    private static func isName(_ part: Substring) -> Bool {
        !part.isEmpty && part != "." && part != ".."
    }
}

// MARK: Opening

extension ServedDirectory {
    private static let temporaryPrefix = "carparkd-"

    private static func openTemporary(_ path: String) throws(FileError) -> FileDescriptor {
        let directory = try openDirectory(path, mode: 0o700)
        guard retryingInterrupts({ flock(directory.number, LOCK_EX | LOCK_NB) }) == 0 else {
            let code = SystemErrorCode.last
            throw FileError(
                path: path,
                operation: .lock,
                reason: code.rawValue == EWOULDBLOCK ? .inUse : .system(code)
            )
        }
        try removeLeftovers(in: directory, path: path)
        return directory
    }

    private static func openServed(
        _ path: String,
        beside temporary: FileDescriptor,
        temporaryPath: String
    ) throws(FileError) -> FileDescriptor {
        let directory = try openDirectory(path, mode: 0o755)
        let here = try mount(of: directory, path: path)
        let there = try mount(of: temporary, path: temporaryPath)
        guard here == there else {
            throw FileError(
                path: temporaryPath,
                operation: .rename,
                reason: .otherFileSystem(directory: path)
            )
        }
        return directory
    }

    private static func openFolders(
        _ folders: [String],
        of root: FileDescriptor,
        path: String
    ) throws(FileError) -> [FileDescriptor] {
        var descriptors: [FileDescriptor] = []
        for folder in folders {
            do throws(FileError) {
                descriptors.append(try openDirectory(folder, mode: 0o755, in: root))
            } catch {
                throw FileError(
                    path: "\(path)/\(folder)",
                    operation: error.operation,
                    reason: error.reason
                )
            }
        }
        return descriptors
    }

    /// Opens a directory and creates it if only the last component is missing.
    private static func openDirectory(
        _ path: String,
        mode: mode_t,
        in parent: FileDescriptor? = nil
    ) throws(FileError) -> FileDescriptor {
        let flags = O_RDONLY | O_DIRECTORY | (parent == nil ? 0 : O_NOFOLLOW)
        do throws(FileError) {
            return try FileDescriptor(opening: path, flags: flags, in: parent)
        } catch {
            guard error.reason == .system(SystemErrorCode(rawValue: ENOENT)) else { throw error }
        }
        guard unsafe mkdirat(parent?.number ?? AT_FDCWD, path, mode) == 0 || errno == EEXIST else {
            throw FileError(path: path, operation: .create)
        }
        let directory = try FileDescriptor(opening: path, flags: flags, in: parent)
        guard fchmod(directory.number, mode) == 0 else {
            throw FileError(path: path, operation: .mark)
        }
        return directory
    }

    private static func removeLeftovers(
        in directory: FileDescriptor,
        path: String
    ) throws(FileError) {
        // fdopendir(3) takes its descriptor over, so it gets one of its own.
        let number = unsafe openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw FileError(path: path, operation: .open) }
        guard let stream = unsafe fdopendir(number) else {
            let error = FileError(path: path, operation: .open)
            close(number)
            throw error
        }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe String(cString: UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
            }
            if name.hasPrefix(temporaryPrefix) { names.append(name) }
        }
        unsafe closedir(stream)
        for name in names {
            // A directory of that name is not ours; it hurts nobody.
            guard
                unsafe unlinkat(directory.number, name, 0) == 0 || errno == EISDIR
                    || errno == ENOENT
            else { throw FileError(path: "\(path)/\(name)", operation: .create) }
        }
    }

    /// Device and mount: a rename needs both to be equal, since a bind mount shares its device.
    private static func mount(
        of directory: FileDescriptor,
        path: String
    ) throws(FileError) -> [UInt64] {
        var identifier: UInt64 = 0
        let code = unsafe clinux_mount_identifier(directory.number, &identifier)
        guard code == 0 else {
            throw FileError(
                path: path,
                operation: .inspect,
                reason: .system(SystemErrorCode(rawValue: code))
            )
        }
        do throws(SystemFailure) {
            return [UInt64(try directory.status().st_dev), identifier]
        } catch {
            throw FileError(path: path, operation: .inspect, code: error.code)
        }
    }

    /// Whether the path still leads to the directory that is open.
    private static func isSame(
        _ directory: FileDescriptor,
        at path: String,
        in parent: FileDescriptor? = nil
    ) -> Bool {
        var now = stat()
        let flags = parent == nil ? 0 : AT_SYMLINK_NOFOLLOW
        guard unsafe fstatat(parent?.number ?? AT_FDCWD, path, &now, flags) == 0,
            let then = try? directory.status()
        else { return false }
        return now.st_ino == then.st_ino && now.st_dev == then.st_dev
    }
}
