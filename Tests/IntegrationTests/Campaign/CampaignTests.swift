import TestSupport
import Testing

/// Nothing lost, nothing counted twice: the daemon as it is, a real broker, and real faults.
///
/// `CARPARKD_FAULTS` says how many faults there are in all, `CARPARKD_SEED` the first town's seed, and `CARPARKD_TOWNS` how
/// many towns share them, side by side.
@Suite struct `The campaign` {
    private static let faults = max(1, environmentNumber("CARPARKD_FAULTS", otherwise: 200))
    private static let seed = environmentNumber("CARPARKD_SEED", otherwise: 1)
    private static let towns = max(1, environmentNumber("CARPARKD_TOWNS", otherwise: 8))
    private static let seeds = seed..<(seed + towns)

    @Test(arguments: seeds) func `counts every car once`(seed: Int) async throws {
        let wanted = (Self.faults + Self.towns - 1) / Self.towns
        let directory = ScratchDirectory()
        var plan = Plan(seed: UInt64(bitPattern: Int64(seed)))
        let town = try await CampaignTown(directory)
        do {
            while town.statistics.faultCount < wanted { try await town.run(plan.nextPhase()) }
            try await town.finish()
        } catch {
            Issue.record(
                """
                seed \(seed), after \(town.statistics.faultCount) faults; again:
                CARPARKD_SEED=\(seed) CARPARKD_TOWNS=1 CARPARKD_FAULTS=\(wanted) swift test --filter 'The.campaign'
                """
            )
            throw error
        }
        let statistics = town.statistics
        let kinds = statistics.faults.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        print(
            "campaign: seed \(seed), \(statistics.faultCount) faults (\(kinds.joined(separator: ", "))),",
            "\(statistics.messages) messages, \(statistics.redeliveries) delivered again,",
            "\(statistics.saved) saved without acknowledgement"
        )
        #expect(statistics.redeliveries > 0)
    }
}

/// What the campaign does follows from its seed and is possible.
@Suite struct `The plan of the campaign` {
    @Test func `is the same for the same seed, and another for another`() {
        func steps(_ seed: UInt64) -> [Step] {
            var plan = Plan(seed: seed)
            return (0..<50).flatMap { _ in plan.nextPhase() }
        }
        #expect(steps(1) == steps(1))
        #expect(steps(1) != steps(2))
    }

    @Test func `has every kind of fault in what every change must pass`() {
        var names: Set<String> = []
        for seed in UInt64(1)...8 {
            var plan = Plan(seed: seed)
            var count = 0
            while count < 25 {
                for case .fault(let fault) in plan.nextPhase() {
                    names.insert(fault.kind)
                    count += 1
                }
            }
        }
        #expect(
            names == [
                "daemon killed", "daemon stopped", "daemon frozen", "broker killed",
                "broker restarted", "connection ended", "connection cut", "connection abandoned",
                "network stalled", "network stalled soon", "network slow", "network in pieces",
            ]
        )
    }

    @Test(arguments: UInt64(1)...20) func `asks for nothing that can't be`(seed: UInt64) {
        var plan = Plan(seed: seed)
        var present = Array(repeating: 0, count: Plan.gateCount)
        var isRunning = true
        for _ in 0..<200 {
            for step in plan.nextPhase() {
                switch step {
                case .publish(let movements):
                    for movement in movements {
                        present[movement.gate] += movement.isArrival ? 1 : -1
                        #expect(present[movement.gate] >= 0)
                    }
                case .daemonStarts:
                    #expect(!isRunning)
                    isRunning = true
                case .fault(.daemonIsKilled), .fault(.daemonIsStopped):
                    #expect(isRunning)
                    isRunning = false
                case .daemonGoesOn, .fault(.daemonIsFrozen), .everythingArrives:
                    #expect(isRunning)
                case .fault, .pause, .networkIsMended, .daemonIsShutOut, .brokerSaves: break
                }
            }
            #expect(isRunning)
        }
        #expect(present.allSatisfy { $0 > 0 })
    }

    @Test(arguments: UInt64(1)...20)
    func
        `kills no broker that would forget a message, or whose next deliveries could mean two things`(
            seed: UInt64
        )
    {
        var plan = Plan(seed: seed)
        for _ in 0..<200 {
            // Published since the broker saved, and since all was counted.
            var (unsaved, uncounted): (Int?, Int) = (nil, 0)
            // Packet identifiers that the daemon knows and the broker will give to others.
            var forgotten = 0
            for step in plan.nextPhase() {
                switch step {
                case .publish(let movements):
                    unsaved? += movements.count
                    uncounted += movements.count
                    forgotten -= movements.count
                case .brokerSaves: unsaved = 0
                case .everythingArrives: uncounted = 0
                case .fault(.brokerIsKilled):
                    #expect(unsaved == 0 || unsaved != nil && uncounted == 0)
                    #expect((unsaved ?? 0) < 1000)
                    forgotten = unsaved.map { $0 > 0 ? $0 + 1 : 0 } ?? 0
                    unsaved = nil
                case .fault(.connectionEnds), .fault(.connectionIsCut),
                    .fault(.connectionIsAbandoned), .fault(.brokerIsRestarted), .daemonIsShutOut:
                    #expect(forgotten <= 0)
                default: break
                }
            }
            #expect(forgotten <= 0)
        }
    }
}
