import FaultProxy
import Glibc
import TestSupport
import Testing

/// A broker, the daemon behind a fault proxy, and a publisher that knows what the broker has taken.
///
/// Threads: one test.
final class CampaignTown {
    /// What a campaign has seen, to be printed and to show that it was one.
    struct Statistics {
        var faults: [String: Int] = [:]
        var messages = 0
        /// Messages that were saved by a broker before it was killed, and not acknowledged then.
        var saved = 0
        /// Messages that the broker sent with DUP.
        var redeliveries = 0

        var faultCount: Int { faults.values.reduce(0, +) }
    }

    private(set) var statistics = Statistics()

    private let broker: Broker
    private let proxy: FaultProxy
    private let town: Town
    private let arguments: [String]
    private var publisher: Publisher
    private var daemon: ChildProcess?
    private var isFrozen = false
    private var arrivals = Array(repeating: 0, count: Plan.gateCount)
    private var departures = Array(repeating: 0, count: Plan.gateCount)
    private var phases = 0
    private var fences = 0
    /// The highest count of the gate without an exit that was ever published.
    private var shown: Int?
    private var diary: [String] = []
    private let begin = ContinuousClock.now
    /// What the daemon before this one had to say.
    private var formerLog = ""

    init(_ directory: ScratchDirectory) async throws {
        let port = freePort()
        broker = try Broker(port: port)
        try await broker.start()
        proxy = try FaultProxy(forwardingTo: port)
        var town = Town(directory, port: proxy.port)
        town.brokerKeys = "keep_alive: 5s"
        town.facilities = ["fence"] + (0..<Plan.gateCount).map(Self.gate)
        self.town = town
        arguments = try town.write()
        publisher = try await Publisher(to: port)
        // What is published before there is a session is nobody's.
        try startDaemon()
        try await daemon?.says("subscribed")
        try await settle()
    }

    /// Does what a phase says, and compares the counts.
    func run(_ steps: [Step]) async throws {
        phases += 1
        for step in steps {
            note("\(step)")
            try await perform(step)
            try watch()
        }
        try await settle()
    }

