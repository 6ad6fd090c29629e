import Glibc
import TestSupport
import Testing

/// What the daemon knows after its process, its disk or its clock have failed it.
@Suite struct `The daemon's memory` {
    private let directory = ScratchDirectory()

    /// Publishes one of everything.
    private func fill(_ broker: Broker, _ town: Town) async throws {
        for bay in ["a", "b", "c"] {
            try await broker.publish("park/bays/bay/\(bay)", #"{"occupied": true}"#)
        }
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "40"])
        try await broker.publish("park/counted/count", #"{"in": 100, "out": 40}"#)
        try await broker.publish("park/counted/count", #"{"in": 117, "out": 42}"#)
        try await broker.publish("park/level/level", #"{"count": 505}"#)
        try await broker.publish("park/signed/state", "closed")
        try await town.shows(Self.filled)
        // The last of them: whoever compares feeds needs one that has them all.
        let isClosed = try await eventually {
            town.published?.facilities["signed"]?.state == "closed"
        }
        try #require(isClosed)
    }

    private static let filled = ["bays": 3, "gate": 40, "counted": 15, "level": 505]

    /// Removes the feed, so that what stands there next is new.
    private func forget(_ town: Town) throws {
        for name in ["parking.json", "parking.json.gz"] {
            let isGone = unsafe unlink("\(town.feed)/\(name)") == 0
            try #require(isGone)
        }
    }

    @Test func `outlives kill -9, with nobody there to ask`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let arguments = try town.write()
        let daemon = try carparkd(["run"] + arguments)
        try await daemon.says("subscribed")
        try await fill(broker, town)
        let before = try #require(town.published).facilities
        daemon.send(SIGKILL)
        #expect(try await daemon.exit() == .signal(SIGKILL))
        try await broker.stop()
        try forget(town)

        let again = try carparkd(["run"] + arguments)
        try await again.says("recovered from the journal")
        let isThere = try await eventually { town.published != nil }
        try #require(isThere, "\(again.errors)")
        // The first feed, and not the first that is right.
        let first = try #require(town.published).facilities
        #expect(first == before)

        try await broker.start()
        try await again.says("session=resumed")
        try await broker.publish("park/gate/gate/out", "", ["--repeat", "3"])
        try await broker.publish("park/counted/count", #"{"in": 120, "out": 42}"#)
        try await town.shows(["bays": 3, "gate": 37, "counted": 18, "level": 505])
    }

    @Test func `goes on without its disk, says so, and is complete when the disk is back`()
        async throws
    {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let arguments = try town.write()
        let daemon = try carparkd(["run"] + arguments)
        try await daemon.says("subscribed")
        try await fill(broker, town)
        #expect(town.isDurable == true)

        let away = town.state + ".away"
        let isAway = unsafe rename(town.state, away) == 0
        try #require(isAway)
        directory.write("in the way", to: "state")
        try await daemon.says("journal cannot be written; counting goes on in memory")
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "5"])
        try await town.shows(["gate": 45])
        let isSaid = try await eventually { town.isDurable == false }
        #expect(isSaid)

        let isBack = unsafe unlink(town.state) == 0 && rename(away, town.state) == 0
        try #require(isBack)
        try await daemon.says("journal is written again")
        let isShown = try await eventually { town.isDurable == true }
        #expect(isShown)
        daemon.send(SIGKILL)
        _ = try await daemon.exit()
        try forget(town)
        let again = try carparkd(["run"] + arguments)
        try await town.shows(["bays": 3, "gate": 45, "counted": 15, "level": 505])
        #expect(again.lines("journal cannot").isEmpty)
    }

