import Occupancy
import Parking
import Testing

private let minute: Int64 = 60_000
private let start: Int64 = 1_795_435_200_000  // 2026-11-23T12:00:00Z

/// Bays that nobody hears, in a car park where that makes them unknown after an hour.
@Suite struct `A silent bay` {
    private let park: ZonedCarPark

    init() throws { park = try ZonedCarPark(baySilence: .seconds(3600)) }

    private func sweep(_ minutes: Int64) {
        park.live.markSilentBays(at: Moment(recordedMilliseconds: start + minutes * minute))
    }

    @discardableResult
    private func bay(
        _ name: String,
        _ occupied: Bool,
        in zone: String? = nil,
        _ bayClass: BayClass? = nil,
        observed: Int64? = nil,
        isRetained: Bool = false,
        after minutes: Int64
    ) throws -> LiveOccupancy.Effect? {
        try park.bay(
            name,
            occupied,
            in: zone,
            bayClass,
            observed: observed.map { start + $0 * minute },
            isRetained: isRetained,
            at: start + minutes * minute
        )
    }

    @Test func `is unknown, and neither occupied nor free`() throws {
        try bay("1", true, in: "level-1", .disabled, after: 0)
        try bay("2", false, in: "level-1", after: 0)
        try bay("3", true, in: "level-2", after: 30)
        sweep(60)
        #expect(park.counts.unknownBays == 0)
        sweep(61)
        let counts = park.counts
        #expect(counts.occupied == 1)
        #expect(counts.unknownBays == 2)
        #expect(counts.knownBays == 3)
        #expect(counts.zones.map(\.unknown) == [2, 0])
        #expect(counts.zones.map(\.occupied) == [nil, 1])
        #expect(counts.classes == [PartStatus(occupied: nil, unknown: 1)])
        #expect(counts.zones[1].free(capacity: 200) == 199)
        let status = FacilityStatus(
            occupied: counts.occupied,
            observedMilliseconds: nil,
            state: .open,
            trend: nil,
            isStale: false,
            unknown: counts.unknownBays
        )
        #expect(status.free(capacity: 521) == 518)
        sweep(62)
        #expect(park.counts == counts)
        #expect(park.live.bays.recount(facility: try park.part("level-1")) == 0)
    }

    @Test func `leaves nothing known where it was the last one`() throws {
        try bay("1", true, after: 0)
        sweep(61)
        #expect(park.counts.occupied == nil)
        #expect(park.counts.unknownBays == 1)
    }

    @Test(arguments: [true, false], [true, false])
    func `that comes back is seen for the first time, swept or not`(
        isSwept: Bool,
        occupied: Bool
    ) throws {
        try bay("1", true, in: "level-1", after: 0)
        if isSwept { sweep(61) }
        try bay("1", occupied, in: "level-1", after: 62)
        #expect(park.counts.occupied == (occupied ? 1 : 0))
        #expect(park.counts.unknownBays == 0)
        #expect(park.counts.arrivals == 0)
        #expect(park.counts.departures == 0)
        try bay("1", !occupied, in: "level-1", after: 63)
        #expect(park.counts.arrivals + park.counts.departures == 1)
        #expect(park.counts.occupied == (occupied ? 0 : 1))
    }

    @Test func `whose reading came before the sweep moved, though the sweep was first`() throws {
        try bay("1", true, after: 0)
        sweep(61)
        #expect(try bay("1", false, after: 59) == .changed)
        #expect(park.counts.departures == 1)
        #expect(park.counts.occupied == 0)
        #expect(park.counts.unknownBays == 0)
    }

    @Test(arguments: [-5, 3, 50_000, 10_000_000] as [Int64])
    func `is one that we did not hear, whatever its clock says`(minutesBehind: Int64) throws {
        try bay("1", true, observed: -minutesBehind, after: 0)
        sweep(58)
        #expect(park.counts.unknownBays == 0)
        // With a clock that is months behind the hour of hearing is kept to the day.
        sweep(66 + (minutesBehind > 45 * 1440 ? 1440 : 0))
        #expect(park.counts.unknownBays == 1)
    }

    @Test func `is none that repeats an old time again and again`() throws {
        for now in stride(from: Int64(0), through: 300, by: 30) {
            try bay("1", true, observed: 0, after: now)
            sweep(now + 1)
            #expect(park.counts.occupied == 1)
        }
        sweep(365)
        #expect(park.counts.unknownBays == 1)
    }

    @Test func `is not heard by what the broker kept`() throws {
        try bay("1", true, after: 0)
        try bay("1", true, isRetained: true, after: 50)
        try bay("2", true, observed: -90, isRetained: true, after: 50)
        try bay("3", true, isRetained: true, after: 50)
        #expect(park.counts.occupied == 2)
        #expect(park.counts.unknownBays == 1)
        sweep(61)
        #expect(park.counts.occupied == 1)
        try bay("1", false, isRetained: true, after: 62)
        try bay("2", false, observed: -90, isRetained: true, after: 62)
        #expect(park.counts.unknownBays == 2)
        #expect(park.counts.departures == 0)
        sweep(111)
        #expect(park.counts.unknownBays == 3)
        #expect(park.counts.occupied == nil)
    }

    @Test func `does not come back by what is older than is known`() throws {
        try bay("1", true, observed: 0, after: 0)
        sweep(61)
        #expect(try bay("1", false, observed: -10, after: 70) == .late)
        #expect(park.counts.unknownBays == 1)
    }

