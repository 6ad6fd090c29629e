import TestSupport
import Testing

/// The guarantee, against everything that may go wrong: a message counts exactly once.
///
/// A seed that fails prints the command that replays it.
@Suite struct `Exactly once` {
    /// How many seeds are tried: 300, or what `make soak SEEDS=…` asks for.
    private static let seeds = max(1, environmentNumber("CARPARKD_SEEDS", otherwise: 300))
    private static let first = environmentNumber("CARPARKD_FIRST_SEED", otherwise: 1)
    private static let steps = 600

    @Test func `whatever crashes, breaks, fills up or steps`() async throws {
        let crashes = try await withThrowingTaskGroup { group in
            for seed in Self.first..<Self.first + Self.seeds {
                group.addTask { try Self.run(UInt64(seed)) }
            }
            return try await group.reduce(0, +)
        }
        print("simulated \(crashes) crashes from \(Self.seeds) seeds")
        #expect(crashes >= Self.seeds * 34, "the simulation has become too kind")
    }

    /// A run of one seed; how often it crashed.
    private static func run(_ seed: UInt64, sabotage: Sabotage? = nil) throws -> Int {
        var world = try FaultyWorld(seed: seed, sabotage: sabotage)
        var step = 0
        do {
            while step < steps {
                step += 1
                try world.step()
            }
            try world.finish()
            return world.crashes
        } catch {
            throw Wrong(
                description: """
                    seed \(seed), step \(step): \(error)
                    before: \(world.trace.joined(separator: "\n        "))
                    replay: CARPARKD_FIRST_SEED=\(seed) CARPARKD_SEEDS=1 swift test --filter 'Exactly once'
                    """
            )
        }
    }

    @Test(arguments: Sabotage.allCases)
    func `a deliberate bug is found`(sabotage: Sabotage) throws {
        var found: [String] = []
        for seed: UInt64 in 1...20 where found.isEmpty {
            do {
                _ = try Self.run(seed, sabotage: sabotage)
            } catch {
                found.append("\(error)")
            }
        }
        #expect(!found.isEmpty, "no seed of 20 notices: \(sabotage.rawValue)")
    }
}
