import Glibc

/// An open file that is closed with its last reference.
///
/// Threads: any; the number never changes while the object lives.
final class FileDescriptor: Sendable {
    /// The number.
    let number: Int32

    /// Takes over an open file.
    init(adopting number: Int32) {
        precondition(number >= 0)
        self.number = number
    }

    deinit {
        // An error of close(2) tells about writes that were not synchronised; ours are, or are thrown away.
        close(number)
    }

    /// Opens a file by its path.
    convenience init(
        opening path: String,
        flags: Int32,
        in directory: FileDescriptor? = nil,
        mode: mode_t = 0
    ) throws(FileError) {
        let number = retryingInterrupts {
            unsafe openat(directory?.number ?? AT_FDCWD, path, flags | O_CLOEXEC, mode)
        }
        guard number >= 0 else {
            throw FileError(path: path, operation: flags & O_CREAT == 0 ? .open : .create)
        }
        self.init(adopting: number)
    }

    /// Reads up to a limit; less only at the end of the file.
    func read(limit: Int) throws(SystemFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        while count < limit {
            let result = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(number, buffer.baseAddress?.advanced(by: count), limit - count)
            }
            if result < 0 {
                if errno == EINTR { continue }
                throw SystemFailure(code: .last)
            }
            if result == 0 { break }
            count += result
        }
        bytes.removeLast(limit - count)
        return bytes
    }

    /// Writes all of it, however little the kernel takes at once.
    func write(_ bytes: [UInt8]) throws(SystemFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { buffer in
                unsafe Glibc.write(number, buffer.baseAddress, buffer.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemFailure(code: .last)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// What the kernel knows about the file.
    func status() throws(SystemFailure) -> stat {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw SystemFailure(code: .last) }
        return status
    }
}

/// A call that failed; its caller adds the path.
struct SystemFailure: Error {
    let code: SystemErrorCode
}

/// Repeats a call that a signal interrupted.
func retryingInterrupts(_ call: () -> Int32) -> Int32 {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
