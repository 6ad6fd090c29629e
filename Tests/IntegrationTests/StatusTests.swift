import Glibc
import JSONDocument
import TestSupport
import Testing

/// The whole program with a real broker, and what `carparkd status` says of it to a person and to a program.
@Suite struct `The status` {
    private let directory = ScratchDirectory()
    private var file: String { directory.path("run/health.json") }

    private struct Answer {
        let exit: ChildProcess.Exit
        let text: String
        let errors: String
    }

    private func ask(_ arguments: [String]) async throws -> Answer {
        let process = try carparkd(["status"] + arguments)
        let exit = try await process.exit()
        return Answer(exit: exit, text: process.output, errors: process.errors)
    }

    private var health: JSONDocument? {
        let document = JSONDocument(maximumBytes: 4 << 20, maximumDepth: 16)
        guard let bytes = Files.read(file), (try? document.parse(bytes.span)) != nil else {
            return nil
        }
        return document
    }

    private func value(_ pointer: String) -> Int? { health?.integer(pointer) }

    private func text(_ pointer: String) -> String? { health?.text(pointer) }

    /// Waits until the file says something.
    private func says(
        _ pointer: String,
        _ number: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let isSaid = try await eventually { value(pointer) == number }
        try #require(isSaid, "\(pointer) is not \(number)", sourceLocation: sourceLocation)
    }

