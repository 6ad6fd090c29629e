import Glibc
import TestSupport
import Testing

/// A system call of the probe: its name, which of this name it is in the life of the process, and what strace(1) said of it.
struct Call {
    let name: String
    let number: Int
    let text: String

    /// Whether this is the probe saying something, and not its disk.
    var isSaying: Bool { text.hasPrefix("write(1") }
}

/// A life of the probe that can be repeated, call by call: what it finds, and the calls that it makes when nothing is wrong.
struct Scene {
    /// A directory as the probe finds it, never changed.
    let template: String
    let life: Int
    /// After the marker, in their order, by the thread that does all the work.
    let calls: [Call]
    /// Traces the probe in a copy of a directory.
    init(template: String, life: Int, in directory: String) async throws {
        let (place, trace) = ("\(directory)/scene", "\(directory)/scene.trace")
        _ = try await Command.status(of: ["cp", "-a", template, place])
        // All threads: no other than the first may touch the disk, or calls could not be told by their number.
        let status = try await Command.status(
            of: ["strace", "-f", "-o", trace, try Probe.executable(), place, "\(life)"],
            output: "\(place)/\(Spoken.name)"
        )
        let spoken = Spoken(in: place)
        try #require(status == 0 && spoken.isEnded, "\(spoken.lines)")
        (self.template, self.life) = (template, life)
        calls = try Self.calls(in: Files.lines(trace), marker: "\(place)/begin")
        try await WorkDirectory.remove(place)
    }

    private static func calls(in lines: [Substring], marker: String) throws -> [Call] {
        let first = try #require(lines.first?.prefix { $0 != " " }, "nothing was traced")
        var numbers: [Substring: Int] = [:]
        var calls: [Call] = []
        var isBegun = false
        for line in lines {
            // "PID  name(arguments) = result": a short number is padded.
            let thread = line.prefix { $0 != " " }
            let text = line[thread.endIndex...].drop { $0 == " " }
            guard let end = text.firstIndex(of: "(") else { continue }
            let name = text[..<end]
            guard thread == first else {
                let isDiskless = name == "write" || !Probe.changing.contains(String(name))
                try #require(isDiskless, "another thread calls \(text)")
                continue
            }
            numbers[name, default: 0] += 1
            if isBegun {
                let call = Call(
                    name: String(name),
                    number: numbers[name, default: 0],
                    text: String(text)
                )
                calls.append(call)
            }
            if text.contains("\"\(marker)\"") { isBegun = true }
        }
        try #require(isBegun, "the marker is missing")
        return calls
    }
}

/// The executable of the target StorageProbe.
enum Probe {
    /// Every system call that changes a file or a directory, or opens or locks one.
    ///
    /// Source: syscalls(2) of Linux 6.1, less what this machine's SQLite and carparkd have no reason to call.
    static let changing: Set = [
        "chmod", "chown", "copy_file_range", "creat", "fallocate", "fchmod", "fchmodat", "fchown",
        "fchownat", "fdatasync", "flock", "fsetxattr", "fsync", "ftruncate", "futimesat", "lchown",
        "link", "linkat", "mkdir", "mkdirat", "mknod", "mknodat", "msync", "open", "openat",
        "openat2", "pwrite64", "pwritev", "pwritev2", "rename", "renameat", "renameat2", "rmdir",
        "sendfile", "splice", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs",
        "truncate", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write", "writev",
    ]

    /// The executable, beside the one of the tests.
    static func executable() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(
            decoding: buffer[..<max(0, count)].map(UInt8.init(bitPattern:)),
            as: UTF8.self
        )
        let directory = own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        let path = "\(directory)/StorageProbe"
        let isBuilt = unsafe access(path, X_OK) == 0
        try #require(isBuilt, "\(path) is not built")
        return path
    }
}
