public import Glibc

/// A process of a test.
///
/// It is bounded by timeout(1), ended by its own number, and nothing that its errors say is kept.
public enum Command {
    /// Starts a command; nil where that can't be done.
    ///
    /// - Parameter output: Where its standard output goes: behind what stands there, or in its place.
    public static func start(
        _ arguments: [String],
        output: String = "/dev/null",
        isAppending: Bool = false
    ) -> pid_t? {
        let arguments = ["timeout", "--kill-after=5", "180"] + arguments
        var pid: pid_t = 0
        var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | (isAppending ? O_APPEND : O_TRUNC)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // A test may run on a thread that has signals blocked; a child that inherits that can't be ended.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let code = unsafe posix_spawnp(
            &pid,
            arguments[0],
            &actions,
            &attributes,
            &pointers,
            environ
        )
        return code == 0 ? pid : nil
    }

    /// Waits for a command to end, and tells whether it succeeded.
    public static func wait(_ pid: pid_t) -> Bool {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status == 0
    }

    /// Runs a command to its end, and tells whether it succeeded.
    public static func run(_ arguments: [String], output: String = "/dev/null") -> Bool {
        guard let pid = start(arguments, output: output) else { return false }
        return wait(pid)
    }

    /// Ends a command.
    public static func stop(_ pid: pid_t) {
        kill(pid, SIGTERM)
        _ = wait(pid)
    }
}
