import Occupancy
import Parking
import Testing

/// A car park of two levels, with a few bays in none.
struct ZonedCarPark {
    let live: LiveOccupancy

    init(baySilence: Duration? = nil, zones: [String] = ["level-1", "level-2"]) throws {
        let facility = Facility(
            id: try #require(FacilityIdentifier("podium")),
            name: "Podium",
            capacity: 521,
            zones: try zones.map { name in
                Zone(
                    id: try #require(ZoneIdentifier(name)),
                    name: name,
                    capacity: 200,
                    classes: [ClassCapacity(.electric, capacity: 4)]
                )
            },
            classes: [ClassCapacity(.disabled, capacity: 20)],
            baySilence: baySilence
        )
        let other = Facility(
            id: try #require(FacilityIdentifier("street")),
            name: "Street",
            capacity: 40,
            baySilence: baySilence
        )
        live = LiveOccupancy(
            facilities: [facility, other],
            bayLimit: 1000,
            sensorLimit: 100,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 60)
        )
    }

    var counts: FacilityCounts { live.counts(of: 0) }

    func part(_ zone: String? = nil, _ bayClass: BayClass? = nil) throws -> Int {
        let zone = try zone.map { try #require(live.parts.zone($0, facility: 0)) }
        return try #require(live.parts.part(facility: 0, zone: zone, class: bayClass))
    }

    @discardableResult
    func bay(
        _ name: String,
        _ occupied: Bool,
        in zone: String? = nil,
        _ bayClass: BayClass? = nil,
        observed: Int64? = nil,
        isRetained: Bool = false,
        at now: Int64 = 1_000_000
    ) throws -> LiveOccupancy.Effect? {
        live.bay(
            name,
            occupied,
            observed: observed,
            facility: try part(zone, bayClass),
            isRetained: isRetained,
            at: now
        )
    }

    func level(
        _ occupied: Int,
        in zone: String? = nil,
        _ bayClass: BayClass? = nil,
        at now: Int64 = 1_000_000
    ) throws {
        _ = live.recordLevel(
            facility: try part(zone, bayClass),
            occupied: occupied,
            observed: nil,
            isRetained: false,
            at: Moment(recordedMilliseconds: now)
        )
    }

    func move(_ arrivals: Int, _ departures: Int, in zone: String? = nil) throws {
        _ = live.recordMovement(
            facility: try part(zone),
            arrivals: arrivals,
            departures: departures,
            observed: nil,
            isRetained: false,
            at: Moment(recordedMilliseconds: 1_000_000)
        )
    }
}

@Suite struct `A facility of parts` {
    @Test func `holds the bays of its zones and of none`() throws {
        let park = try ZonedCarPark()
        try park.bay("1", true, in: "level-1")
        try park.bay("1", true, in: "level-2")
        try park.bay("2", false, in: "level-2")
        try park.bay("9", true)
        let counts = park.counts
        #expect(counts.occupied == 3)
        #expect(counts.knownBays == 4)
        #expect(counts.zones.map(\.occupied) == [1, 1])
        #expect(park.live.counts(of: 1) == FacilityCounts())
    }

    @Test func `knows nothing of a zone before its first reading`() throws {
        let park = try ZonedCarPark()
        try park.bay("1", true, in: "level-2")
        #expect(park.counts.zones.map(\.occupied) == [nil, 1])
        #expect(park.counts.classes.map(\.occupied) == [nil])
        #expect(park.counts.occupied == 1)
    }

    @Test func `counts a class in all zones and in none`() throws {
        let park = try ZonedCarPark()
        try park.bay("1", true, in: "level-1", .disabled)
        try park.bay("2", true, in: "level-1", .electric)
        try park.bay("3", true, in: "level-2", .disabled)
        try park.bay("4", true, in: "level-2")
        try park.bay("5", true, in: nil, .disabled)
        // Nobody asked for these to be counted apart.
        try park.bay("6", true, in: "level-2", .coach)
        let counts = park.counts
        #expect(counts.occupied == 6)
        #expect(counts.classes.map(\.occupied) == [3])
        #expect(counts.zones.map(\.occupied) == [2, 3])
        #expect(counts.zones.map { $0.classes.map(\.occupied) } == [[1], [nil]])
    }

