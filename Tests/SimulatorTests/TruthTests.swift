import Parking
import Simulator
import Testing

/// Faultless sensors of one kind, replayed by a plain model, end where the simulation says that the town is.
@Suite struct `The truth` {
    private func simulator(
        _ rules: [Rule],
        capacity: Int = 60,
        seed: UInt64,
        _ options: Simulator.Options = .faultless
    ) throws -> Simulator {
        Simulator(
            facilities: [try Town.facility("a", capacity: capacity)],
            rules: rules,
            options: options,
            seed: seed,
            startMilliseconds: Town.morning
        )
    }

    private func truth(_ simulator: Simulator) throws -> Int {
        try #require(simulator.truth.values.first)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `is the number of bays whose newest state is occupied`(seed: UInt64) throws {
        var simulator = try simulator([try Town.bayRule()], seed: seed)
        var states: [String: Bool] = [:]
        var compared: Set<Int> = []
        for index in 0..<30_000 {
            let message = try simulator.message()
            states[message.topicText] = message.member("occupied") == "true"
            guard states.count == 60, index > 200 else { continue }
            let truth = try truth(simulator)
            try #require(states.values.count { $0 } == truth)
            compared.insert(truth)
        }
        #expect(compared.count > 20)
    }

    @Test func `is found in spite of late messages by the time of observation`() throws {
        var options = Simulator.Options.faultless
        options.lateProbability = 0.05
        options.duplicateProbability = 0.05
        var simulator = try simulator([try Town.bayRule()], seed: 5, options)
        var states: [String: (observed: Int64, isOccupied: Bool)] = [:]
        var agreements = 0
        for _ in 0..<30_000 {
            let message = try simulator.message()
            let observed = try #require(message.observed)
            if observed > states[message.topicText]?.observed ?? .min {
                states[message.topicText] = (observed, message.member("occupied") == "true")
            }
            let difference = states.values.count { $0.isOccupied } - (try truth(simulator))
            if states.count == 60 { try #require(abs(difference) <= 5) }
            agreements += difference == 0 ? 1 : 0
        }
        #expect(agreements > 10_000)
    }

    @Test(arguments: [100, 65_536, nil])
    func `is the sum of the differences of counters`(wrapsAt: Int?) throws {
        let kind = Rule.Kind.counter(
            arrivals: .pointer("/in"),
            departures: .pointer("/out"),
            wrapsAt: wrapsAt
        )
        var simulator = try simulator([try Town.rule("c/{facility}", kind)], seed: 11)
        var last: (arrivals: Int, departures: Int)?
        var occupied = 0
        var wraps = 0
        for _ in 0..<10_000 {
            let message = try simulator.message()
            let arrivals = try #require(message.member("in").flatMap { Int($0) })
            let departures = try #require(message.member("out").flatMap { Int($0) })
            if let last {
                wraps += arrivals < last.arrivals ? 1 : 0
                let wrap = wrapsAt ?? 0
                occupied += arrivals - last.arrivals + (arrivals < last.arrivals ? wrap : 0)
                occupied -= departures - last.departures + (departures < last.departures ? wrap : 0)
            }
            last = (arrivals, departures)
            try #require(occupied == (try truth(simulator)))
        }
        #expect((wraps > 0) == (wrapsAt != nil))
    }

    @Test func `is the sum of two counters, one for each direction`() throws {
        var simulator = try simulator(
            [
                try Town.rule(
                    "c/{facility}/out",
                    .counter(arrivals: nil, departures: .pointer("/n"), wrapsAt: nil)
                ),
                try Town.rule(
                    "c/{facility}/in",
                    .counter(arrivals: .pointer("/n"), departures: nil, wrapsAt: nil)
                ),
            ],
            seed: 2
        )
        var first: [String: Int] = [:]
        var last: [String: Int] = [:]
        for index in 0..<10_000 {
            let message = try simulator.message()
            let total = try #require(message.member("n").flatMap { Int($0) })
            last[message.topicText] = total
            if first[message.topicText] == nil { first[message.topicText] = total }
            guard index % 2 == 1 else { continue }
            let moved = last.mapValues { $0 }.merging(first) { $0 - $1 }
            let occupied = moved["c/a/in", default: 0] - moved["c/a/out", default: 0]
            try #require(occupied == (try truth(simulator)))
        }
        #expect(last["c/a/in", default: 0] > first["c/a/in", default: 0])
    }

    @Test func `is the sum of the movements of an interval`() throws {
        let kind = Rule.Kind.movement(arrivals: .pointer("/in"), departures: .pointer("/out"))
        var simulator = try simulator([try Town.rule("m/{facility}", kind)], seed: 4)
        var occupied = 0
        var highest = 0
        for _ in 0..<10_000 {
            let message = try simulator.message()
            occupied += try #require(message.member("in").flatMap { Int($0) })
            occupied -= try #require(message.member("out").flatMap { Int($0) })
            try #require(occupied == (try truth(simulator)))
            highest = max(highest, occupied)
        }
        #expect(highest > 20)
    }

    @Test func `is the vehicles in less the vehicles out of gates`() throws {
        var simulator = try simulator(Array(try Town.rules()[2...3]), seed: 4)
        var occupied = 0
        for _ in 0..<10_000 {
            let message = try simulator.message()
            #expect(message.text == "1")
            occupied += message.topicText == "bath/a/gate/in" ? 1 : -1
            try #require(occupied == (try truth(simulator)))
            try #require((0...63).contains(occupied))
        }
    }

    @Test(arguments: [false, true])
    func `is the level, or the capacity less the vacancy`(isVacant: Bool) throws {
        let kind = isVacant ? Rule.Kind.vacant(.pointer("/n")) : .occupied(.pointer("/n"))
        var simulator = try simulator([try Town.rule("l/{facility}", kind)], seed: 4)
        for _ in 0..<5_000 {
            let message = try simulator.message()
            let number = try #require(message.member("n").flatMap { Int($0) })
            try #require((isVacant ? 60 - number : number) == (try truth(simulator)))
        }
    }
}
