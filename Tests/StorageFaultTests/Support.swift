import Glibc
import TestSupport
import Testing

/// A directory for everything that these tests write, removed at the end.
///
/// In memory where that is possible: hundreds of processes synchronise their files here, and no power will fail.
final class WorkDirectory: Sendable {
    let path: String

    init() throws {
        let parent = unsafe access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(parent)/carparkd-test-XXXXXX".utf8CString)
        let isMade = unsafe mkdtemp(&template) != nil
        try #require(isMade, "no directory can be made in \(parent)")
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Removes one of its directories.
    static func remove(_ path: String) async throws {
        _ = try await Command.run(["rm", "-rf", "--one-file-system", path])
    }
}

extension Files {
    /// The content of a file as lines of text; none where there is no file.
    static func lines(_ path: String) -> [Substring] {
        String(decoding: read(path) ?? [], as: UTF8.self).split(separator: "\n")
    }

    /// The modification time of a file; nil where there is none.
    static func modificationSeconds(_ path: String) -> Int? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status.st_mtim.tv_sec : nil
    }
}

/// A process of a test, bounded by timeout(1).
enum Command {
    /// Runs a command to its end, and returns what waitpid(2) says of it.
    ///
    /// Standard output goes to a file, standard error away. While it runs no thread of the pool is held.
    static func run(_ arguments: [String], output: String = "/dev/null") async throws -> Int32 {
        let process = try start(arguments, output: output)
        var status: Int32 = 0
        while true {
            let ended = unsafe waitpid(process, &status, WNOHANG)
            if ended == process { return status }
            try #require(ended == 0 || errno == EINTR, "\(arguments) can't be waited for")
            // Not to be cancelled: a process must be waited for.
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Starts a command.
    static func start(_ arguments: [String], output: String = "/dev/null") throws -> pid_t {
        let arguments = ["timeout", "--kill-after=5", "60"] + arguments
        var process: pid_t = 0
        var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // A test may run on a thread that has signals blocked.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let code = unsafe posix_spawnp(
            &process,
            arguments[0],
            &actions,
            &attributes,
            &pointers,
            environ
        )
        try #require(code == 0, "\(arguments) can't be started: error \(code)")
        return process
    }
}
