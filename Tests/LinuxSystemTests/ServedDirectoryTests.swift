import Glibc
import LinuxSystem
import TestSupport
import Testing

/// Replacement of files that somebody reads, on a real file system.
struct ServedDirectoryTests {
    let scratch: ScratchDirectory

    init() throws {
        scratch = ScratchDirectory()
    }

    private func open(folders: [String] = []) throws(FileError) -> ServedDirectory {
        try ServedDirectory(
            path: "\(scratch.path)/feed",
            temporaryPath: "\(scratch.path)/feed.tmp",
            folders: folders
        )
    }

    private func file(
        _ name: String,
        _ text: String,
        seconds: Int64 = 1_000_000_000
    ) -> FileReplacement {
        FileReplacement(name: name, chunks: [Array(text.utf8)], modificationSeconds: seconds)
    }

    @Test func `Missing directories are created, and the web server may read the served one`()
        throws
    {
        let directory = try open(folders: ["history"])
        _ = consume directory
        #expect(try #require(scratch.status("feed")).st_mode & 0o7777 == 0o755)
        #expect(try #require(scratch.status("feed/history")).st_mode & 0o7777 == 0o755)
        #expect(try #require(scratch.status("feed.tmp")).st_mode & 0o7777 == 0o700)
    }

    @Test func `A missing parent is an error that says so`() throws {
        let error = #expect(throws: FileError.self) {
            _ = try ServedDirectory(
                path: "\(scratch.path)/no/feed",
                temporaryPath: "\(scratch.path)/tmp"
            )
        }
        #expect(
            error?.description
                == "\(scratch.path)/no/feed: cannot create: No such file or directory (ENOENT); "
                + "create its parent directory"
        )
    }

    @Test func `Content, mode and time are as asked, and no temporary file is left`() throws {
        var directory = try open(folders: ["history"])
        try directory.replace([
            file("parking.json", "{}", seconds: 1_234_567_890),
            file("history/a.json", "[1]", seconds: 1_234_567_891),
        ])
        #expect(scratch.text("feed/parking.json") == "{}")
        #expect(scratch.text("feed/history/a.json") == "[1]")
        let status = try #require(scratch.status("feed/parking.json"))
        #expect(status.st_mode & 0o7777 == 0o644)
        #expect(status.st_mtim.tv_sec == 1_234_567_890)
        #expect(status.st_mtim.tv_nsec == 0)
        #expect(directory.modificationSeconds(of: "history/a.json") == 1_234_567_891)
        #expect(directory.modificationSeconds(of: "other.json") == nil)
        #expect(scratch.names(in: "feed.tmp") == [])
    }

    @Test func `Many chunks arrive in their order, whatever their length`() throws {
        var directory = try open()
        // More than one batch of writev, empty chunks, and more than a pipe or a page holds.
        let chunks = (0..<777).map { number in
            [UInt8](repeating: UInt8(number % 251), count: number % 5 == 0 ? 0 : number * 3)
        }
        try directory.replace([
            FileReplacement(name: "big", chunks: chunks, modificationSeconds: 1)
        ])
        #expect(scratch.read("feed/big") == chunks.flatMap { $0 })
    }

    @Test func `A planted link is replaced and its target left alone`() throws {
        var directory = try open()
        scratch.write("precious", to: "target")
        try #require(
            unsafe symlink("\(scratch.path)/target", "\(scratch.path)/feed/parking.json") == 0
        )
        for number in 1...3 {
            let planted = "\(scratch.path)/feed.tmp/carparkd-\(getpid())-\(number)"
            try #require(unsafe symlink("\(scratch.path)/target", planted) == 0)
        }
        try directory.replace([file("parking.json", "{}")])
        #expect(scratch.text("target") == "precious")
        #expect(scratch.text("feed/parking.json") == "{}")
        #expect(try #require(scratch.status("feed/parking.json")).st_mode & S_IFMT == S_IFREG)
    }

    @Test func `A folder that is a link is refused`() throws {
        try #require(unsafe mkdir("\(scratch.path)/feed", 0o755) == 0)
        try #require(unsafe symlink("/tmp", "\(scratch.path)/feed/history") == 0)
        let error = #expect(throws: FileError.self) { _ = try open(folders: ["history"]) }
        #expect(error?.path == "\(scratch.path)/feed/history")
        #expect(error?.operation == .open)
    }

    @Test func `What a killed process left is removed at the start, and nothing else`() throws {
        try #require(unsafe mkdir("\(scratch.path)/feed.tmp", 0o700) == 0)
        scratch.write("half", to: "feed.tmp/carparkd-1-1")
        scratch.write("half", to: "feed.tmp/carparkd-99999-12")
        scratch.write("mine", to: "feed.tmp/notes.txt")
        let directory = try open()
        _ = consume directory
        #expect(scratch.names(in: "feed.tmp") == ["notes.txt"])
    }

    @Test func `Two publishers can't share a temporary directory`() throws {
        let first = try open()
        let error = #expect(throws: FileError.self) { _ = try open() }
        #expect(error?.reason == .inUse)
        #expect(first.path == "\(scratch.path)/feed")
    }

    @Test func `A served directory that was replaced while we run is noticed`() throws {
        var directory = try open(folders: ["history"])
        var isNew = try directory.refresh()
        #expect(!isNew)
        try #require(unsafe rename("\(scratch.path)/feed", "\(scratch.path)/old") == 0)
        isNew = try directory.refresh()
        #expect(isNew)
        try directory.replace([file("parking.json", "new"), file("history/a.json", "new")])
        #expect(scratch.text("feed/parking.json") == "new")
        #expect(scratch.names(in: "old") == ["history"])
        try #require(Command.run(["rm", "-r", "\(scratch.path)/feed/history"]))
        isNew = try directory.refresh()
        #expect(isNew)
        try directory.replace([file("history/a.json", "newer")])
        #expect(scratch.text("feed/history/a.json") == "newer")
    }

    @Test func `A temporary directory that was removed while we run is made again`() throws {
        var directory = try open()
        try #require(unsafe rmdir("\(scratch.path)/feed.tmp") == 0)
        #expect(throws: FileError.self) { try directory.replace([file("parking.json", "1")]) }
        _ = try directory.refresh()
        try directory.replace([file("parking.json", "2")])
        #expect(scratch.text("feed/parking.json") == "2")
    }

    @Test func `A directory in the place of a file is an error, and leaves no temporary file`()
        throws
    {
        var directory = try open()
        try #require(unsafe mkdir("\(scratch.path)/feed/parking.json", 0o755) == 0)
        let error = #expect(throws: FileError.self) {
            try directory.replace([file("a.json", "a"), file("parking.json", "b")])
        }
        #expect(error?.operation == .rename)
        #expect(error?.path == "\(scratch.path)/feed/parking.json")
        #expect(scratch.names(in: "feed.tmp") == [])
        try #require(unsafe rmdir("\(scratch.path)/feed/parking.json") == 0)
        try directory.replace([file("a.json", "a"), file("parking.json", "b")])
        #expect(scratch.text("feed/parking.json") == "b")
    }

    @Test func `Content is read back up to a limit, and never through a link`() throws {
        var directory = try open()
        try directory.replace([file("a", "12345")])
        #expect(directory.content(of: "a", limit: 5) == Array("12345".utf8))
        #expect(directory.content(of: "a", limit: 4) == nil)
        #expect(directory.content(of: "b", limit: 4) == nil)
        try #require(unsafe symlink("a", "\(scratch.path)/feed/link") == 0)
        #expect(directory.content(of: "link", limit: 9) == nil)
    }

    @Test func `A strict umask keeps no reader out`() async {
        // In a process of its own, since the umask belongs to the whole process.
        await #expect(processExitsWith: .success) {
            umask(0o077)
            let scratch = ScratchDirectory()
            var directory = try ServedDirectory(
                path: "\(scratch.path)/feed",
                temporaryPath: "\(scratch.path)/tmp",
                folders: ["history"]
            )
            try directory.replace([
                FileReplacement(name: "history/a", chunks: [[1]], modificationSeconds: 1)
            ])
            let modes = try ["feed", "feed/history", "feed/history/a"].map {
                try #require(scratch.status($0)).st_mode & 0o7777
            }
            guard modes == [0o755, 0o755, 0o644] else { exit(1) }
        }
    }

    @Test func `A name that could leave the directory ends the program`() async {
        // A process that traps cleans nothing up: the directory is the parent's.
        await #expect(processExitsWith: .failure) { [path = scratch.path as String] in
            var directory = try ServedDirectory(
                path: "\(path)/feed",
                temporaryPath: "\(path)/tmp"
            )
            try directory.replace([
                FileReplacement(name: "../x", chunks: [], modificationSeconds: 1)
            ])
        }
    }
}