    @Test func `is one process's alone`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let arguments = try town.write()
        let daemon = try carparkd(["run"] + arguments)
        try await daemon.says("subscribed")
        let other = try carparkd(["run"] + arguments)
        #expect(try await other.exit() == .status(1))
        #expect(other.errors.contains("in use by another process"))
        #expect(other.errors.contains("state_directory of its own"))
        #expect(daemon.isRunning)
    }

    @Test func `of another program is refused`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let made = try ChildProcess("mkdir", [town.state])
        #expect(try await made.exit() == .status(0))
        let foreign = try ChildProcess(
            "python3",
            [
                "-c",
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript('create table page (x); pragma application_id = 7')",
                "\(town.state)/journal.sqlite",
            ]
        )
        #expect(try await foreign.exit() == .status(0))
        let daemon = try carparkd(["run"] + town.write())
        #expect(try await daemon.exit() == .status(78))
        #expect(daemon.errors.contains("database of another program"))
    }

    @Test func `knows which filters the broker has of it`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        daemon.send(SIGKILL)
        _ = try await daemon.exit()

        town.rules = [#"{topic: "park/{facility}/level", reading: level, occupied: /count}"#]
        let fewer = try carparkd(["run"] + town.write())
        try await fewer.says("former filters unsubscribed")
        #expect(fewer.lines("session=resumed").count == 1)
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "5"])
        try await broker.publish("park/level/level", #"{"count": 7}"#)
        try await town.shows(["level": 7])
        #expect(!fewer.errors.contains("messages refused"))
        fewer.send(SIGTERM)
        _ = try await fewer.exit()
        let last = try carparkd(["run"] + town.write())
        try await last.says("subscribed")
        #expect(last.lines("former filters").isEmpty)
    }

    @Test(arguments: [
        // Both changes of summer time, a machine without a battery, and the end of 32 bits.
        [1_792_889_990, 1_792_890_010, 1_774_746_000],
        [1_795_435_200, 600, 1_795_435_260],
        [2_145_916_799, 2_147_483_640, 1_795_435_200],
    ]) func `doesn't care what the clock says`(times: [Int]) async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let arguments = try town.write()
        let clock = try await WallClock(directory)
        var count = 0
        var modified: Int?
        for (round, time) in times.enumerated() {
            let environment = clock.environment(seconds: time)
            let daemon = try carparkd(["run"] + arguments, environment: environment)
            try await daemon.says("subscribed")
            for _ in 0..<2 {
                try await broker.publish("park/gate/gate/in", "", ["--repeat", "5"])
                count += 5
                try await broker.publish(
                    "park/level/level",
                    #"{"count": \#(count)}"#
                )
                try await town.shows(["gate": count, "level": count])
                // Whatever the clock does, what is served later is newer for those who ask.
                let now = try #require(Files.status("\(town.feed)/parking.json")).st_mtim.tv_sec
                if let modified { #expect(now > modified, "round \(round)") }
                modified = now
            }
            daemon.send(round == 1 ? SIGKILL : SIGTERM)
            _ = try await daemon.exit()
        }
    }
}

/// A wall clock that says something else, for a process that is started with it; all other clocks are the kernel's.
private struct WallClock {
    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>

        // The first moment of the process is at WALL_CLOCK_SECONDS.
        static long offset;

        __attribute__((constructor)) static void begin(void) {
            struct timespec now;
            syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
            const char *seconds = getenv("WALL_CLOCK_SECONDS");
            offset = seconds ? atol(seconds) - now.tv_sec : 0;
        }

        int clock_gettime(clockid_t clock, struct timespec *time) {
            int result = (int)syscall(SYS_clock_gettime, clock, time);
            if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += offset;
            return result;
        }
        """

    private let library: String

    init(_ directory: ScratchDirectory) async throws {
        library = directory.path("wall-clock.so")
        directory.write(Self.source, to: "wall-clock.c")
        let compiler = try ChildProcess(
            "cc",
            ["-shared", "-fPIC", "-O1", "-o", library, directory.path("wall-clock.c")]
        )
        let exit = try await compiler.exit()
        try #require(exit == .status(0), "\(compiler.errors)")
    }

    func environment(seconds: Int) -> [String] {
        ["LD_PRELOAD=\(library)", "WALL_CLOCK_SECONDS=\(seconds)", "TZ=Europe/London"]
    }
}
