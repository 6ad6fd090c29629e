import Glibc
import Testing

/// A directory of one test, removed with everything in it.
final class ScratchDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/carparkd-test-XXXXXX".utf8CString)
        let created = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let base = buffer.baseAddress, let path = unsafe mkdtemp(base) else { return nil }
            return unsafe String(cString: path)
        }
        path = try #require(created)
    }

    deinit {
        _ = Self.run(["rm", "-rf", "--one-file-system", path])
    }

    /// The names in a folder of it, sorted.
    func names(in folder: String) throws -> [String] {
        guard let stream = unsafe opendir("\(path)/\(folder)") else {
            throw Missing(name: folder)
        }
        defer { unsafe _ = closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe String(cString: UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func write(_ text: String, to name: String) throws {
        let file = unsafe open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        let bytes = Array(text.utf8)
        let written = unsafe Glibc.write(file, bytes, bytes.count)
        try #require(written == bytes.count)
    }

    func read(_ name: String) throws -> [UInt8] {
        let file = unsafe open("\(path)/\(name)", O_RDONLY)
        try #require(file >= 0, "\(name) is missing")
        defer { close(file) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe Glibc.read(file, &buffer, buffer.count), count > 0 {
            content.append(contentsOf: buffer[..<count])
        }
        return content
    }

    func text(_ name: String) throws -> String {
        String(decoding: try read(name), as: UTF8.self)
    }

    func status(_ name: String) throws -> stat {
        var status = stat()
        try #require(unsafe lstat("\(path)/\(name)", &status) == 0, "\(name) is missing")
        return status
    }

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

    struct Missing: Error {
        let name: String
    }
}
