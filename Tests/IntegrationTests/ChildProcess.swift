import Glibc
import Synchronization

/// A process that a test starts, and that never outlives the value that stands for it.
///
/// It reads `/dev/null`, inherits no signal mask, and what it writes goes to files without a name: it never waits
/// for a reader, and a test may look at any time.
/// Threads: any; the lock keeps a signal from reaching a process that was reaped already.
final class ChildProcess: Sendable {
    /// How a process ended.
    enum Exit: Equatable {
        case status(Int32)
        case signal(Int32)
    }

    /// Why a process is of no use to a test.
    enum Failure: Error {
        case notStarted(command: String, reason: String)
        case stillRunning(command: String, after: Duration, output: String, errors: String)
    }

    /// The process identifier; meaningless after the end.
    let identifier: pid_t

    private let command: String
    private let outputFile: NamelessFile
    private let errorFile: NamelessFile
    private let end = Mutex<Exit?>(nil)

    /// Starts a program, which is looked up in `PATH` and then in `/usr/sbin`.
    init(_ program: String, _ arguments: [String] = []) throws(Failure) {
        command = ([program] + arguments).joined(separator: " ")
        guard let outputFile = NamelessFile(), let errorFile = NamelessFile() else {
            throw .notStarted(command: command, reason: errorText(errno))
        }
        let descriptors = (outputFile.descriptor, errorFile.descriptor)
        self.outputFile = outputFile
        self.errorFile = errorFile
        var started = spawn(program, arguments, descriptors)
        if case .failure(SpawnError(code: ENOENT)) = started, !program.contains("/") {
            started = spawn("/usr/sbin/" + program, arguments, descriptors)
        }
        switch started {
        case .success(let identifier): self.identifier = identifier
        case .failure(let error):
            throw .notStarted(command: command, reason: errorText(error.code))
        }
    }

    deinit {
        send(SIGKILL)
        // SIGKILL cannot be refused, so this wait is short.
        while reap(options: 0) == nil {}
    }

    /// What it has written to its standard output.
    var output: String { outputFile.text }

    /// What it has written to its standard error.
    var errors: String { errorFile.text }

    /// Whether it has not ended yet.
    var isRunning: Bool { reap(options: WNOHANG) == nil }

    /// Sends a signal, unless it has ended.
    func send(_ signal: Int32) {
        end.withLock { end in
            if end == nil { _ = kill(identifier, signal) }
        }
    }

    /// Waits for its end.
    ///
    /// - Throws: ``Failure/stillRunning(command:after:output:errors:)``; it is killed when the test lets go of it.
    func exit(within bound: Duration = .seconds(60)) async throws -> Exit {
        _ = try await eventually(within: bound) { !self.isRunning }
        guard let exit = reap(options: WNOHANG) else {
            throw Failure.stillRunning(
                command: command,
                after: bound,
                output: output,
                errors: errors
            )
        }
        return exit
    }

    private func reap(options: Int32) -> Exit? {
        end.withLock { end in
            if let end { return end }
            var status: Int32 = 0
            guard unsafe waitpid(identifier, &status, options) == identifier else { return nil }
            let signal = status & 0x7F
            end = signal == 0 ? .status(status >> 8 & 0xFF) : .signal(signal)
            return end
        }
    }
}

/// Whether a condition comes true within a bound; it is asked every few milliseconds.
func eventually(
    within bound: Duration = .seconds(60),
    _ condition: () throws -> Bool
) async throws -> Bool {
    let deadline = ContinuousClock.now + bound
    while try !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try await Task.sleep(for: .milliseconds(5))
    }
    return true
}

/// TCP on 127.0.0.1.
enum Loopback {
    /// Whether somebody listens on a port.
    static func isOpen(port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = address(port: port)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return address
    }
}

/// A file that ends with its last user.
private struct NamelessFile: ~Copyable {
    let descriptor: Int32

    init?() {
        var template = Array("/tmp/output-XXXXXX".utf8CString)
        descriptor = unsafe mkstemp(&template)
        guard descriptor >= 0 else { return nil }
        unsafe unlink(template)
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// What was written so far.
    var text: String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(bytes.count))
            }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}

private struct SpawnError: Error, Equatable {
    let code: Int32
}

private func spawn(
    _ program: String,
    _ arguments: [String],
    _ descriptors: (output: Int32, errors: Int32)
) -> Result<pid_t, SpawnError> {
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    defer {
        unsafe posix_spawn_file_actions_destroy(&actions)
        unsafe posix_spawnattr_destroy(&attributes)
    }
    var none = sigset_t()
    var all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setflags(
        &attributes,
        Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
    )
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, descriptors.output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, descriptors.errors, 2)
    var words = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var identifier: pid_t = 0
    let code = unsafe posix_spawnp(&identifier, program, &actions, &attributes, &words, environ)
    return code == 0 ? .success(identifier) : .failure(SpawnError(code: code))
}

private func errorText(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
