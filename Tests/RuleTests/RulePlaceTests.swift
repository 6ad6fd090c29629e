import Ingest
import Occupancy
import Parking
import Testing

/// A profile is one item of the list and many rules: a person finds each of them where the files have it.
@Suite struct `The place of a rule` {
    private static let mixed = """
          - {topic: "b/{facility}", reading: level, occupied: /n}
          - {topic: "s/{device}", profile: bosch-tps110}
          - {topic: "a/{facility}", reading: level, occupied: /n}
        """

    private func council(_ rules: String = mixed, after former: Council? = nil) throws -> Council {
        try Council(
            rules,
            devices: "device,facility,bay\na,podium,1\n",
            profiles: profileDirectory,
            after: former
        )
    }

    @Test func `is its number in the file, whatever profiles stand before it`() throws {
        let rules = try council().plan.rules
        #expect(rules.count > 4)
        let places = rules.indices.map(rules.place)
        #expect(
            places.prefix(3) == [
                "rules[0]", "rules[1] (bosch-tps110[0])", "rules[1] (bosch-tps110[1])",
            ]
        )
        #expect(places.last == "rules[2]")
        #expect(rules.place(of: rules.count) == "rules[\(rules.count)]")
    }

    @Test func `is complained of once, however many rules its profile has`() {
        let found = complaints(
            #"      - {topic: "s/+", profile: bosch-tps110}"#,
            profiles: profileDirectory
        )
        #expect(found.count == 2, "\(found)")
        #expect(found.first?.contains("rules[0]: the rule has no facility: ") == true)
        #expect(found.last?.contains("rules[0]: the rule has no bay: ") == true)
    }

    @Test func `stands in an explanation`() throws {
        let council = try council()
        #expect(
            council.explain("a/podium", "{}").contains("rule       rules[2]: a/{facility} (json)")
        )
        #expect(
            council.explain("a/podium/1", "{}").contains("nearest    rules[2]: a/{facility}")
        )
        let lines = council.explain("s/a", #"{"occupied":true}"#)
        #expect(lines.contains("rule       rules[1] (bosch-tps110[0]): s/{device} (json)"))
    }

    @Test func `is no part of what a reload asks for`() throws {
        let former = try council()
        former.send("s/a", #"{"parked":true}"#)
        let rule = try #require(former.sensor("a")?.rule)
        #expect(former.plan.rules.place(of: rule) == "rules[1] (bosch-tps110[3])")
        let council = try council(
            "  - {topic: \"c/{facility}\", reading: level, occupied: /n}\n" + Self.mixed,
            after: former
        )
        #expect(council.sensor("a")?.rule == rule + 1)
    }
}
