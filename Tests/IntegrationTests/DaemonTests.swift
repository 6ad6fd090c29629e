import Glibc
import TestSupport
import Testing

/// The whole program with a real broker: from its start through what happens to the connection to its end.
@Suite struct `The daemon` {
    private let directory = ScratchDirectory()

    @Test func `counts all five kinds of reading exactly`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        for (bay, isOccupied) in [
            ("a", true), ("b", true), ("c", true), ("a", true), ("b", false), ("d", false),
        ] {
            let payload = #"{"occupied": \#(isOccupied)}"#
            try await broker.publish("park/bays/bay/\(bay)", payload)
        }
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "40"])
        try await broker.publish("park/gate/gate/out", "", ["--repeat", "13"])
        for (arrivals, departures) in [(100, 40), (107, 42), (107, 42), (190, 44)] {
            let payload = #"{"in": \#(arrivals), "out": \#(departures)}"#
            try await broker.publish("park/counted/count", payload)
        }
        try await broker.publish("park/level/level", #"{"count": 505}"#)
        try await broker.publish("park/signed/level", #"{"count": 12}"#)
        try await broker.publish("park/signed/state", "closed")
        try await town.shows(["bays": 2, "gate": 27, "counted": 86, "level": 505, "signed": 12])
        // The last message may be in the feed after this one.
        let isClosed = try await eventually {
            town.published?.facilities["signed"]?.state == "closed"
        }
        #expect(isClosed)

        let facilities = try #require(town.published).facilities
        #expect(facilities.count == 6)
        #expect(
            facilities.mapValues(\.free) == [
                "bays": 498, "gate": 473, "counted": 414, "level": 0, "signed": 488, "silent": nil,
            ]
        )
        #expect(
            facilities.mapValues(\.state) == [
                "bays": "open", "gate": "open", "counted": "open", "level": "full",
                "signed": "closed", "silent": "unknown",
            ]
        )
        #expect(facilities["silent"]?.observedAt == nil)
        #expect(facilities["bays"]?.observedAt != nil)
        #expect(facilities.values.allSatisfy { !$0.isStale })
        #expect(daemon.isRunning)
    }

    @Test func `counts on exactly through a restart of the broker`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "70"])
        try await broker.publish("park/bays/bay/a", #"{"occupied": true}"#)
        try await town.shows(["gate": 70, "bays": 1])

        try await broker.stop()
        try await daemon.says("connection lost; connecting again")
        try await broker.start()
        // Some of these come before the daemon is back: the broker keeps them for it.
        try await broker.publish("park/gate/gate/out", "", ["--repeat", "30"])
        try await broker.publish("park/bays/bay/b", #"{"occupied": true}"#)
        try await town.shows(["gate": 40, "bays": 2])

        #expect(daemon.lines("connection lost").count == 1)
        #expect(
            daemon.lines(" connected ").map { $0.contains("session=resumed") } == [false, true]
        )
        #expect(!daemon.errors.contains("forgotten"))
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `ends on a signal with the last message in the feed`(signal: Int32) async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        // Only the first flush and the last one remain.
        town.interval = "1h"
        town.heartbeat = "1h"
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await daemon.says("ready")
        #expect(try await broker.retained("carparkd/carparkd/status") == "online\n")
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "25"])
        try await broker.publish("park/level/level", #"{"count": 77}"#)
        try await broker.wasAcknowledged(by: "carparkd", count: 26)
        #expect(town.published?.facilities["level"]?.occupied == nil)

        daemon.send(signal)
        #expect(try await daemon.exit() == .status(0))
        #expect(town.published?.facilities["gate"]?.occupied == 25)
        #expect(town.published?.facilities["level"]?.occupied == 77)
        #expect(try await broker.retained("carparkd/carparkd/status") == "offline\n")
        #expect(daemon.lines("disconnected broker=council clean=true").count == 1)
        #expect(daemon.errors.split(separator: "\n").last?.hasSuffix("stopped") == true)
    }

    @Test func `leaves its will when it is killed`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        let listener = try broker.listen("carparkd/carparkd/status", count: 2)
        let isHeard = try await eventually { listener.output == "online\n" }
        #expect(isHeard)
        daemon.send(SIGKILL)
        #expect(try await listener.exit() == .status(0))
        #expect(listener.output == "online\noffline\n")
    }

    @Test func `outlives its terminal`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        daemon.send(SIGHUP)
        daemon.send(SIGPIPE)
        try await broker.publish("park/level/level", #"{"count": 3}"#)
        try await town.shows(["level": 3])
        #expect(daemon.isRunning)
    }

    @Test(arguments: ["run", "check"])
    func `refuses a broken configuration with every mistake`(command: String) async throws {
        var town = Town(directory, port: 1883)
        town.interval = "soon"
        town.facilities = ["podium", "podium"]
        town.capacity = -1
        let text = town.text + "colour: red"
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        directory.write(text, to: "carparkd.yaml")
        let path = directory.path("carparkd.yaml")
        let process = try carparkd([command, "--config", path])
        #expect(try await process.exit() == .status(78))
        func place(_ text: String, _ value: String, after: Int = 0) throws -> String {
            let line = try #require(lines[after...].firstIndex { $0.contains(text) })
            let column = try #require(lines[line].firstRange(of: value)).lowerBound
            let offset = lines[line].utf8.distance(from: lines[line].startIndex, to: column)
            return "\(path):\(line + 1):\(offset + 1): "
        }
        let second = try #require(lines.lastIndex { $0.contains("id: podium") })
        for complaint in [
            try place("interval:", "soon") + "feed.interval: ",
            try place("capacity:", "-1") + "facilities[0].capacity: ",
            try place("capacity:", "-1", after: second) + "facilities[1].capacity: ",
            try place("id: podium", "podium", after: second) + "facilities[1].id: ",
            try place("colour:", "colour") + "colour: ",
        ] {
            #expect(process.lines(complaint).count == 1, "\(complaint)\n\(process.errors)")
        }
        #expect(process.lines(path + ":").count == 5)
        #expect(process.output == "")
    }

    @Test func `is told that the shipped configuration is right`() async throws {
        let process = try carparkd(["check", "--config", packageRoot + "/Config/carparkd.yaml"])
        #expect(try await process.exit() == .status(0))
        #expect(process.errors == "")
        #expect(process.output.contains("facilities: 5 with 3067 bays"))
    }

    @Test func `does not start without its password`() async throws {
        var town = Town(directory, port: 1883)
        town.brokerKeys = """
            username: carparkd
            password: {file: \(directory.path("password"))}
            """
        let daemon = try carparkd(["run"] + town.write())
        #expect(try await daemon.exit() == .status(78))
        #expect(daemon.lines(directory.path("password")).count == 1)
    }

    @Test func `gets ready without a broker and connects when it comes`() async throws {
        let broker = try Broker()
        let manager = try NotifySocket()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(
            ["run"] + town.write(),
            environment: ["NOTIFY_SOCKET=\(manager.path)"]
        )
        try await manager.hears("READY=1") { $0 == "READY=1" }
        try await manager.hears("away") { $0.hasPrefix("STATUS=council away; ") }
        #expect(daemon.lines("cannot connect; trying again").count == 1)
        #expect(town.published?.facilities.count == 6)

        try await broker.start()
        try await daemon.says("subscribed")
        try await broker.publish("park/level/level", #"{"count": 41}"#)
        try await town.shows(["level": 41])
        try await manager.hears("connected") { $0.hasPrefix("STATUS=council connected; 1 mess") }
        #expect(manager.heard().count { $0 == "READY=1" } == 1)

        daemon.send(SIGTERM)
        #expect(try await daemon.exit() == .status(0))
        #expect(manager.heard().contains("STOPPING=1"))
    }
}