/// File systems that are full, read-only or elsewhere.
///
/// They take a mount, which takes root.
@Suite(.serialized, .enabled(if: Mount.isPossible, "needs root and mount(8)"))
struct ServedDirectoryMountTests {
    let mount: Mount

    init() throws {
        mount = try Mount(options: "size=256k")
    }

    private func open() throws(FileError) -> ServedDirectory {
        try ServedDirectory(path: "\(mount.path)/feed", temporaryPath: "\(mount.path)/feed.tmp")
    }

    @Test func `A full disk is an error that leaves the former file and no temporary one`() throws {
        var directory = try open()
        let small = FileReplacement(name: "a", chunks: [[1, 2, 3]], modificationSeconds: 5)
        try directory.replace([small])
        let big = FileReplacement(
            name: "a",
            chunks: Array(repeating: [UInt8](repeating: 7, count: 10_000), count: 100),
            modificationSeconds: 6
        )
        let error = #expect(throws: FileError.self) { try directory.replace([small, big]) }
        #expect(error?.reason == .system(SystemErrorCode(rawValue: ENOSPC)))
        #expect(error?.operation == .write)
        #expect(error?.advice?.hasPrefix("free space") == true)
        #expect(mount.scratch.read("disk/feed/a") == [1, 2, 3])
        #expect(mount.scratch.names(in: "disk/feed.tmp") == [])
        // And it works again as soon as there is room.
        try directory.replace([small])
    }

