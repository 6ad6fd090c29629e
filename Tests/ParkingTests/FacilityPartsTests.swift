import Parking
import Testing

@Suite struct `The parts of facilities` {
    private let parts: FacilityParts

    init() throws { parts = FacilityParts(try twoFacilities()) }

    @Test func `are the facilities first, then their zones and classes`() {
        #expect(
            (0..<parts.count).map(parts.identifier) == [
                "podium", "street",
                "podium/level-1", "podium/level-1/disabled", "podium/level-1/electric",
                "podium/level-2", "podium/level-2/disabled",
                "podium//disabled",
                "street//coach",
            ]
        )
        #expect((0..<parts.count).map(parts.facility) == [0, 1, 0, 0, 0, 0, 0, 0, 1])
        #expect((0..<parts.count).map(parts.capacity) == [521, 40, 200, 8, 4, 300, nil, 20, 2])
    }

    @Test(
        arguments: [
            (nil, nil, "podium"), ("level-1", nil, "podium/level-1"),
            ("level-1", .electric, "podium/level-1/electric"), (nil, .disabled, "podium//disabled"),
            ("level-2", .disabled, "podium/level-2/disabled"),
        ] as [(String?, BayClass?, String)]
    )
    func `are found by zone and class`(zone: String?, bayClass: BayClass?, identifier: String) {
        let zone = zone.flatMap { parts.zone($0, facility: 0) }
        let part = parts.part(facility: 0, zone: zone, class: bayClass)
        #expect(part.map(parts.identifier) == identifier)
    }

    @Test(
        arguments: [
            (nil, .coach, "podium"), ("level-1", .parent, "podium/level-1"),
            ("level-2", .electric, "podium/level-2"),
        ] as [(String?, BayClass, String)]
    )
    func `count a class that is not configured, and not apart`(
        zone: String?,
        bayClass: BayClass,
        identifier: String
    ) {
        let zone = zone.flatMap { parts.zone($0, facility: 0) }
        let part = parts.part(facility: 0, zone: zone, class: bayClass)
        #expect(part.map(parts.identifier) == identifier)
    }

    @Test(arguments: ["level-3", "", "Level-1", "level-1/", "level-11"])
    func `know no zone that is not configured`(zone: String) {
        #expect(parts.zone(zone, facility: 0) == nil)
        #expect(parts.zone("level-1", facility: 1) == nil)
        #expect(parts.part(facility: 0, zone: 2, class: nil) == nil)
        #expect(parts.part(facility: 1, zone: 0, class: nil) == nil)
        #expect(parts.part(facility: 0, zone: -1, class: nil) == nil)
    }

    @Test func `are the facilities alone where there are no zones and classes`() {
        let plain = FacilityParts(facilityCount: 3)
        #expect(plain.count == 3)
        #expect(plain.part(facility: 2, zone: nil, class: .disabled) == 2)
    }

    @Test func `are known again by their identifiers, in whatever order`() {
        let identifiers = (0..<parts.count).map(parts.identifier)
        for order in [identifiers, identifiers.reversed()] {
            let again = FacilityParts(identifiers: order)
            #expect(again.facilityCount == 2)
            #expect(
                Set((0..<again.count).map(again.identifier)) == Set(identifiers)
            )
        }
    }

    @Test(arguments: [
        "gone/level-1", "gone//disabled", "podium/level-1/hover", "podium//", "podium/",
    ])
    func `that belong to nothing known stand alone`(identifier: String) {
        let again = FacilityParts(identifiers: ["podium", identifier])
        #expect((0..<again.count).map(again.identifier) == ["podium", identifier])
        #expect(again.facilityCount == 2)
    }

    @Test func `have classes with numbers that stay what they are`() {
        #expect(BayClass.allCases.map(\.number) == [1, 2, 3, 4, 5, 6])
        #expect((0...7).map { BayClass(number: $0) } == [nil] + BayClass.allCases + [nil])
    }
}

/// A facility of two levels, and one without.
private func twoFacilities() throws -> [Facility] {
    [
        Facility(
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
                    capacity: 300
                ),
            ],
            classes: [ClassCapacity(.disabled, capacity: 20)]
        ),
        Facility(
            id: try #require(FacilityIdentifier("street")),
            name: "Street",
            capacity: 40,
            classes: [ClassCapacity(.coach, capacity: 2)]
        ),
    ]
}
