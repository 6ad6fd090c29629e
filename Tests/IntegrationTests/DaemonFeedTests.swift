import Glibc
import TestSupport
import Testing

/// What stands in the daemon's directory, and what the daemon does where it can't write there.
@Suite struct `The daemon's feed` {
    private let directory = ScratchDirectory()

    @Test func `can be read by the web host whatever the umask`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(
            ["run"] + town.write(),
            launcher: ["sh", "-c", #"umask 077; exec "$0" "$@""#]
        )
        try await daemon.says("subscribed")
        // A history begins with the first reading.
        try await broker.publish("park/level/level", #"{"count": 1}"#)
        let names = ["parking.json", "parking.schema.json", "history.schema.json", "index.html"]
        for name in names + ["history/level.json"] {
            let plain = town.feed + "/" + name
            let isThere = try await eventually { Files.status(plain + ".gz") != nil }
            #expect(isThere, "\(name).gz")
            for path in [plain, plain + ".gz"] {
                #expect(Files.status(path).map { $0.st_mode & 0o7777 } == 0o644, "\(path)")
            }
        }
        for path in [town.feed, town.feed + "/history"] {
            #expect(Files.status(path).map { $0.st_mode & 0o7777 } == 0o755, "\(path)")
        }
    }

    @Test func `never has the same modification time twice`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        // A feed that was left behind by a clock that was an hour ahead.
        unsafe mkdir(town.feed, 0o755)
        directory.write("{}", to: "feed/parking.json")
        let path = town.feed + "/parking.json"
        let early = try #require(Files.status(path)).st_mtim.tv_sec + 3600
        let times = [timespec(tv_sec: early, tv_nsec: 0), timespec(tv_sec: early, tv_nsec: 0)]
        try #require(unsafe utimensat(AT_FDCWD, path, times, 0) == 0)

        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        var last = try #require(Files.status(path))
        var replacements = 0
        for level in 1...5 {
            try await broker.publish("park/level/level", #"{"count": \#(level)}"#)
            let isPublished = try await eventually {
                let now = try #require(Files.status(path))
                if now.st_ino != last.st_ino || now.st_mtim.tv_sec != last.st_mtim.tv_sec {
                    #expect(now.st_mtim.tv_sec > last.st_mtim.tv_sec)
                    #expect(now.st_mtim.tv_nsec == 0)
                    replacements += 1
                    last = now
                }
                return town.published?.facilities["level"]?.occupied == level
            }
            #expect(isPublished)
        }
        #expect(replacements >= 4)
        #expect(last.st_mtim.tv_sec > early)
        daemon.send(SIGTERM)
        #expect(try await daemon.exit() == .status(0))
        let seconds = Files.status(path)?.st_mtim.tv_sec
        #expect(seconds == Files.status(path + ".gz")?.st_mtim.tv_sec)
    }

    @Test(arguments: [true, false])
    func `is waited for until there is a place for it`(isFileInItsPlace: Bool) async throws {
        let broker = try await Broker.started()
        let manager = try NotifySocket()
        var town = Town(directory, port: broker.port)
        town.feed = directory.path("srv/feed")
        if isFileInItsPlace { directory.write("", to: "srv") }
        let daemon = try carparkd(
            ["run"] + town.write(),
            environment: ["NOTIFY_SOCKET=\(manager.path)"]
        )
        try await daemon.says("feed cannot be published")
        try await daemon.says("subscribed")
        try await broker.publish("park/level/level", #"{"count": 9}"#)
        // It is the third look at the earliest that says so: by then it has tried a few times.
        try await manager.hears("STATUS") { $0.contains("council connected; 1 messages") }
        #expect(manager.heard().contains { $0.hasPrefix("STATUS=FEED CANNOT BE PUBLISHED; ") })
        #expect(!manager.heard().contains("READY=1"))
        #expect(daemon.lines("feed cannot be published").count == 1)

        if isFileInItsPlace { unsafe unlink(directory.path("srv")) }
        unsafe mkdir(directory.path("srv"), 0o755)
        try await town.shows(["level": 9])
        try await manager.hears("READY=1") { $0 == "READY=1" }
        #expect(daemon.lines("feed is published again").count == 1)
        #expect(daemon.lines("feed cannot be published").count == 1)
    }

    @Test(
        .enabled(if: Volume.isPossible, "only root may mount a file system"),
        arguments: Volume.Trouble.allCases
    )
    func `waits for its file system`(trouble: Volume.Trouble) async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        town.heartbeat = "1s"
        town.feed = directory.path("volume/feed")
        let arguments = try ["run"] + town.write()
        let volume = try Volume(at: directory.path("volume")) { launcher in
            try carparkd(arguments, launcher: launcher)
        }
        // The volume is seen by the daemon alone.
        town.feed = "/proc/\(volume.process.identifier)/root" + town.feed
        try await volume.process.says("ready")
        try await volume.process.says("subscribed")

        try await volume.begin(trouble)
        try await volume.process.says("feed cannot be published")
        try await broker.publish("park/level/level", #"{"count": 5}"#)
        try await broker.wasAcknowledged(by: "carparkd", count: 1)
        // Time for a few attempts, none of which is news.
        try await Task.sleep(for: .seconds(4))
        #expect(volume.process.lines("feed cannot be published").count == 1)
        #expect(volume.process.lines(trouble.words).count == 1)
        #expect(town.published?.facilities["level"]?.occupied == nil)

        try await volume.end(trouble)
        try await town.shows(["level": 5])
        // The files stand there before the log says so.
        try await volume.process.says("feed is published again")
        #expect(volume.process.lines("feed is published again").count == 1)
    }
}

/// A file system of one process, gone with it.
struct Volume {
    enum Trouble: CaseIterable {
        case readOnly
        case full

        /// What the kernel calls it.
        var words: String {
            switch self {
            case .readOnly: "Read-only file system"
            case .full: "No space left on device"
            }
        }
    }

    static let isPossible: Bool = geteuid() == 0

    let process: ChildProcess
    private let path: String

    /// Starts a process that sees it.
    init(at path: String, _ start: ([String]) throws -> ChildProcess) throws {
        self.path = path
        unsafe mkdir(path, 0o755)
        let script = #"mount -t tmpfs -o size=1m none "$0" && exec "$@""#
        process = try start(["unshare", "--mount", "sh", "-c", script, path])
    }

    func begin(_ trouble: Trouble) async throws {
        switch trouble {
        case .readOnly: try await run(["mount", "-o", "remount,ro", path])
        case .full: try await run(["sh", "-c", #"head -c 2m /dev/zero > "$0" || true"#, filler])
        }
    }

    func end(_ trouble: Trouble) async throws {
        switch trouble {
        case .readOnly: try await run(["mount", "-o", "remount,rw", path])
        case .full: try await run(["rm", filler])
        }
    }

    private var filler: String { path + "/filler" }

    /// Runs a command that sees it.
    private func run(_ words: [String]) async throws {
        let command = try ChildProcess(
            "nsenter",
            ["--target", "\(process.identifier)", "--mount"] + words
        )
        #expect(try await command.exit() == .status(0), "\(command.errors)")
    }
}
