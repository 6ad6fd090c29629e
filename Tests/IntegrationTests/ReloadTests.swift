import Glibc
import JSONDocument
import TestSupport
import Testing

/// The whole program with a real broker, told by SIGHUP to read its configuration again.
@Suite struct `A reload` {
    private let directory = ScratchDirectory()

    /// Has the daemon read its configuration again, and waits until it runs it.
    private func reload(_ daemon: ChildProcess) async throws {
        let before = daemon.lines(" ready ").count
        daemon.send(SIGHUP)
        let isReady = try await eventually { daemon.lines(" ready ").count > before }
        try #require(isReady, "\(daemon.errors)")
    }

    /// What lies in a directory of `/proc` of a process: its threads, its open files.
    private func count(_ entries: String, of process: ChildProcess) throws -> Int {
        let names = Files.names(in: "/proc/\(process.identifier)/\(entries)")
        try #require(!names.isEmpty, "\(process.errors)")
        return names.count
    }

    /// Waits until the health file tells of a refused reload, or of none.
    private func health(
        refuses part: String?,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let document = JSONDocument(maximumBytes: 4 << 20, maximumDepth: 16)
        let isSo = try await eventually {
            guard let bytes = Files.read(directory.path("run/health.json")),
                (try? document.parse(bytes.span)) != nil
            else { return false }
            let error = document.text("/refused_reload/error")
            return part.map { error?.contains($0) == true } ?? (error == nil)
        }
        try #require(isSo, "\(part ?? "none")", sourceLocation: sourceLocation)
    }

    @Test func `takes new devices, facilities and rules, and keeps every count`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        town.sections = "devices: {file: devices.csv}"
        town.rules.append(
            #"{topic: "radio/{device}/up", reading: bay, bay: /bay, occupied: /occupied}"#
        )
        directory.write("device,facility\na1,bays\n", to: "devices.csv")
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await broker.publish("radio/a1/up", #"{"bay": "1", "occupied": true}"#)
        try await broker.publish("radio/a2/up", #"{"bay": "2", "occupied": true}"#)
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "70"])
        try await town.shows(["bays": 1, "gate": 70])

