import Parking
import Simulator
import Testing

@Suite struct `The simulated stream` {
    private func stream(
        seed: UInt64,
        count: Int = 20_000,
        options: Simulator.Options = .init()
    ) throws -> [SimulatedMessage] {
        var simulator = Simulator(
            facilities: try Town.facilities(12),
            rules: try Town.rules(),
            options: options,
            seed: seed,
            startMilliseconds: Town.morning
        )
        return (0..<count).compactMap { _ in simulator.next() }
    }

    @Test func `is the same for the same seed`() throws {
        let stream = try stream(seed: 7)
        #expect(stream.count == 20_000)
        #expect(try self.stream(seed: 7) == stream)
    }

    @Test func `is another for another seed`() throws {
        #expect(try stream(seed: 7) != stream(seed: 8))
    }

    @Test func `has due times that never go back`() throws {
        let times = try stream(seed: 7).map(\.dueMilliseconds)
        #expect(times.first.map { $0 >= Town.morning } == true)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func `has the quality of service that is wanted`() throws {
        var options = Simulator.Options()
        options.qualityOfService = 0
        #expect(try stream(seed: 7, count: 500).allSatisfy { $0.qualityOfService == 1 })
        #expect(
            try stream(seed: 7, count: 500, options: options).allSatisfy {
                $0.qualityOfService == 0
            }
        )
    }

    @Test func `retains states and nothing else`() throws {
        for message in try stream(seed: 7) {
            let isState =
                message.topicText.hasPrefix("bath/") && message.topicText.hasSuffix("/state")
            #expect(message.isRetained == isState)
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `speaks on topics of its rules, about facilities that exist`(seed: UInt64) throws {
        let rules = try Town.rules()
        let known = Set(try Town.facilities(12).map(\.id.text))
        var heard: Set<String> = []
        for message in try stream(seed: seed) {
            let match = rules.lazy.compactMap { captures($0.topic, message.topic) }.first
            let levels = try #require(match, "\(message.topicText) matches no rule")
            let facility = levels["facility"] ?? "podium"
            #expect(known.contains(facility))
            heard.insert(facility)
        }
        #expect(heard == known)
    }

    @Test func `counts every facility in one way`() throws {
        let rules = try Town.rules()
        var ways: [String: Set<String>] = [:]
        for message in try stream(seed: 3) {
            let rule = try #require(rules.first { captures($0.topic, message.topic) != nil })
            let name = captures(rule.topic, message.topic)?["facility"] ?? "podium"
            let way =
                switch rule.kind {
                case .bay: "bays \(rule.topic)"
                case .counter: "counter"
                case .movement: "gates"
                case .occupied, .vacant: "level"
                case .state: "state"
                case .heartbeat, .health: "none"
                }
            ways[name, default: []].insert(way)
        }
        for (name, heard) in ways {
            #expect(heard.subtracting(["state"]).count == 1, "\(name): \(heard)")
            #expect(heard.contains("state"))
        }
        #expect(Set(ways.values.flatMap { $0 }).count >= 4)
    }

    @Test func `has observation times of one sensor that rise`() throws {
        var simulator = Simulator(
            facilities: [try Town.facility("a", capacity: 50)],
            rules: [try Town.bayRule()],
            options: .faultless,
            seed: 1,
            startMilliseconds: Town.morning
        )
        var latest: [String: Int64] = [:]
        for _ in 0..<20_000 {
            let message = try simulator.message()
            let observed = try #require(message.observed)
            #expect(observed > latest[message.topicText] ?? .min)
            #expect(observed - message.dueMilliseconds <= 1)
            latest[message.topicText] = observed
        }
        #expect(latest.count == 50)
    }

    @Test func `ends at once where there is nothing to simulate`() {
        var simulator = Simulator(
            facilities: [],
            rules: [],
            seed: 1,
            startMilliseconds: Town.morning
        )
        #expect(simulator.next() == nil)
        #expect(simulator.truth.isEmpty)
    }
}
