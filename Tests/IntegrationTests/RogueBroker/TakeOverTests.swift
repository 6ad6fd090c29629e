import Glibc
import TestSupport
import Testing

/// Two daemons with the same client identifier at a real broker.
///
/// The broker ends the one's connection for the other's, which is no fault of the broker's. The two must not throw each other out at full speed: both pause longer and longer, and both logs say
/// what to look for. When one of them is gone, the other counts on.
@Suite struct `Two daemons with one client identifier` {
    @Test func `don't storm each other, and say what is wrong`() async throws {
        let broker = try await Broker.started()
        let directories = [ScratchDirectory(), ScratchDirectory()]
        let towns = directories.map { Town($0, port: broker.port) }
        let begin = ContinuousClock.now
        let daemons = try towns.map { try carparkd(["run"] + $0.write()) }
        for daemon in daemons { try await daemon.says("subscribed") }
        try await Task.sleep(for: .seconds(12))

        let connections = daemons.map { $0.lines(" connected ").count }
        let duration = ContinuousClock.now - begin
        for (daemon, count) in zip(daemons, connections) {
            #expect(daemon.isRunning)
            #expect((1...Calm.mostRounds(in: duration)).contains(count), "\(count)")
            for line in daemon.lines("connection lost") {
                #expect(line.contains("client_id"), "\(line)")
            }
        }
        // They did meet.
        #expect(connections.reduce(0, +) > 2, "\(daemons[0].errors)\n\(daemons[1].errors)")
        let accepted = broker.log.split(separator: "\n").count {
            $0.contains("New client connected") && $0.contains(" as carparkd ")
        }
        #expect(accepted >= connections.reduce(0, +))
        #expect(accepted <= 2 * Calm.mostRounds(in: ContinuousClock.now - begin))

        daemons[1].send(SIGTERM)
        #expect(try await daemons[1].exit() == .status(0))
        try await broker.publish("park/gate/gate/in", "", ["--repeat", "7"])
        try await towns[0].shows(["gate": 7])
    }
}