    @Test func `a bay that is marked anew is the same bay`() throws {
        let park = try ZonedCarPark()
        try park.bay("1", true, in: "level-1", .disabled)
        #expect(try park.bay("1", true, in: "level-1", .electric) == .changed)
        #expect(park.counts.occupied == 1)
        #expect(park.counts.knownBays == 1)
        #expect(park.counts.classes.map(\.occupied) == [nil])
        #expect(park.counts.zones[0].classes.map(\.occupied) == [1])
        try park.bay("1", false, in: "level-1")
        #expect(park.counts.zones[0] == PartStatus(occupied: 0, classes: [PartStatus()]))
        #expect(park.counts.departures == 1)
        #expect(park.counts.arrivals == 0)
    }

    @Test func `a count of its own is worth more than a sum, at each level`() throws {
        let park = try ZonedCarPark()
        try park.bay("1", true, in: "level-1", .electric)
        try park.bay("2", true, in: "level-1")
        try park.bay("3", true, in: "level-2")
        try park.bay("4", true)
        try park.level(3, in: "level-1", .electric)
        #expect(park.counts.zones[0] == PartStatus(occupied: 4, classes: [PartStatus(occupied: 3)]))
        #expect(park.counts.occupied == 6)
        try park.level(100, in: "level-1")
        #expect(park.counts.zones.map(\.occupied) == [100, 1])
        #expect(park.counts.occupied == 102)
        try park.level(7, in: nil, .disabled)
        #expect(park.counts.classes.map(\.occupied) == [7])
        #expect(park.counts.occupied == 102)
        try park.level(90)
        #expect(park.counts.occupied == 90)
        #expect(park.counts.zones.map(\.occupied) == [100, 1])
    }

    @Test func `without zones it is the sum of its classes`() throws {
        let park = try ZonedCarPark(zones: [])
        try park.bay("1", true)
        try park.bay("2", true, in: nil, .disabled)
        #expect(park.counts.occupied == 2)
        try park.level(9, in: nil, .disabled)
        #expect(park.counts.occupied == 10)
        #expect(park.counts.classes.map(\.occupied) == [9])
    }

    @Test func `vehicles of a zone are in the history, unless a gate has counted them`() throws {
        let park = try ZonedCarPark()
        try park.move(5, 1, in: "level-1")
        #expect(park.counts.zones.map(\.occupied) == [4, nil])
        #expect(park.counts.occupied == 4)
        #expect(park.counts.arrivals == 5)
        try park.move(10, 0)
        #expect(park.counts.occupied == 10)
        try park.move(2, 0, in: "level-2")
        #expect(park.counts.zones.map(\.occupied) == [4, 2])
        #expect(park.counts.occupied == 10)
        #expect(park.counts.arrivals == 15)
    }

    @Test func `its history has the sum`() throws {
        let park = try ZonedCarPark()
        try park.bay("1", true, in: "level-1", at: 1000)
        try park.level(50, in: "level-2", at: 2000)
        let slots = park.live.history(of: 0, at: Moment(recordedMilliseconds: 3000)).slots
        #expect(slots.map { $0?.occupied } == [51])
        #expect(slots.map { $0?.lowest } == [1])
    }

    @Test func `a bay that gets a zone is not there twice`() throws {
        let park = try ZonedCarPark()
        try park.bay("12", true, in: nil, .disabled)
        try park.bay("13", true)
        let name = bytes("12")
        let part = try park.part("level-1", .disabled)
        let number = park.live.bay(name.span, facility: part)
        let bay = try #require(number)
        let now = Moment(recordedMilliseconds: 2_000_000)
        let former = park.live.retireNamesakes(of: bay, facility: part, at: now)
        let withoutZone = park.live.bays.find(name.span, facility: 0)
        #expect(former == [try #require(withoutZone)])
        #expect(park.counts.occupied == 1)
        try park.bay("12", false, in: "level-1", .disabled)
        #expect(park.counts.knownBays == 2)
        #expect(park.counts.classes.map(\.occupied) == [0])
        #expect(park.counts.departures == 0)
        // Now that both are known they are two.
        try park.bay("12", true)
        #expect(park.live.retireNamesakes(of: bay, facility: part, at: now) == [])
        #expect(park.counts.occupied == 2)
    }

    @Test func `bays of all zones share its limit`() throws {
        let park = try ZonedCarPark()
        for bay in 0..<999 { try park.bay("\(bay)", true, in: bay % 2 == 0 ? "level-1" : nil) }
        #expect(try park.bay("last", true, in: "level-2") == .changed)
        #expect(try park.bay("beyond", true, in: "level-1") == nil)
    }
}
