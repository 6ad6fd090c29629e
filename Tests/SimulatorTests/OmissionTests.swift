import Parking
import Simulator
import Testing

@Suite struct `What is not simulated` {
    private func omissions(
        _ rules: [Rule],
        _ facilities: [(String, Int)] = [("a", 5)]
    ) throws -> [Simulator.Omission] {
        Simulator(
            facilities: try facilities.map { try Town.facility($0.0, capacity: $0.1) },
            rules: rules,
            seed: 1,
            startMilliseconds: Town.morning
        ).omissions
    }

    private static let level = Rule.Kind.occupied(.pointer("/n"))

    static func refusedRules() throws -> [(Rule, Simulator.Reason)] {
        func levels(_ source: Rule.Source) -> Rule.Kind { .occupied(source) }
        return [
            (try Town.rule("l", level), .captureAbsent("facility")),
            (try Town.rule("l", level, facility: .constant("b")), .unknownFacility("b")),
            (try Town.rule("{facility}", levels(.pointer("n"))), .malformedPointer("n")),
            (try Town.rule("{facility}", levels(.pointer("/~2"))), .malformedPointer("/~2")),
            (try Town.rule("{facility}", levels(.pointer("/time"))), .sharedPlace("'/time'")),
            (try Town.rule("{facility}", levels(.pointer("/time/n"))), .sharedPlace("'/time/n'")),
            (try Town.rule("{facility}", levels(.pointer(""))), .sharedPlace("''")),
            (try Town.rule("{facility}", levels(.capture("facility"))), .sharedPlace("{facility}")),
            (try Town.rule("{facility}", level, format: .text, observed: nil), .insideText("/n")),
            (try Town.rule("{facility}", levels(.constant("5"))), .fixedValue("occupied")),
            (
                try Town.rule("{facility}", level, observed: .constant("2026")),
                .fixedValue("observed")
            ),
            (
                try Town.rule(
                    "{facility}",
                    .movement(arrivals: .constant("2"), departures: nil)
                ),
                .fixedValue("in, out")
            ),
            (
                try Town.rule(
                    "{facility}/{bay}",
                    .bay(bay: .capture("bay"), occupied: .pointer("/o"), words: .init(["x": true]))
                ),
                .wordAbsent("vacant")
            ),
            (
                try Town.rule(
                    "{facility}/{s}",
                    .state(.capture("s"), words: .init(["a/b": .open, "c": .closed]))
                ),
                .unfitLevel("a/b")
            ),
        ]
    }

    @Test func `is said of each rule that no sensor can serve`() throws {
        for (rule, reason) in try Self.refusedRules() {
            let found = try omissions([rule])
            let id = try #require(FacilityIdentifier("a"))
            #expect(
                found.map(\.reason) == [reason, .uncounted],
                "\(rule.topic): \(found)"
            )
            #expect(found.map(\.ruleIndex) == [0, nil])
            #expect(found.last?.facilities == [id])
        }
    }

    @Test func `is a gate of one direction alone`() throws {
        let gate = try Town.rules()[2]
        let found = try omissions([gate])
        #expect(found.map(\.reason) == [.uncounted, .oneDirection])
    }

    @Test func `is a rule whose messages an earlier rule would read`() throws {
        let wide = try Town.rule("town/#", Self.level, facility: .pointer("/f"))
        let found = try omissions([wide, try Town.bayRule()])
        #expect(found.map(\.reason) == [.takenBy("rules[0]")])
        #expect(found.map(\.ruleIndex) == [1])
    }

    @Test func `is a bay rule of a facility without bays`() throws {
        let found = try omissions([try Town.bayRule()], [("a", 0), ("b", 3)])
        #expect(found.map(\.reason) == [.noBay, .uncounted])
        #expect(found.map { $0.facilities.map(\.text) } == [["a"], ["a"]])
    }

    @Test func `is the way of counting that was not chosen`() throws {
        let found = try omissions([
            try Town.bayRule(), try Town.rule("l/{facility}", Self.level),
        ])
        #expect(found.map(\.reason) == [.anotherCounts])
    }

    @Test func `is said in one line`() throws {
        let found = try omissions([try Town.bayRule()], [("a", 0), ("b", 0), ("c", 1)])
        #expect(
            found.map(\.description) == [
                "rules[0] for a, b: the capacity is 0, so that no vehicle ever comes",
                "a, b: no rule that can be simulated counts there",
            ]
        )
    }

    @Test func `is said of a rule where the configuration has it`() throws {
        var wide = try Town.rule("town/#", Self.level, facility: .pointer("/f"))
        wide.place = "rules[0] (a-sensor[4])"
        var bay = try Town.bayRule()
        bay.place = "rules[1]"
        #expect(
            try omissions([wide, bay]).map(\.description) == [
                "rules[1] for a: rules[0] (a-sensor[4]) comes first and reads the same topics; move it down"
            ]
        )
    }
}