        directory.write("device,facility\na1,bays\na2,bays\n", to: "devices.csv")
        town.facilities = ["new"] + town.facilities
        town.rules.removeAll { $0.contains("gate/out") }
        town.rules.append(#"{topic: "new/{facility}", reading: level, occupied: /count}"#)
        _ = try town.write()
        try await reload(daemon)
        try await broker.publish("radio/a2/up", #"{"bay": "2", "occupied": true}"#)
        try await broker.publish("park/gate/gate/in", "")
        try await broker.publish("new/new", #"{"count": 41}"#)
        try await town.shows(["bays": 2, "gate": 71, "new": 41])

        #expect(daemon.lines(" reloaded ").count == 1)
        #expect(daemon.lines("former filters unsubscribed").count == 1)
        #expect(
            daemon.lines(" connected ").map { $0.contains("session=resumed") } == [false, true]
        )
        #expect(!daemon.errors.contains("forgotten"))
    }

    @Test func `says nothing again of sensors and facilities that are as they were`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        town.facilityKeys = "stale_after: 1s"
        town.rules[0] =
            #"{topic: "park/{facility}/bay/{bay}", reading: bay, occupied: /occupied, health: {silent_after: 1s}}"#
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await broker.publish("park/bays/bay/a", #"{"occupied": true}"#)
        try await daemon.says("sensors fell silent")
        try await daemon.says("facility fell silent")
        try await reload(daemon)
        // Another one, which the look that would repeat the first has found.
        try await broker.publish("park/bays/bay/b", #"{"occupied": true}"#)
        let isSaid = try await eventually { daemon.lines("sensors fell silent").count > 1 }
        #expect(isSaid)
        #expect(daemon.lines("sensors fell silent count=1 ").count == 2)
        #expect(daemon.lines("facility state changed").count == 1)
    }

    @Test func `that finds a mistake changes nothing and names it`() async throws {
        let broker = try await Broker.started()
        let manager = try NotifySocket()
        var town = Town(directory, port: broker.port)
        let arguments = try town.write()
        let daemon = try carparkd(
            ["run"] + arguments,
            environment: ["NOTIFY_SOCKET=\(manager.path)"]
        )
        try await daemon.says("subscribed")
        try await manager.hears("READY=1") { $0 == "READY=1" }
        town.interval = "soon"
        _ = try town.write()
        daemon.send(SIGHUP)
        try await daemon.says(
            "the configuration has mistakes: not reloaded; the configuration of before"
        )
        let lines = town.text.split(separator: "\n", omittingEmptySubsequences: false)
        let line = try #require(lines.firstIndex { $0.contains("soon") })
        #expect(daemon.lines("carparkd.yaml:\(line + 1):13: feed.interval: ").count == 1)
        try await manager.hears("READY=1 again") { _ in
            manager.heard().filter { $0 == "READY=1" || $0 == "RELOADING=1" }
                == ["READY=1", "RELOADING=1", "READY=1"]
        }
        try await broker.publish("park/level/level", #"{"count": 41}"#)
        try await town.shows(["level": 41])
        try await health(refuses: "carparkd.yaml:\(line + 1):13: feed.interval: ")

        // Whatever else was wrong, it can be corrected.
        town.interval = "1s"
        town.capacity = 501
        _ = try town.write()
        try await reload(daemon)
        let isNew = try await eventually { town.published?.facilities["level"]?.free == 460 }
        #expect(isNew)
        try await health(refuses: nil)
        #expect(manager.heard().count { $0 == "READY=1" } == 3)
        #expect(!manager.heard().contains("STOPPING=1"))
        #expect(daemon.lines(" connected ").count == 2)
    }

    @Test func `lets the bays count where no rule counts the whole any more`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await broker.publish("park/bays/bay/1", #"{"occupied": true}"#)
        try await broker.publish("park/bays/level", #"{"count": 50}"#)
        try await broker.publish("park/bays/gate/in", "")
        try await town.shows(["bays": 51])
        let all = town.rules
        town.rules = all.filter { $0.contains("/bay/") }
        _ = try town.write()
        try await reload(daemon)
        try await broker.publish("park/bays/bay/2", #"{"occupied": true}"#)
        try await town.shows(["bays": 2])
        #expect(daemon.lines("no rule counts these as a whole any more").count == 1)

        // The count was kept for the rule that takes it up.
        town.rules = all
        _ = try town.write()
        try await reload(daemon)
        try await broker.publish("park/bays/gate/in", "")
        try await town.shows(["bays": 52])
    }

    @Test func `says nothing of being ready before the daemon is`() async throws {
        // It takes connections and never answers.
        let deaf = try WireListener()
        let manager = try NotifySocket()
        var town = Town(directory, port: deaf.port)
        let daemon = try carparkd(
            ["run"] + town.write(),
            environment: ["NOTIFY_SOCKET=\(manager.path)"]
        )
        try await daemon.says("starting")
        let isPublished = try await eventually { town.published != nil }
        try #require(isPublished, "\(daemon.errors)")
        town.interval = "soon"
        _ = try town.write()
        daemon.send(SIGHUP)
        try await daemon.says("not reloaded")
        // Of the signals that were sent before it this one is the last to be answered.
        daemon.send(SIGTERM)
        try await manager.hears("STOPPING=1") { $0 == "STOPPING=1" }
        // On a machine so slow that it gave the broker up meanwhile it was ready to say so.
        if daemon.lines(" ready ").isEmpty {
            #expect(manager.heard().allSatisfy { $0 != "READY=1" && $0 != "RELOADING=1" })
        }
        #expect(try await daemon.exit() == .status(0))
    }

    @Test func `that can't be run leaves the former configuration in force`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "7"])
        try await town.shows(["gate": 7])

        // Known before anything ends.
        town.brokerKeys = "username: carparkd\npassword: {file: \(directory.path("password"))}"
        _ = try town.write()
        daemon.send(SIGHUP)
        try await daemon.says("a secret cannot be read: not reloaded")
        #expect(daemon.lines("disconnected").isEmpty)

        // Known only when the journal is to be opened.
        town.brokerKeys = ""
        town.state = "/proc/nowhere"
        _ = try town.write()
        let ready = daemon.lines(" ready ").count
        daemon.send(SIGHUP)
        try await daemon.says("the journal cannot be opened: not reloaded")
        let isBack = try await eventually { daemon.lines(" ready ").count > ready }
        #expect(isBack)
        #expect(daemon.errors.contains("let the directory above state_directory be there"))
        try await health(
            refuses: "/proc/nowhere cannot be opened or written: No such file or directory"
        )
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "3"])
        try await town.shows(["gate": 10])
    }

    @Test func `loses nothing, counts nothing twice and leaves nothing behind`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await reload(daemon)
        let (threads, files) = (
            try count("task", of: daemon), try count("fd", of: daemon)
        )
        let stream = try broker.publishing(
            "park/gate/gate/in",
            "",
            ["--repeat", "4000", "--repeat-delay", "0.001"]
        )
        for _ in 1...3 { try await reload(daemon) }
        try await stream()
        try await town.shows(["gate": 4000])
        // The pool of the runtime, which the others share, may grow by one that it keeps.
        #expect(try count("task", of: daemon) <= threads + 1)
        #expect(try count("fd", of: daemon) <= files)
    }

    @Test func `ends at once where the service is to stop`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        for _ in 1...5 { daemon.send(SIGHUP) }
        daemon.send(SIGTERM)
        daemon.send(SIGHUP)
        #expect(try await daemon.exit() == .status(0))
        #expect(daemon.lines(" reloaded ").count <= 1)
        #expect(daemon.errors.split(separator: "\n").last?.hasSuffix("stopped") == true)
    }
}