    @Test func `A read-only file system is an error that says so, until it is writable again`()
        throws
    {
        var directory = try open()
        let file = FileReplacement(name: "a", chunks: [[1]], modificationSeconds: 5)
        try #require(Command.run(["mount", "-o", "remount,ro", mount.path]))
        let error = #expect(throws: FileError.self) { try directory.replace([file]) }
        #expect(error?.reason == .system(SystemErrorCode(rawValue: EROFS)))
        try #require(Command.run(["mount", "-o", "remount,rw", mount.path]))
        try directory.replace([file])
        #expect(mount.scratch.read("disk/feed/a") == [1])
    }

    @Test func `A temporary directory on another file system is refused at the start`() throws {
        let error = #expect(throws: FileError.self) {
            _ = try ServedDirectory(
                path: "\(mount.path)/feed",
                temporaryPath: "\(mount.scratch.path)/feed.tmp"
            )
        }
        #expect(error?.reason == .otherFileSystem(directory: "\(mount.path)/feed"))
    }

    @Test func `A bind mount is another file system to rename(2), and is refused as well`() throws {
        try #require(Command.run(["mkdir", "\(mount.path)/a", "\(mount.path)/b"]))
        try #require(
            Command.run(["mount", "--bind", "\(mount.path)/a", "\(mount.path)/b"])
        )
        defer { _ = Command.run(["umount", "\(mount.path)/b"]) }
        let error = #expect(throws: FileError.self) {
            _ = try ServedDirectory(path: "\(mount.path)/b", temporaryPath: "\(mount.path)/tmp")
        }
        #expect(error?.reason == .otherFileSystem(directory: "\(mount.path)/b"))
    }
}

/// A file system in memory, unmounted at the end.
final class Mount {
    let scratch: ScratchDirectory
    var path: String { "\(scratch.path)/disk" }

    static let isPossible: Bool = {
        guard geteuid() == 0, let mount = try? Mount(options: "size=64k") else { return false }
        return mount.path.isEmpty == false
    }()

    init(options: String) throws {
        scratch = ScratchDirectory()
        try #require(unsafe mkdir("\(scratch.path)/disk", 0o755) == 0)
        guard
            Command.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path])
        else { throw Impossible() }
    }

    deinit {
        _ = Command.run(["umount", "-l", path])
    }

    struct Impossible: Error {}
}
