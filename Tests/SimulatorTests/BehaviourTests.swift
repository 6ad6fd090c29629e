import Parking
import Simulator
import Testing

@Suite struct `Simulated sensors` {
    private func simulator(
        _ rule: Rule,
        facilities: Int = 1,
        capacity: Int = 100,
        seed: UInt64 = 1,
        _ options: Simulator.Options = .faultless
    ) throws -> Simulator {
        Simulator(
            facilities: try (0..<facilities).map {
                try Town.facility("f-\($0)", capacity: capacity)
            },
            rules: [rule],
            options: options,
            seed: seed,
            startMilliseconds: Town.morning
        )
    }

    @Test func `repeat the state of every bay within eleven minutes`() throws {
        var simulator = try simulator(try Town.bayRule())
        var last: [String: Int64] = [:]
        for message in simulator.messages(for: 24 * Town.hour, from: Town.morning) {
            let silence = message.dueMilliseconds - (last[message.topicText] ?? Town.morning)
            try #require(silence <= 660_001)
            last[message.topicText] = message.dueMilliseconds
        }
        #expect(last.count == 100)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `see more vehicles at midday than at night`(seed: UInt64) throws {
        var simulator = try simulator(
            try Town.rule("l/{facility}", .occupied(.pointer("/n"))),
            facilities: 5,
            seed: seed
        )
        var sums = [Int](repeating: 0, count: 24)
        for message in simulator.messages(for: 48 * Town.hour, from: Town.morning) {
            let hour = Int(message.dueMilliseconds / Town.hour % 24)
            sums[hour] += try #require(message.member("n").flatMap { Int($0) })
        }
        let peak = try #require(sums.indices.max { sums[$0] < sums[$1] })
        #expect((10...16).contains(peak))
        #expect(sums[12] > 3 * sums[3])
        #expect(sums[3] > 0)
    }

    @Test func `follow the local clock`() throws {
        var options = Simulator.Options.faultless
        options.minutesAheadOfUTC = 12 * 60
        let rule = try Town.rule("l/{facility}", .occupied(.pointer("/n")))
        var simulator = try simulator(rule, options)
        var day = 0
        var night = 0
        for message in simulator.messages(for: 24 * Town.hour, from: Town.morning) {
            let number = try #require(message.member("n").flatMap { Int($0) })
            switch message.dueMilliseconds / Town.hour % 24 {
            case 0: day += number
            case 15: night += number
            default: break
            }
        }
        #expect(day > 3 * night)
    }

    @Test func `see a burst of departures when a shift ends`() throws {
        let rule = try Town.rule(
            "m/{facility}",
            .movement(arrivals: .pointer("/in"), departures: .pointer("/out"))
        )
        var simulator = try simulator(rule, facilities: 20, capacity: 1000)
        var departures: [String: [Int64: Int]] = [:]
        for message in simulator.messages(for: 24 * Town.hour, from: Town.morning) {
            let number = try #require(message.member("out").flatMap { Int($0) })
            let slot = message.dueMilliseconds / 600_000
            departures[message.topicText, default: [:]][slot, default: 0] += number
        }
        let bursts = departures.values.count { slots in
            let counts = slots.values.sorted()
            let usual = counts[counts.count * 9 / 10]
            return counts.last.map { $0 > 2 * usual } == true
        }
        #expect((4...16).contains(bursts))
    }

    @Test func `send some messages twice, about as often as they should`() throws {
        var options = Simulator.Options.faultless
        options.duplicateProbability = 0.1
        var simulator = try simulator(try Town.bayRule(), options)
        var seen: Set<String> = []
        var duplicates = 0
        for _ in 0..<20_000 {
            let message = try simulator.message()
            if !seen.insert("\(message.topicText) \(message.text)").inserted { duplicates += 1 }
        }
        #expect((1600...2040).contains(duplicates))
    }

    @Test func `hold some messages back, about as often and as long as they should`() throws {
        var options = Simulator.Options.faultless
        options.lateProbability = 0.1
        options.lateDelay = .seconds(10) ... .seconds(60)
        var simulator = try simulator(try Town.bayRule(), options)
        var late = 0
        for _ in 0..<20_000 {
            let message = try simulator.message()
            let delay = message.dueMilliseconds - (try #require(message.observed))
            guard delay > 1 else { continue }
            try #require((9_999...60_001).contains(delay))
            late += 1
        }
        #expect((1750...2250).contains(late))
    }

    @Test func `are never late where nobody could tell`() throws {
        var options = Simulator.Options.faultless
        options.lateProbability = 1
        let rule = try Town.rule("l/{facility}", .occupied(.pointer("/n")), observed: nil)
        var simulator = try simulator(rule, options)
        let times = (0..<100).compactMap { _ in simulator.next()?.dueMilliseconds }
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 <= 66_001 })
    }

    @Test func `die, and come back after hours`() throws {
        var options = Simulator.Options.faultless
        options.deathsPerDay = 1
        var simulator = try simulator(try Town.bayRule(), options)
        var last: [String: Int64] = [:]
        var silences: [Int64] = []
        for message in simulator.messages(for: 48 * Town.hour, from: Town.morning) {
            let silence = message.dueMilliseconds - (last[message.topicText] ?? Town.morning)
            if silence > 660_001 { silences.append(silence) }
            last[message.topicText] = message.dueMilliseconds
        }
        #expect((80...240).contains(silences.count))
        #expect(silences.allSatisfy { (Town.hour...8 * Town.hour + 1).contains($0) })
    }

    @Test func `start their totals again at nought`() throws {
        var options = Simulator.Options.faultless
        options.resetsPerDay = 10
        let rule = try Town.rule(
            "c/{facility}",
            .counter(arrivals: .pointer("/in"), departures: .pointer("/out"), wrapsAt: nil)
        )
        var simulator = try simulator(rule, facilities: 5, options)
        var last: [String: Int] = [:]
        var resets = 0
        for message in simulator.messages(for: 48 * Town.hour, from: Town.morning) {
            let total = try #require(message.member("in").flatMap { Int($0) })
            if total < last[message.topicText, default: 0] {
                #expect(total == 0)
                resets += 1
            }
            last[message.topicText] = total
        }
        #expect((60...140).contains(resets))
    }

    @Test func `close a facility now and then, and open it again`() throws {
        var options = Simulator.Options.faultless
        options.closuresPerDay = 2
        let rule = try Town.rules()[5]
        var simulator = try simulator(rule, facilities: 5, options)
        var words: [String: Int] = [:]
        for message in simulator.messages(for: 96 * Town.hour, from: Town.morning) {
            words[message.text, default: 0] += 1
        }
        #expect(Set(words.keys) == ["OPEN", "SHUT"])
        #expect(words["OPEN", default: 0] > 2 * words["SHUT", default: 0])
    }

    @Test(arguments: [0.5, 50, 5_000, 500_000]) func `keep a rate`(rate: Double) throws {
        var options = Simulator.Options()
        options.rate = rate
        options.lateProbability = 0
        var simulator = Simulator(
            facilities: try Town.facilities(20),
            rules: try Town.rules(),
            options: options,
            seed: 9,
            startMilliseconds: Town.morning
        )
        var last = Town.morning
        for _ in 0..<60_000 { last = try simulator.message().dueMilliseconds }
        let measured = 60_000 / (Double(last - Town.morning) / 1000)
        #expect((0.7 * rate...1.4 * rate).contains(measured), "\(measured) messages a second")
    }
}
