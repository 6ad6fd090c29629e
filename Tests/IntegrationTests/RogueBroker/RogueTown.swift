import Glibc
import TestSupport
import Testing

/// A daemon whose brokers are rogues, each with a facility of its name.
///
/// One process bears them all, each on a thread of its own: none may harm the process or another's count.
///
/// Threads: one test.
struct RogueTown {
    let rogues: [RogueBroker]
    let daemon: ChildProcess

    private let directory: ScratchDirectory
    private let feed: String

    /// The most memory that may ever be resident.
    ///
    /// A debug build takes some 40 MB, and each session 0.3 MB.
    static let mostResidentMegabytes = 96

    /// Starts the rogues and the daemon.
    init(
        _ attacks: [Attack],
        facilities: [String] = [],
        rules: [String] = [],
        keepAlive: String = "5s"
    ) throws {
        directory = ScratchDirectory()
        feed = directory.path("feed")
        rogues = try attacks.map(RogueBroker.init)
        let text = """
            brokers:
            \(rogues.map { Self.broker($0, keepAlive) }.joined(separator: "\n"))
            state_directory: \(directory.path("state"))
            feed:
              directory: \(feed)
              interval: 1s
              publisher: {name: Test}
            facilities:
            \((attacks.map(\.name) + facilities).map(Self.facility).joined(separator: "\n"))
            rules:
              - {topic: "park/{facility}/gate/in", format: text, reading: movement, in: 1}
              - {topic: "park/{facility}/bay/{bay}", reading: bay, occupied: /occupied}
            \(rules.map { "  - \($0)" }.joined(separator: "\n"))

            """
        directory.write(text, to: "carparkd.yaml")
        daemon = try carparkd(["run", "--config", directory.path("carparkd.yaml")])
    }

    private static func facility(_ name: String) -> String {
        "  - {id: \(name), name: \(name), capacity: 500}"
    }

    private static func broker(_ rogue: RogueBroker, _ keepAlive: String) -> String {
        """
          - urls: ["mqtt://127.0.0.1:\(rogue.port)"]
            name: \(rogue.attack.name)
            keep_alive: \(keepAlive)
        """
    }

    /// Bears the attacks to the end, and proves that no harm was done: the process lives and stays within its memory, each connection ended
    /// and came back as its attack says, the log says why, and every message counts once.
    @discardableResult
    static func withstands(
        _ attacks: [Attack],
        keepAlive: String = "5s",
        residentMegabytes: Int = mostResidentMegabytes,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Self {
        let town = try RogueTown(attacks, keepAlive: keepAlive)
        try await town.settles(sourceLocation: sourceLocation)
        try await town.ends(
            residentMegabytes: residentMegabytes,
            sourceLocation: sourceLocation
        )
        for rogue in town.rogues { town.hasSpoken(of: rogue, sourceLocation: sourceLocation) }
        return town
    }

    /// Waits until all rogues have made peace and have all acknowledgements.
    func settles(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let isSettled = try await eventually(within: .seconds(90)) {
            rogues.allSatisfy(\.record.isSettled) || !daemon.isRunning
        }
        let missing = rogues.filter { !$0.record.isSettled }.map { rogue in
            "\(rogue.attack.name): \(rogue.record.attempts.count) connections \(rogue.record.problems)"
        }
        try #require(
            isSettled && daemon.isRunning && missing.isEmpty,
            "not settled: \(missing)\n\(daemon.errors)",
            sourceLocation: sourceLocation
        )
    }

