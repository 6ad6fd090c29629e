import Glibc

/// A process of a test.
enum Command {
    /// Runs a command, quietly, and tells whether it succeeded.
    static func run(_ arguments: [String]) -> Bool {
        var pid: pid_t = 0
        var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        guard unsafe posix_spawnp(&pid, arguments[0], &actions, nil, &pointers, environ) == 0
        else { return false }
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status == 0
    }
}