    @Test func `shows what came, what was refused and why, and nothing of any payload`()
        async throws
    {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let arguments = try town.write()
        let daemon = try carparkd(["run"] + arguments)
        try await daemon.says("subscribed")
        try await broker.publish("park/bays/bay/a", #"{"occupied": true}"#)
        try await broker.publish("park/bays/bay/a", #"{"plate": "AB12 CDE", "AB12CDE": [1, 2]}"#)
        try await broker.publish("park/level/level", "AB12 CDE")
        try await broker.publish("park/moon/level", #"{"count": 1}"#)
        try await says("/traffic/refused", 3)

        let answer = try await ask(arguments)
        #expect(answer.exit == .status(0), "\(answer.text)\(answer.errors)")
        for line in [
            "carparkd 0.1.0 is well (process ", "3 of 4 messages were refused",
            "council  connected  for ", "mqtt://127.0.0.1:\(broker.port)",
            "4 messages since the start: 1 readings, 0 late, 0 redelivered, 3 refused",
            "journal  durable", "1 × field missing, rules[0] park/{facility}/bay/{bay}",
            "{plate: string(8), key(7): array(2) of number}",
            "payload is not JSON, rules[4] park/{facility}/level, on park/level/level", "text(8)",
            "1 × unknown facility, rules[4] park/{facility}/level, last on park/moon/level",
        ] {
            #expect(answer.text.contains(line), "\(line)\nis not in\n\(answer.text)")
        }
        #expect(answer.text.contains("\n  bays     1/500  499 free  open"))

        let raw = try #require(Files.read(file))
        let json = try await ask(arguments + ["--json"])
        #expect(json.exit == .status(0))
        #expect(json.text.hasPrefix(#"{"version":"0.1.0","pid":"#))
        let byPath = try await ask(["--file", file])
        #expect(byPath.exit == .status(0))
        for text in [String(decoding: raw, as: UTF8.self), json.text, answer.text, daemon.errors] {
            #expect(!text.contains("AB12"))
        }
        #expect(try #require(Files.status(file)).st_mode & 0o7777 == 0o640)
        #expect(try #require(Files.status(directory.path("run"))).st_mode & 0o7777 == 0o750)
    }

    @Test func `lists silent and faulty sensors, low batteries and strangers`() async throws {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        let list = directory.path("devices.csv")
        directory.write(
            "device,facility,zone,bay\nheard,silent,roof,1\nnever-heard,bays,,2\n",
            to: "devices.csv"
        )
        town.facilityKeys = "zones: [{id: roof, name: Roof, capacity: 5}]"
        town.sections = "devices: {file: \(list)}\nlimits: {unknown_devices: 2}"
        let health = "{silent_after: 1s, battery: /charge, tamper: {/moved: true}}"
        town.rules.append(
            #"{topic: "up/{device}", device: "{device}", reading: bay, occupied: /occupied, sequence: /n, health: \#(health)}"#
        )
        let arguments = try town.write()
        let daemon = try carparkd(["run"] + arguments)
        try await daemon.says("subscribed")
        try await broker.publish(
            "up/heard",
            #"{"occupied": true, "charge": "7%", "moved": true, "n": 1}"#
        )
        try await broker.publish("up/heard", #"{"occupied": false, "moved": true, "n": 4}"#)
        for number in 0..<4 { try await broker.publish("up/stranger-\(number % 3)", "{}") }
        try await says("/sensors/silent/total", 2)
        try await says("/unknown_devices/others", 2)
        try await says("/traffic/refused", 4)

        let answer = try await ask(arguments)
        #expect(answer.exit == .status(0), "\(answer.text)\(answer.errors)")
        for line in [
            "  2 silent sensors\n", "  1 sensors that report a fault\n",
            "  1 sensors with a low battery\n", "  2 unknown devices\n",
            "    never-heard  rules[6] up/{device}  never heard\n", "battery 7.0 %  tamper\n",
            "  stranger-0  1 messages  last ", "  stranger-2  1 messages  last ",
            "2 messages came from others, beyond limits.unknown_devices (2)",
            "  silent  2 missing\n", "1 sensors of which messages are missing",
            "4 × unknown device, rules[6] up/{device}, last on up/stranger-0",
        ] {
            #expect(answer.text.contains(line), "\(line)\nis not in\n\(answer.text)")
        }
        let isTold = daemon.lines("sensors fell silent").contains {
            $0.contains("rule=\"rules[6] up/{device}\"")
        }
        #expect(isTold, "\(daemon.errors)")
        #expect(daemon.lines("batteries are low count=1").count == 1)
        #expect(daemon.lines("sensors report a fault count=1").count == 1)
        // The public directory says nothing of any sensor.
        let feed = try #require(Files.read(town.feed + "/parking.json"))
        #expect(!String(decoding: feed, as: UTF8.self).contains("heard"))
    }

    @Test func `says that the broker is away, that the daemon died and that it ended`() async throws
    {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let arguments = try town.write()
        var daemon = try carparkd(["run"] + arguments)
        try await daemon.says("subscribed")
        try await broker.stop()
        try await daemon.says("connection lost")
        let isSeen = try await eventually {
            Files.read(file).map { String(decoding: $0, as: UTF8.self) }?
                .contains(#""state":"away""#) == true
        }
        #expect(isSeen)
        let away = try await ask(arguments)
        #expect(away.exit == .status(1))
        #expect(away.text.contains("carparkd 0.1.0 is running with trouble"))
        #expect(away.text.contains("\nTROUBLE\n  broker council is away, for "))

        daemon.send(SIGKILL)
        _ = try await daemon.exit()
        let dead = try await ask(arguments)
        #expect(dead.exit == .status(3))
        #expect(dead.text.contains("IS NOT RUNNING: process "))

        // One that died does not stand in the way of the next.
        try await broker.start()
        daemon = try carparkd(["run"] + arguments)
        try await daemon.says("subscribed")
        let isBack = try await eventually {
            Files.read(file).map { String(decoding: $0, as: UTF8.self) }?
                .contains(#""state":"connected""#) == true
        }
        #expect(isBack)
        daemon.send(SIGTERM)
        #expect(try await daemon.exit() == .status(0))
        let ended = try await ask(arguments)
        #expect(ended.exit == .status(3))
        #expect(ended.errors.hasPrefix("carparkd is not running: there is no \(file)\n"))
        #expect(ended.text.isEmpty)
    }

    @Test func `is told once that it cannot be written, and everything else goes on`() async throws
    {
        let broker = try await Broker.started()
        var town = Town(directory, port: broker.port)
        directory.write("", to: "file")
        town.runtime = directory.path("file/run")
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await daemon.says("health file cannot be written")
        try await broker.publish("park/bays/bay/a", #"{"occupied": true}"#)
        try await town.shows(["bays": 1])
        // Longer than one more attempt takes to come.
        try await Task.sleep(for: .seconds(6))
        #expect(daemon.lines("health file cannot be written").count == 1)
        #expect(daemon.errors.contains("RuntimeDirectory="))
        #expect(daemon.isRunning)
    }

    @Test func `counts from the reload on, and says how long the process is up`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await broker.publish("park/level/level", #"{"count": 41}"#)
        try await says("/traffic/messages", 1)
        let (pid, started) = (value("/pid"), text("/started_at"))
        #expect(started == text("/configured_at"))
        // The times are whole seconds.
        try await Task.sleep(for: .seconds(1.1))
        daemon.send(SIGHUP)
        try await daemon.says("reloaded")
        try await says("/traffic/messages", 0)
        #expect(value("/pid") == pid)
        #expect(text("/started_at") == started)
        #expect(text("/configured_at") != started)
        let answer = try await ask(["--file", file])
        #expect(answer.text.contains("since the reload)\n"))
        #expect(answer.text.contains("0 messages since the reload: "))
    }

    @Test func `belongs to one daemon, and the other says so`() async throws {
        let broker = try await Broker.started()
        let town = Town(directory, port: broker.port)
        let daemon = try carparkd(["run"] + town.write())
        try await daemon.says("subscribed")
        try await says("/traffic/messages", 0)
        let pid = value("/pid")
        var second = Town(ScratchDirectory(), port: broker.port)
        second.runtime = town.runtime
        second.brokerKeys = "client_id: second"
        let other = try carparkd(["run"] + second.write())
        try await other.says("another process publishes through it")
        #expect(other.isRunning)
        other.send(SIGTERM)
        #expect(try await other.exit() == .status(0))
        #expect(value("/pid") == pid)
    }

    @Test func `without a configuration looks where systemd would have it`() async throws {
        let answer = try await ask(["--config", directory.path("missing.yaml")])
        #expect(answer.errors.contains("missing.yaml cannot be used"))
        #expect(answer.errors.contains("looking in /run/carparkd"))
    }

    @Test(arguments: ["", "{}", "[[[[", "\u{1B}[2J"])
    func `knows nothing from a file that is none`(text: String) async throws {
        directory.write(text, to: "health.json")
        let answer = try await ask(["--file", directory.path("health.json")])
        #expect(answer.exit == .status(4))
        #expect(answer.text.isEmpty)
        #expect(answer.errors.hasSuffix("is no health file of carparkd\n"))
    }
}
