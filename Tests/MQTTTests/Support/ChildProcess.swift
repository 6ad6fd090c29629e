import Glibc
import Testing

/// A program that a test started; it ends with this object, and after two minutes in any case.
final class ChildProcess {
    /// The process, where `timeout` stands before the program and hands signals on.
    let identifier: pid_t
    private var isReaped = false

    /// Starts a program found on the path, its output in a file; where a descriptor is given, its
    /// standard input and output there.
    init(_ arguments: [String], output: String = "/dev/null", descriptor: Int32? = nil) throws {
        let all = ["timeout", "-k", "1", "120"] + arguments
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        let flags = O_WRONLY | O_CREAT | O_APPEND
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        if let descriptor {
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, 0)
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
        }
        // The pool's threads block signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pointers = unsafe all.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        var process: pid_t = 0
        let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        let problem = unsafe path.withCString { path in
            var environment = unsafe [UnsafeMutablePointer(mutating: path), nil]
            return unsafe posix_spawnp(
                &process,
                all[0],
                &actions,
                &attributes,
                &pointers,
                &environment
            )
        }
        try #require(problem == 0, "cannot start \(arguments[0]): \(problem)")
        identifier = process
    }

    /// Ends the program and waits until it has ended.
    func end() {
        guard !isReaped else { return }
        kill(identifier, SIGTERM)
        _ = wait()
    }

    /// Waits until the program has ended and returns its exit status.
    @discardableResult
    func wait() -> Int32 {
        guard !isReaped else { return 0 }
        var status: Int32 = 0
        while unsafe waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        isReaped = true
        return status >> 8 & 0xFF
    }

    deinit { end() }
}

/// Runs a program to its end; its failure is the test's.
func run(_ arguments: [String]) throws {
    let status = try ChildProcess(arguments).wait()
    try #require(status == 0, "\(arguments.joined(separator: " ")): exit status \(status)")
}
