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

    @Test(arguments: [
        (
            #"- {topic: "p/{facility}/{bay}", reading: bay, occupied: /o, when: {"{bay}": A1}}"#,
            #"rules[0] for podium: no simulated message meets its condition that {bay} is "A1""#
        ),
        (
            #"- {topic: "p/{facility}", reading: level, occupied: /o, when: {/o: {present: false}}}"#,
            "rules[0] for podium: no simulated message meets its condition that /o is not there"
        ),
        (
            #"- {topic: "p/{facility}", reading: level, occupied: /o, when: {/o: [7, 8]}}"#,
            #"rules[0] for podium: no simulated message meets its condition that /o is "7" or "8""#
        ),
        (
            """
            - {topic: "p/{facility}", reading: level, occupied: /o, continue: true}
              - {topic: "p/{facility}", reading: movement, in: /in, out: /out}
            """,
            """
            rules[0] for podium: rules[1] would read the same messages, and they can't say what it wants to know
            rules[1] for podium: rules[0] would read the same messages, and they can't say what it wants to know
            """
        ),
        (
            """
            - {topic: p/podium, facility: podium, reading: level, occupied: /o, envelope: ttn}
              - {topic: "p/{facility}", reading: level, occupied: /o, when: {/p: 1}}
            """,
            "rules[1] for podium: rules[0] comes first and reads the same topics; move it down"
        ),
        (
            #"- {topic: "p/{facility}", reading: level, occupied: "", envelope: ttn}"#,
            "rules[0]: it reads all that an envelope holds as one value; name a field of it"
        ),
        (
            #"- {topic: "a/{facility}/event/status", reading: level, occupied: /o, envelope: chirpstack}"#,
            "rules[0]: no sensor sends what comes on a topic that ends with 'status'"
        ),
        (
            #"- {topic: "a/{facility}/{e}", reading: level, occupied: /o, envelope: chirpstack, when: {"{e}": log}}"#,
            "rules[0]: no sensor sends what comes on a topic that ends with 'log'"
        ),
        (
            #"- {topic: "p/{facility}/{zone}", reading: level, occupied: /o, zone: "{zone}"}"#,
            "rules[0] for podium: the facility has no zone that it could name"
        ),
        (
            #"- {topic: p, format: text, separator: "-", facility: /0, reading: level, occupied: /1}"#,
            "rules[0]: its separator '-' stands in times and identifiers as well; replay recorded messages instead"
        ),
        (
            """
            - {topic: p, format: text, separator: ",", facility: /0, bay: /1, reading: bay, occupied: /2,
                values: {occupied: "a,b", vacant: c}}
            """,
            "rules[0]: 'a,b' can't be a field: the separator is in it"
        ),
        (
            #"- {topic: "p/{facility}/{bay}", reading: heartbeat}"#,
            "rules[0]: it counts no vehicles, and its messages are not simulated"
        ),
        (
            #"- {topic: "d/{device}", reading: bay, occupied: /o}"#,
            "rules[0]: the list of devices has none that it could be about"
        ),
    ]) func `is told to the operator with its reason`(rules: String, lines: String) throws {
        let found = try PlayedTown("  " + rules).simulator.omissions.map(\.description)
        let expected = lines.split(separator: "\n").map(String.init)
        #expect(found.filter { !$0.hasPrefix("podium: ") }.sorted() == expected)
    }

    @Test(arguments: [
        (
            #"- {topic: "d/{device}", reading: bay, occupied: /o}"#,
            "the word 'a/b' can't be a level of a topic"
        ),
        (
            #"- {topic: d, format: text, separator: /, device: /0, reading: bay, occupied: /1}"#,
            "'a/b' can't be a field: the separator is in it"
        ),
    ]) func `is a device whose name the message can't say`(rule: String, reason: String) throws {
        let town = try PlayedTown("  " + rule, devices: ["a/b,podium,,A,,,,", "c,podium,,B,,,,"])
        #expect(town.simulator.omissions.map(\.description) == ["rules[0] for podium: \(reason)"])
        #expect(town.simulator.truth.count == 1, "the others are")
    }
}