    private static let month: Int64 = 30 * 1440

    @Test(arguments: [true, false])
    func `is no bay any more after a month`(isSwept: Bool) throws {
        try bay("1", true, in: "level-1", .disabled, after: 0)
        if isSwept { sweep(61) }
        sweep(Self.month)
        #expect(park.counts.unknownBays == 1)
        sweep(Self.month + 1)
        #expect(park.counts.unknownBays == 0)
        #expect(park.counts.knownBays == 0)
        #expect(park.counts.occupied == nil)
        #expect(park.counts.classes == [PartStatus(occupied: nil)])
        // Who comes back is new, whatever its clock says.
        try bay("1", false, in: "level-1", observed: -10, after: Self.month + 2)
        #expect(park.counts.zones.map(\.occupied) == [0, nil])
        #expect(park.counts.knownBays == 1)
        #expect(park.counts.departures == 0)
    }

    @Test(arguments: [true, false])
    func `of a month ago is new, swept or not`(isSwept: Bool) throws {
        try bay("1", true, after: 0)
        if isSwept { sweep(Self.month + 1) }
        let now = Moment(recordedMilliseconds: start + (Self.month + 1) * minute)
        #expect(park.live.occupied(bay: Array("1".utf8).span, facility: 0, at: now) == nil)
        #expect(try bay("1", false, observed: -10, after: Self.month + 1) == .changed)
        #expect(park.counts.occupied == 0)
        #expect(park.counts.knownBays == 1)
        #expect(park.counts.departures == 0)
    }

    @Test(arguments: [true, false])
    func `of a month ago gives way to its namesake, swept or not`(isSwept: Bool) throws {
        try bay("1", true, in: "level-1", after: 0)
        try bay("1", true, after: Self.month + 1)
        if isSwept { sweep(Self.month + 2) }
        let place = try park.part("level-1")
        let name = Array("1".utf8)
        let known = park.live.bay(name.span, facility: place)
        let number = try #require(known)
        let now = Moment(recordedMilliseconds: start + (Self.month + 3) * minute)
        let retired = park.live.retireNamesakes(of: number, facility: place, at: now)
        #expect(retired.count == 1)
    }

    @Test func `is remembered for ten times a long silence`() throws {
        let park = try ZonedCarPark(baySilence: .seconds(10 * 86_400))
        try park.bay("1", true, at: start)
        for (days, unknown) in [(31, 1), (99, 1), (100, 0)] as [(Int64, Int)] {
            park.live.markSilentBays(
                at: Moment(recordedMilliseconds: start + days * 1440 * minute + 1)
            )
            #expect(park.counts.unknownBays == unknown)
        }
    }

    @Test func `changes nothing where a gate counts`() throws {
        try bay("1", true, in: "level-1", after: 0)
        try bay("2", true, in: "level-2", after: 0)
        try park.level(30, in: "level-1", at: start)
        sweep(61)
        #expect(park.counts.zones.map(\.unknown) == [0, 1])
        #expect(park.counts.unknownBays == 1)
        #expect(park.counts.occupied == 30)
        try park.level(50, at: start)
        #expect(park.counts.unknownBays == 0)
        #expect(park.counts.occupied == 50)
    }

    @Test func `is kept without its mark, which the times give again`() throws {
        try bay("1", true, in: "level-1", .disabled, after: 0)
        sweep(61)
        let again = try ZonedCarPark(baySilence: .seconds(3600))
        let restored = park.live.withName(ofBay: 0) { name, place in
            again.live.restoreBay(name, facility: place, word: park.live.image(ofBay: 0))
        }
        #expect(restored)
        #expect(again.counts.classes == [PartStatus(occupied: 1)])
        again.live.markSilentBays(at: Moment(recordedMilliseconds: start + 61 * minute))
        #expect(again.counts.classes == park.counts.classes)
        #expect(again.counts.zones == park.counts.zones)
    }

    @Test func `is found by the board within a minute, and before its first snapshot`() throws {
        let facility = Facility(
            id: try #require(FacilityIdentifier("a")),
            name: "a",
            capacity: 10,
            baySilence: .seconds(3600)
        )
        let live = LiveOccupancy(
            facilities: [facility],
            bayLimit: 10,
            sensorLimit: 10,
            history: HistoryShape(stepMilliseconds: minute, stepCount: 60)
        )
        var board = StatusBoard(facilities: [facility], occupancy: live, trendWindow: .seconds(60))
        live.bay("1", true, at: start)
        live.bay("2", false, at: start + minute)
        let first = board.refresh(at: Moment(recordedMilliseconds: start + 61 * minute - 1000))
        #expect(first.map(\.after.unknown) == [1])
        #expect(first.map(\.after.occupied) == [0])
        #expect(first.map { $0.after.free(capacity: 10) } == [9])
        let second = board.refresh(at: Moment(recordedMilliseconds: start + 62 * minute))
        #expect(second.map(\.after.unknown) == [2])
        #expect(second.map(\.after.state) == [.unknown])
    }

    @Test func `is none where nobody asked`() throws {
        let park = try ZonedCarPark()
        try park.bay("1", true, at: start)
        park.live.markSilentBays(at: Moment(recordedMilliseconds: .max))
        #expect(park.counts.occupied == 1)
        #expect(park.counts.unknownBays == 0)
    }
}