    /// Ends everything in order, and compares the histories with all that was published.
    func finish() async throws {
        note("the end")
        try await stopDaemon()
        // The first publication of a process has every history.
        try startDaemon()
        try await settle()
        for gate in 0..<Plan.gateCount {
            let path = "\(town.feed)/history/\(Self.gate(gate)).json"
            let expected = (arrivals[gate], departures[gate])
            let isRight = try await eventually(within: .seconds(10)) {
                Movements(at: path).map { ($0.arrivals, $0.departures) == expected } ?? false
            }
            let found = Movements(at: path)
            try #require(
                isRight,
                "history of gate \(gate): \(expected) expected, \(String(describing: found)) found\n\(report)"
            )
        }
        try await stopDaemon()
        try await stopBroker()
    }

    // MARK: Steps

    private func perform(_ step: Step) async throws {
        switch step {
        case .publish(let movements):
            try publish(movements)
        case .pause(let duration):
            try await Task.sleep(for: duration)
        case .fault(let fault):
            guard try await perform(fault) else { return note("which changed nothing") }
            statistics.faults[fault.kind, default: 0] += 1
        case .daemonStarts:
            try startDaemon()
        case .daemonGoesOn:
            daemon?.send(SIGCONT)
            isFrozen = false
        case .networkIsMended:
            mendNetwork()
        case .daemonIsShutOut:
            proxy.isRefusing = true
            proxy.end(by: .reset)
        case .brokerSaves(let isDaemonShutOut):
            try await save(isDaemonShutOut: isDaemonShutOut)
        case .everythingArrives:
            try await settle()
        }
    }

    /// Tells whether it made a difference.
    private func perform(_ fault: Fault) async throws -> Bool {
        switch fault {
        case .daemonIsKilled:
            try await endDaemon(by: SIGKILL, [.signal(SIGKILL)])
        case .daemonIsStopped:
            try await stopDaemon()
        case .daemonIsFrozen:
            daemon?.send(SIGSTOP)
            isFrozen = true
        case .brokerIsKilled(let away):
            try await publisher.isSettled()
            countRedeliveries()
            try await broker.kill()
            try await startBroker(after: away)
        case .brokerIsRestarted(let away):
            try await publisher.isSettled()
            try await stopBroker()
            try await startBroker(after: away)
        case .connectionEnds(let ending):
            guard try await isConnected() else { return false }
            proxy.end(by: ending)
        case .connectionIsCut(let count, let direction, let ending):
            guard try await isConnected() else { return false }
            proxy.cut(after: count, direction, by: ending)
        case .connectionIsAbandoned:
            guard try await isConnected() else { return false }
            proxy.abandon()
        case .networkStalls(let toServer, let toClient):
            if toServer { proxy.set(.init(isStalled: true), .toServer) }
            if toClient { proxy.set(.init(isStalled: true), .toClient) }
        case .networkStallsSoon(let bytes):
            proxy.stall(after: bytes, .toServer)
        case .networkIsSlow(let latency):
            for direction in FaultProxy.Direction.allCases {
                proxy.set(.init(latency: latency), direction)
            }
        case .networkGivesPieces(let bytes):
            for direction in FaultProxy.Direction.allCases {
                proxy.set(.init(pieceBytes: bytes), direction)
            }
        }
        return true
    }

    private func publish(_ movements: [Movement]) throws {
        for movement in movements {
            let direction = movement.isArrival ? "in" : "out"
            // Always the same payload: only the session tells a duplicate from another car.
            try publisher.publish("park/\(Self.gate(movement.gate))/gate/\(direction)", "1")
            if movement.isArrival {
                arrivals[movement.gate] += 1
            } else {
                departures[movement.gate] += 1
            }
        }
        statistics.messages += movements.count
    }

    private func mendNetwork() {
        let isArmed = FaultProxy.Direction.allCases.contains { proxy.isArmed($0) }
        proxy.heal()
        // What has not come about comes about now.
        if isArmed { proxy.end(by: .reset) }
    }

    /// Whether the daemon has a connection, which it may be about to open.
    private func isConnected() async throws -> Bool {
        guard !isFrozen, daemon != nil else { return proxy.open > 0 }
        return try await eventually(within: .seconds(10)) { proxy.open > 0 }
    }

    // MARK: Processes

    private func startDaemon() throws {
        daemon = try carparkd(["run"] + arguments)
        isFrozen = false
    }

    private func stopDaemon() async throws {
        let isReady = daemon?.errors.contains("ready") ?? false
        // In its first milliseconds a process ends by the signal itself.
        try await endDaemon(by: SIGTERM, isReady ? [.status(0)] : [.status(0), .signal(SIGTERM)])
    }

    private func endDaemon(by signal: Int32, _ expected: [ChildProcess.Exit]) async throws {
        let daemon = try #require(self.daemon)
        daemon.send(signal)
        let exit = try await daemon.exit()
        try #require(expected.contains(exit), "the daemon ended with \(exit)\n\(report)")
        formerLog = daemon.errors
        self.daemon = nil
        isFrozen = false
    }

    private func startBroker(after away: Duration) async throws {
        try await Task.sleep(for: away)
        try await broker.start()
        publisher = try await Publisher(to: broker.port)
    }

    private func stopBroker() async throws {
        countRedeliveries()
        try await broker.stop()
    }

    private func countRedeliveries() {
        statistics.redeliveries += broker.log.split(separator: "\n").count {
            $0.contains("Sending PUBLISH to carparkd (d1")
        }
    }

    private func save(isDaemonShutOut: Bool) async throws {
        try await publisher.isSettled()
        var store = try await broker.save()
        note("\(store.sent) sent and \(store.unsent) unsent messages saved")
        // A message is on its way as soon as the broker sees a connection for it.
        for _ in 0..<100 where !isDaemonShutOut && store.unsent > 0 {
            try await Task.sleep(for: .milliseconds(20))
            store = try await broker.save()
        }
        try #require(isDaemonShutOut || store.unsent == 0, "\(store)\n\(report)")
        statistics.saved += store.sent + store.unsent
    }

    // MARK: Counts

    /// Lets everything arrive, and compares.
    ///
    /// The last message has a number of its own: the broker keeps the order, so whatever was published before it has
    /// arrived when the feed shows it, even if the daemon has forgotten all else.
    private func settle() async throws {
        mendNetwork()
        if isFrozen { daemon?.send(SIGCONT) }
        isFrozen = false
        fences += 1
        try publisher.publish("park/fence/level", #"{"count": \#(fences)}"#)
        try await publisher.isSettled()
        let isFenceShown = try await eventually {
            try watch()
            return occupied("fence") == fences || daemon?.isRunning != true
        }
        try #require(daemon?.isRunning == true, "the daemon has ended by itself\n\(report)")
        try #require(isFenceShown, "phase \(phases) doesn't end\n\(report)")
        // The feed is a picture of a moment, which need not be the same for all facilities.
        let isExact = try await eventually(within: .seconds(5)) {
            (0..<Plan.gateCount).allSatisfy { (occupied(Self.gate($0)) ?? 0) == expected($0) }
        }
        try #require(isExact, "the counts are wrong\n\(report)")
    }

    /// Looks at the gate without an exit: what was published once is never taken back, and nothing is counted too early.
    private func watch() throws {
        guard let facilities = town.published?.facilities else { return }
        let found = facilities[Self.gate(0)]?.occupied
        try #require(
            found ?? 0 >= shown ?? 0 && found ?? 0 <= arrivals[0],
            "\(Self.gate(0)) showed \(shown ?? 0), and shows \(found ?? 0) now\n\(report)"
        )
        shown = found
    }

    private static func gate(_ index: Int) -> String { "gate-\(index)" }

    private func expected(_ gate: Int) -> Int { arrivals[gate] - departures[gate] }

    private func occupied(_ facility: String) -> Int? {
        town.published?.facilities[facility]?.occupied
    }

    // MARK: Report

    private func note(_ words: String) {
        let milliseconds = (ContinuousClock.now - begin) / .milliseconds(1)
        diary.append("\(Int(milliseconds)) ms, phase \(phases): \(words)")
    }

    /// What there is to know about a failure.
    private var report: String {
        let facilities = town.published?.facilities
        let counts = (0..<Plan.gateCount).map { gate in
            let found = facilities?[Self.gate(gate)]?.occupied
            let difference = (found ?? 0) - expected(gate)
            return
                "\(Self.gate(gate)): \(expected(gate)) expected, \(found.map(String.init) ?? "nothing") published"
                + (difference == 0 ? "" : " (\(difference > 0 ? "+" : "")\(difference))")
        }
        return """
            \(counts.joined(separator: "\n"))
            --- what was done
            \(diary.suffix(40).joined(separator: "\n"))
            --- the log of the daemon before this one
            \(Self.tail(formerLog))
            --- the daemon's log
            \(Self.tail(daemon?.errors ?? ""))
            """
    }

    private static func tail(_ log: String) -> String {
        log.split(separator: "\n").suffix(15).joined(separator: "\n")
    }
}

/// The sums of a history file.
private struct Movements {
    var arrivals = 0
    var departures = 0

    init?(at path: String) {
        guard let bytes = Files.read(path) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let arrivals = Self.sum("arrivals", in: text),
            let departures = Self.sum("departures", in: text)
        else { return nil }
        self.arrivals = arrivals
        self.departures = departures
    }

    /// The sum of an array of numbers, whose gaps are null.
    private static func sum(_ name: String, in text: String) -> Int? {
        let head = "\"\(name)\":["
        guard let range = text.firstRange(of: head) else { return nil }
        let numbers = text[range.upperBound...].prefix { $0 != "]" }
        return numbers.split(separator: ",").reduce(0) { $0 + (Int($1) ?? 0) }
    }
}
