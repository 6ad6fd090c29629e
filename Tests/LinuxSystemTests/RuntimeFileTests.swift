import Glibc
import LinuxSystem
import TestSupport
import Testing

@Suite struct `A runtime file` {
    private let scratch = ScratchDirectory()
    private var folder: String { scratch.path + "/run" }
    private var path: String { folder + "/health.json" }

    private func file() -> RuntimeFile { RuntimeFile(directory: folder, name: "health.json") }

    private func mode(_ name: String) throws -> mode_t {
        try #require(scratch.status(name)).st_mode & 0o7777
    }

    @Test func `is replaced whole, for the group alone to read`() throws {
        var file = file()
        try file.replace(with: Array("first".utf8))
        try file.replace(with: Array("second, and longer".utf8))
        #expect(scratch.text("run/health.json") == "second, and longer")
        #expect(scratch.names(in: "run") == ["health.json", "lock"])
        #expect(try mode("run") == 0o750)
        #expect(try mode("run/health.json") == 0o640)
        #expect(try mode("run/lock") == 0o640)
    }

    @Test func `has its mode whatever the umask`() async {
        // In a process of its own, since the umask belongs to the whole process.
        await #expect(processExitsWith: .success) {
            umask(0o077)
            let scratch = ScratchDirectory()
            var file = RuntimeFile(directory: scratch.path + "/run", name: "health.json")
            try file.replace(with: [1])
            let modes = try ["run", "run/health.json", "run/lock"].map {
                try #require(scratch.status($0)).st_mode & 0o7777
            }
            #expect(modes == [0o750, 0o640, 0o640])
        }
    }

    @Test func `tells whether somebody is there who writes it`() throws {
        #expect(RuntimeFile.isHeld(beside: path) == nil)
        var file = file()
        try file.replace(with: [1])
        #expect(RuntimeFile.isHeld(beside: path) == true)
        file.remove()
        #expect(RuntimeFile.isHeld(beside: path) == false)
        #expect(scratch.names(in: "run") == ["lock"])
    }

    @Test func `belongs to one process at a time`() throws {
        var first = file()
        try first.replace(with: Array("first".utf8))
        var second = file()
        let error = #expect(throws: FileError.self) { try second.replace(with: [2]) }
        #expect(error?.reason == .inUse)
        // Somebody who asks, or tries, does not take the lock away.
        #expect(RuntimeFile.isHeld(beside: path) == true)
        second.remove()
        #expect(scratch.text("run/health.json") == "first")
        first.remove()
        try second.replace(with: Array("second".utf8))
        #expect(scratch.text("run/health.json") == "second")
    }

    @Test func `comes back where its directory was removed`() throws {
        var file = file()
        try file.replace(with: [1])
        #expect(Command.run(["rm", "-r", folder]))
        try file.replace(with: [2])
        #expect(scratch.read("run/health.json") == [2])
        #expect(RuntimeFile.isHeld(beside: path) == true)
    }

    @Test func `follows no link that somebody planted`() throws {
        var file = file()
        try file.replace(with: [1])
        scratch.write("precious", to: "target")
        for name in ["health.json", "health.json.tmp"] {
            unsafe _ = unlink("\(folder)/\(name)")
            #expect(unsafe symlink("\(scratch.path)/target", "\(folder)/\(name)") == 0)
        }
        try file.replace(with: Array("new".utf8))
        #expect(scratch.text("target") == "precious")
        #expect(scratch.text("run/health.json") == "new")
        #expect(try #require(scratch.status("run/health.json")).st_mode & S_IFMT == S_IFREG)
    }

    @Test func `says why it cannot be written`() throws {
        scratch.write("", to: "run")
        var file = file()
        let error = #expect(throws: FileError.self) { try file.replace(with: [1]) }
        #expect(error?.path == folder)
        #expect(error?.reason == .system(SystemErrorCode(rawValue: ENOTDIR)))
        file.remove()
        #expect(try #require(scratch.status("run")).st_mode & S_IFMT == S_IFREG)
    }

    @Test func `is read within a bound`() throws {
        scratch.write("12345", to: "short")
        #expect(try RuntimeFile.content(of: scratch.path + "/short", limit: 5).count == 5)
        let error = #expect(throws: FileError.self) {
            try RuntimeFile.content(of: scratch.path + "/short", limit: 4)
        }
        #expect(error?.reason == .system(SystemErrorCode(rawValue: EFBIG)))
        #expect(throws: FileError.self) {
            try RuntimeFile.content(of: scratch.path + "/missing", limit: 4)
        }
    }
}
