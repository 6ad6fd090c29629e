import Glibc
import TestSupport
import Testing

/// The broker's side as it is shipped in `Config/mosquitto`, loaded by the mosquitto of this machine.
///
/// Only the paths, the listener's address and the user that the broker runs as are replaced. Sensors and the daemon
/// are played by mosquitto's own clients, with a password each.
@Suite struct `The shipped broker configuration` {
    @Test func `keeps what an absent carparkd missed, through a restart of the broker`()
        async throws
    {
        let count = 2500
        var broker = ShippedBroker()
        try await broker.start()
        let session = ["-i", "carparkd", "-c", "-q", "1", "-t", "bath/#"]
        #expect(try await broker.listen("carparkd", session + ["-E"]).exit() == .status(0))
        let burst = ["-q", "1", "-t", "bath/podium/gate/in", "-m", "1"]
        #expect(
            try await broker.publish("sensors", burst + ["--repeat", "\(count)"]).exit()
                == .status(0)
        )
        try await broker.stop()
        try await broker.start()
        let listener = try broker.listen("carparkd", session + ["-C", "\(count)", "-W", "50"])
        #expect(try await listener.exit() == .status(0))
        #expect(listener.output.split(separator: "\n").count == count)
    }

    @Test(arguments: [
        ("sensors", "bath/podium/level", true),
        ("sensors", "pgs/podium-1/state", true),
        ("sensors", "carparkd/carparkd/status", false),
        ("sensors", "elsewhere", false),
        ("carparkd", "carparkd/carparkd/status", true),
        ("carparkd", "carparkd/other/status", false),
        ("carparkd", "bath/podium/level", false),
    ]) func `says who may publish`(user: String, topic: String, isAllowed: Bool) async throws {
        var broker = ShippedBroker()
        try await broker.start()
        let publisher = try broker.publish(
            user,
            ["-V", "mqttv5", "-q", "1", "-t", topic, "-m", "1"]
        )
        _ = try await publisher.exit()
        // mosquitto_pub ends with 0 either way; what the broker answered is in its warning.
        #expect(publisher.errors.contains("Not authorized") == !isAllowed)
        #expect(isAllowed == publisher.errors.isEmpty, "\(publisher.errors)")
    }

    @Test func `lets carparkd read, and no sensor`() async throws {
        var broker = ShippedBroker()
        try await broker.start()
        let level = ["-r", "-q", "1", "-t", "bath/podium/level", "-m", "310"]
        #expect(try await broker.publish("sensors", level).exit() == .status(0))
        // The message is retained: whoever may read it gets it with the subscription.
        let read = ["-q", "1", "-t", "#", "-C", "1"]
        let carparkd = try broker.listen("carparkd", read + ["-W", "50"])
        #expect(try await carparkd.exit() == .status(0))
        #expect(carparkd.output == "310\n")
        let timedOut = ChildProcess.Exit.status(27)
        let sensor = try broker.listen("sensors", read + ["-W", "2"])
        #expect(try await sensor.exit() == timedOut)
        #expect(sensor.output == "")
    }

    @Test(arguments: [[], ["-u", "carparkd", "-P", "wrong"], ["-u", "nobody", "-P", "carparkd"]])
    func `lets nobody in without a password`(credentials: [String]) async throws {
        var broker = ShippedBroker()
        try await broker.start()
        let stranger = try ChildProcess(
            "mosquitto_pub",
            broker.address + credentials + ["-t", "bath/podium/level", "-m", "1"]
        )
        let refused = ChildProcess.Exit.status(5)
        #expect(try await stranger.exit() == refused, "\(stranger.errors)")
    }
}

/// A mosquitto that runs on the shipped files in a directory of its own.
private struct ShippedBroker {
    enum Failure: Error {
        case unreadable(String)
        case partNotFound(String)
        case ended(String)
        case silent(String)
    }

    private let directory = ScratchDirectory()
    private var port: UInt16 = 0
    private var process: ChildProcess?

    /// Where its clients find it.
    var address: [String] { ["-h", "127.0.0.1", "-p", "\(port)"] }

    /// Starts it on a free port; a second start finds what the first left behind.
    mutating func start() async throws {
        port = freePort()
        try await configure()
        let process = try ChildProcess("mosquitto", ["-c", directory.path("mosquitto.conf")])
        self.process = process
        let isOpen = try await eventually {
            guard process.isRunning else { throw Failure.ended(process.errors) }
            return process.errors.contains(" running\n")
        }
        guard isOpen else { throw Failure.silent(process.errors) }
    }

    /// Ends it in an orderly way.
    mutating func stop() async throws {
        process?.send(SIGTERM)
        #expect(try await process?.exit() == .status(0))
        process = nil
    }

    /// A client that publishes.
    func publish(_ user: String, _ arguments: [String]) throws -> ChildProcess {
        try ChildProcess("mosquitto_pub", address + ["-u", user, "-P", user] + arguments)
    }

    /// A client that subscribes.
    func listen(_ user: String, _ arguments: [String]) throws -> ChildProcess {
        try ChildProcess("mosquitto_sub", address + ["-u", user, "-P", user] + arguments)
    }

    /// Lays the files out as they lie below /etc/mosquitto.
    private func configure() async throws {
        unsafe mkdir(directory.path("conf.d"), 0o700)
        // As root mosquitto would change to a user who may not read this directory.
        directory.write(
            "user root\npersistence_location \(directory.path)/\ninclude_dir \(directory.path)/conf.d\n",
            to: "mosquitto.conf"
        )
        let shipped = try read("carparkd.conf")
            .split(separator: "\n", omittingEmptySubsequences: false)
        guard shipped.contains("listener 1883") else { throw Failure.partNotFound("listener 1883") }
        let lines = shipped.map { line in
            line == "listener 1883"
                ? "listener \(port) 127.0.0.1"
                : line.replacing("/etc/mosquitto/", by: directory.path + "/")
        }
        directory.write(lines.joined(separator: "\n"), to: "conf.d/carparkd.conf")
        try directory.write(read("carparkd.acl"), to: "carparkd.acl")
        directory.write("", to: "carparkd.passwd")
        for user in ["carparkd", "sensors"] {
            let arguments = ["-b", directory.path("carparkd.passwd"), user, user]
            let command = try ChildProcess("mosquitto_passwd", arguments)
            guard try await command.exit() == .status(0) else {
                throw Failure.ended(command.errors)
            }
        }
    }

    private func read(_ name: String) throws -> String {
        let path = packageRoot + "/Config/mosquitto/" + name
        guard let bytes = Files.read(path) else { throw Failure.unreadable(path) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    /// This line with a part replaced wherever it stands.
    fileprivate func replacing(_ part: String, by other: String) -> String {
        var result = ""
        var rest = self
        while let range = rest.firstRange(of: part) {
            result += rest[..<range.lowerBound] + other
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
