import Configuration
import Parking
import Testing

@Suite struct `Zones and classes` {
    @Test func `are read as they were meant`() throws {
        let text = try smallest.replacing(
            once: "    capacity: 521\n",
            by: """
                    capacity: 521
                    bay_silence: 26h
                    zones:
                      - {id: level-1, name: Level 1, capacity: 200, classes: {electric: 4, disabled: 8}}
                      - {id: level-2, name: Level 2, capacity: 321}
                    classes: {disabled: 20}

                """
        )
        let meant = Facility(
            id: try #require(FacilityIdentifier("podium")),
            name: "Podium",
            capacity: 521,
            zones: [
                Zone(
                    id: try #require(ZoneIdentifier("level-1")),
                    name: "Level 1",
                    capacity: 200,
                    classes: [
                        ClassCapacity(.disabled, capacity: 8),
                        ClassCapacity(.electric, capacity: 4),
                    ]
                ),
                Zone(
                    id: try #require(ZoneIdentifier("level-2")),
                    name: "Level 2",
                    capacity: 321
                ),
            ],
            classes: [ClassCapacity(.disabled, capacity: 20)],
            baySilence: .seconds(26 * 3600)
        )
        #expect(try Configuration.parse(text, file: "c.yaml").facilities == [meant])
    }

    @Test func `are at most a hundred zones in a facility`() throws {
        func complaints(zones count: Int) throws -> [String] {
            let zones = (1...count).map { "{id: z\($0), name: Zone, capacity: 1}" }
            return ConfigurationTests.complaints(
                try smallest.replacing(
                    once: "    capacity: 521\n",
                    by: "    capacity: 521\n    zones: [\(zones.joined(separator: ", "))]\n"
                )
            )
        }
        #expect(try complaints(zones: 100) == [])
        #expect(
            try complaints(zones: 101) == [
                "c.yaml:10:12: facilities[0].zones: has 101 zones; at most 100 are allowed"
            ]
        )
    }
}