    /// Ends the daemon, and proves that it lived, within its memory, and that the last feed is exact.
    ///
    /// - Parameter cars: Where the facilities of the brokers have another count than that of their messages, and other facilities.
    func ends(
        counting cars: [String: Int] = [:],
        residentMegabytes: Int = mostResidentMegabytes,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await endsUnharmed(
            residentMegabytes: residentMegabytes,
            sourceLocation: sourceLocation
        )
        let facilities = try #require(Feed(at: feed + "/parking.json")).facilities
        let counts = Dictionary(
            uniqueKeysWithValues: rogues.map { ($0.attack.name, RogueBroker.messages.count) }
        ).merging(cars) { $1 }
        for (name, count) in counts {
            #expect(facilities[name]?.occupied == count, "\(name)", sourceLocation: sourceLocation)
        }
        for rogue in rogues {
            let problems = rogue.record.problems
            #expect(problems.isEmpty, "\(rogue.attack.name)", sourceLocation: sourceLocation)
        }
    }

    /// Ends the daemon, and proves that it lived, within its memory.
    func endsUnharmed(
        residentMegabytes: Int = mostResidentMegabytes,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let resident = try #require(
            peakResidentMegabytes(),
            "\(daemon.errors)",
            sourceLocation: sourceLocation
        )
        #expect(resident <= residentMegabytes, sourceLocation: sourceLocation)
        daemon.send(SIGTERM)
        let exit = try await daemon.exit()
        #expect(exit == .status(0), "\(daemon.errors)", sourceLocation: sourceLocation)
    }

    /// The most memory that the daemon has had.
    func peakResidentMegabytes() -> Int? {
        let text = Files.read("/proc/\(daemon.identifier)/status").map {
            String(decoding: $0, as: UTF8.self)
        }
        let line = text?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 / 1024 }
    }

    /// What the log says of a rogue.
    func lines(of rogue: RogueBroker) -> [Substring] {
        daemon.errors.split(separator: "\n").filter { line in
            line.split(separator: " ").contains("broker=\(rogue.attack.name)")
        }
    }

    /// Proves that the log says of a rogue what happened, why, and what to do, and not too often.
    private func hasSpoken(of rogue: RogueBroker, sourceLocation: SourceLocation) {
        let attack = rogue.attack
        let lines = lines(of: rogue)
        let context: Comment = "\(attack.name)\n\(lines.joined(separator: "\n"))"
        let lost = lines.filter { $0.contains("connection lost; connecting again") }
        let refused = lines.filter { $0.contains("cannot connect; trying again") }
        let connections = rogue.record.attempts.count
        switch attack.outcome {
        case .overlooked:
            #expect(lost.isEmpty && refused.isEmpty, context, sourceLocation: sourceLocation)
            #expect(connections == attack.times, context, sourceLocation: sourceLocation)
        case .ended(let reason):
            #expect(lost.count == attack.times, context, sourceLocation: sourceLocation)
            #expect(refused.isEmpty, context, sourceLocation: sourceLocation)
            explain(lost, reason, context, sourceLocation: sourceLocation)
            #expect(connections == attack.times + 1, context, sourceLocation: sourceLocation)
        case .refused(let reason):
            #expect(lost.isEmpty, context, sourceLocation: sourceLocation)
            #expect(!refused.isEmpty, context, sourceLocation: sourceLocation)
            explain(refused, reason, context, sourceLocation: sourceLocation)
            #expect(connections == attack.times + 1, context, sourceLocation: sourceLocation)
        case .endedInOldVersion(let reason):
            #expect(refused.count == 1, context, sourceLocation: sourceLocation)
            explain(
                refused,
                "Unsupported Protocol Version",
                context,
                sourceLocation: sourceLocation
            )
            #expect(lost.count == 1, context, sourceLocation: sourceLocation)
            explain(lost, reason, context, sourceLocation: sourceLocation)
            #expect(connections == 3, context, sourceLocation: sourceLocation)
        }
        #expect(lines.count <= 4 * connections + 4, context, sourceLocation: sourceLocation)
    }

    private func explain(
        _ lines: [Substring],
        _ reason: String,
        _ context: Comment,
        sourceLocation: SourceLocation
    ) {
        for line in lines {
            #expect(line.contains(reason), context, sourceLocation: sourceLocation)
            #expect(line.contains(" advice="), context, sourceLocation: sourceLocation)
        }
    }
}
