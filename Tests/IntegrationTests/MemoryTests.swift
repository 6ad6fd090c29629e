import Glibc
import Testing

/// What the daemon knows after its process, its disk or its clock have failed it.
@Suite struct `The daemon's memory` {
    private let directory: ScratchDirectory

    init() throws { directory = try ScratchDirectory() }

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
        try directory.write("in the way", to: "state")
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
        #expect(!fewer.errors.contains("refused"))
        fewer.send(SIGTERM)
        _ = try await fewer.exit()
        let last = try carparkd(["run"] + town.write())
        try await last.says("subscribed")
        #expect(last.lines("former filters").isEmpty)
    }

    private static let fakeTime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"

    /// The daemon under a wall clock that begins somewhere else; the monotonic one stays.
    private func carparkd(_ arguments: [String], at time: String) throws -> ChildProcess {
        try carparkd(
            arguments,
            environment: [
                "LD_PRELOAD=\(Self.fakeTime)", "FAKETIME=\(time)",
                "FAKETIME_DONT_FAKE_MONOTONIC=1", "TZ=Europe/London",
            ],
            // Started by env(1) itself the program would not see its arguments.
            launcher: ["sh", "-c", #"exec "$@""#, "sh"]
        )
    }

    private func carparkd(
        _ arguments: [String],
        environment: [String] = [],
        launcher: [String] = []
    ) throws -> ChildProcess {
        try IntegrationTests.carparkd(
            arguments,
            environment: environment,
            launcher: launcher
        )
    }

    @Test(
        .enabled(if: content(of: fakeTime) != nil, "libfaketime is not on this machine"),
        arguments: [
            ["@2026-10-25 00:59:50", "@2026-10-25 01:00:10", "@2026-03-29 01:00:00"],
            ["@2026-11-23 12:00:00", "@1970-01-01 00:10:00", "@2026-11-23 12:01:00"],
            ["@2037-12-31 23:59:59", "@2038-01-19 03:14:07", "@2026-11-23 12:00:00"],
        ]
    ) func `doesn't care what the clock says`(times: [String]) async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let arguments = try town.write()
        var count = 0
        var modified: Int?
        for (round, time) in times.enumerated() {
            let daemon = try carparkd(["run"] + arguments, at: time)
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
                let now = try #require(status(of: "\(town.feed)/parking.json")).st_mtim.tv_sec
                if let modified { #expect(now > modified, "round \(round)") }
                modified = now
            }
            daemon.send(round == 1 ? SIGKILL : SIGTERM)
            _ = try await daemon.exit()
        }
    }
}
