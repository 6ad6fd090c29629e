import Glibc
import TestSupport
import Testing

/// `carparkd simulate` and `carparkd run` at the two ends of a real broker.
@Suite struct `A simulation` {
    private let directory = ScratchDirectory()

    /// Has sensors play a town's configuration to a daemon that runs it.
    private func play(
        _ town: Town,
        for manager: NotifySocket
    ) async throws -> (daemon: ChildProcess, simulation: ChildProcess) {
        let configuration = try town.write()
        let daemon = try carparkd(
            ["run"] + configuration,
            environment: ["NOTIFY_SOCKET=\(manager.path)"]
        )
        try await daemon.says("subscribed")
        let simulation = try carparkd(
            ["simulate", "--rate", "2000", "--count", "4000"] + configuration
        )
        #expect(try await simulation.exit() == .status(0), "\(simulation.errors)")
        return (daemon, simulation)
    }

    @Test func `arrives whole`() async throws {
        let broker = try await Broker.started()
        let manager = try NotifySocket()
        let town = Town(directory, port: broker.port)
        let (daemon, simulation) = try await play(town, for: manager)
        let report = try #require(simulation.errors.split(separator: "\n").last)
        #expect(report.hasPrefix("4000 messages, "))
        #expect(!report.contains("refused"))
        #expect(simulation.output.split(separator: "\n").count == town.facilities.count)

        try await manager.hears("4000 messages") { $0.contains("; 4000 messages; ") }
        daemon.send(SIGTERM)
        #expect(try await daemon.exit() == .status(0))
        let traffic = daemon.lines(" traffic ").compactMap { $0.number("messages") }
        #expect(traffic.reduce(0, +) == 4000)
        let facilities = try #require(town.published).facilities
        #expect(facilities.count == town.facilities.count)
        for (identifier, facility) in facilities {
            #expect(facility.occupied != nil, "\(identifier)")
            #expect(facility.state != "unknown", "\(identifier)")
        }
    }

    @Test func `of listed sensors behind network servers arrives whole`() async throws {
        let broker = try await Broker.started()
        let manager = try NotifySocket()
        var town = Town(directory, port: broker.port)
        town.facilities = ["bays", "counted"]
        town.capacity = 100
        town.sections = """
            devices: {file: devices.csv}
            profile_directory: \(packageRoot)/Config/profiles
            """
        town.rules = [
            #"{topic: "v3/+/devices/{device}/up", envelope: ttn, profile: milesight-em400-mud}"#,
            #"{topic: "application/+/device/{device}/event/+", envelope: chirpstack, profile: milesight-vs350}"#,
        ]
        let bays = (1...80).map { "bay-\($0),bays,\($0),\(1000 + $0),\n" }
        let gates = ["70b3d57ed0041a01,counted,,,\n", "70b3d57ed0041a02,counted,,,reversed\n"]
        let lines = ["device,facility,bay,threshold,direction\n"] + bays + gates
        directory.write(lines.joined(), to: "devices.csv")
        let (daemon, simulation) = try await play(town, for: manager)
        #expect(simulation.output.split(separator: "\n").count == town.facilities.count)

        try await manager.hears("4000 messages") { $0.contains("; 4000 messages; ") }
        daemon.send(SIGTERM)
        #expect(try await daemon.exit() == .status(0))
        // What a network delivers twice is told by its number.
        let refusals = daemon.lines("messages refused")
        #expect(refusals.allSatisfy { $0.contains("message repeated") }, "\(refusals)")
        let facilities = try #require(town.published).facilities
        #expect(facilities.compactMapValues(\.occupied).count == 2, "\(facilities)")
    }

    @Test func `says that there is no broker`() async throws {
        let port = freePort()
        let town = Town(directory, port: port)
        let simulation = try carparkd(["simulate", "--count", "1"] + town.write())
        #expect(try await simulation.exit() == .status(1))
        #expect(simulation.lines("the simulation ended: ").count == 1)
        #expect(simulation.lines("advice: check that the broker runs").count == 1)
    }
}
