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
        _ = try await Command.status(of: ["rm", "-rf", "--one-file-system", path])
    }
}

extension Files {
    /// The content of a file as lines of text; none where there is no file.
    static func lines(_ path: String) -> [Substring] {
        String(decoding: read(path) ?? [], as: UTF8.self).split(separator: "\n")
    }
}

extension Command {
    /// Runs a command to its end, and returns what waitpid(2) says of it.
    ///
    /// While it runs no thread of the pool is held.
    static func status(of arguments: [String], output: String = "/dev/null") async throws -> Int32 {
        let process = try #require(
            start(arguments, output: output, isAppending: true),
            "\(arguments) can't be started"
        )
        var status: Int32 = 0
        while true {
            let ended = unsafe waitpid(process, &status, WNOHANG)
            if ended == process { return status }
            try #require(ended == 0 || errno == EINTR, "\(arguments) can't be waited for")
            // Not to be cancelled: a process must be waited for.
            try? await Task.sleep(for: .milliseconds(2))
        }
    }
}
