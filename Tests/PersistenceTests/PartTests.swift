import Journal
import Occupancy
import Parking
import Persistence
import TestSupport
import Testing

@testable import Ingest

/// A zoned car park over a journal, from one start to the next: readings of parts, without the rules that make them.
private final class ZonedLife {
    let occupancy: LiveOccupancy
    let journal: OccupancyJournal
    let report: RecoveryReport
    private let log: SessionLog
    private let clock: Clock

    init(
        _ place: any JournalPlace,
        clock: Clock,
        zones: [String],
        facilities names: [String] = ["podium", "street"],
        baySilence: Duration? = nil,
        counted: [String]? = nil
    ) throws {
        self.clock = clock
        let facilities = try names.map { name in
            Facility(
                id: try #require(FacilityIdentifier(name)),
                name: name,
                capacity: 521,
                zones: name == "podium"
                    ? try zones.map {
                        Zone(id: try #require(ZoneIdentifier($0)), name: $0, capacity: 100)
                    } : [],
                classes: name == "podium" ? [ClassCapacity(.disabled, capacity: 20)] : [],
                baySilence: baySilence
            )
        }
        occupancy = LiveOccupancy(
            facilities: facilities,
            bayLimit: 1000,
            sensorLimit: 100,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 60)
        )
        (journal, report) = try OccupancyJournal.open(
            place,
            occupancy: occupancy,
            facilities: facilities.map(\.id),
            counted: counted.map { [parts = occupancy.parts] identifiers in
                Set((0..<parts.count).filter { identifiers.contains(parts.identifier(of: $0)) })
            },
            clock: { clock.now }
        )
        log = journal.log(session: "test")
    }

    /// Commits one reading.
    func read(
        _ reading: Reading,
        _ name: String = "",
        facility: Int = 0,
        in zone: String? = nil,
        _ bayClass: BayClass? = nil
    ) throws {
        let parts = occupancy.parts
        let number = try zone.map { try #require(parts.zone($0, facility: facility)) }
        let part = try #require(parts.part(facility: facility, zone: number, class: bayClass))
        let name = Array(name.utf8)
        var writer = RecordWriter()
        writer.append(
            ReadingRecord(reading: reading, facility: part, isRetained: false),
            name: name.span,
            sensor: Span(),
            at: clock.now
        )
        var batch = Batch()
        batch.records = writer.bytes
        batch.deliveries = [
            DeliveryMark(packetIdentifier: 1, topic: name.span, payload: Span())
        ]
        var applier = ReadingApplier(occupancy: occupancy)
        var failure: (any Error)?
        log.commit(batch) { touched in
            do {
                try applier.apply(
                    writer.bytes.span,
                    facilities: Array(0..<parts.count),
                    at: clock.now,
                    touched: &touched
                )
            } catch {
                failure = error
            }
        }
        #expect(failure == nil)
    }

    /// One of everything that a part can be told.
    func fill() throws {
        try read(.bay(occupied: true), "1", in: "level-1", .disabled)
        try read(.bay(occupied: true), "2", in: "level-1")
        try read(.bay(occupied: true), "1", in: "level-2")
        try read(.bay(occupied: false), "2", in: "level-2", .disabled)
        try read(.bay(occupied: true), "9", in: nil, .disabled)
        try read(.occupied(40), in: "level-2")
        try read(.occupied(3), in: "level-1", .disabled)
        try read(.movement(arrivals: 2, departures: 1), in: "level-2")
        try read(.bay(occupied: true), "1", facility: 1)
    }

    var counts: FacilityCounts { occupancy.counts(of: 0) }
}

@Suite struct `Zones and classes` {
    private let directory = ScratchDirectory()
    private let clock = Clock()

    /// What a process that was killed leaves, or one that ended.
    private func next(
        _ life: ZonedLife,
        isClosed: Bool,
        zones: [String],
        facilities: [String] = ["podium", "street"],
        baySilence: Duration? = nil,
        counted: [String]? = nil
    ) throws -> ZonedLife {
        if isClosed { life.journal.close() }
        let source = "state-\(directory.names().count - 1)"
        let name = "state-\(directory.names().count)"
        let copy = JournalDirectory(path: directory.path(name))
        try copy.prepare()
        for file in directory.names(in: source) {
            let bytes = try #require(directory.read("\(source)/\(file)"))
            directory.write(bytes, to: "\(name)/\(file)")
        }
        return try ZonedLife(
            copy,
            clock: clock,
            zones: zones,
            facilities: facilities,
            baySilence: baySilence,
            counted: counted
        )
    }

    private func first(_ zones: [String], baySilence: Duration? = nil) throws -> ZonedLife {
        let place = JournalDirectory(path: directory.path("state-0"))
        return try ZonedLife(place, clock: clock, zones: zones, baySilence: baySilence)
    }

    @Test(arguments: [true, false]) func `survive a restart`(isClosed: Bool) throws {
        let before = try first(["level-1", "level-2"])
        try before.fill()
        let counts = before.counts
        #expect(counts.occupied == 1 + 3 + 41 + 1)
        let after = try next(before, isClosed: isClosed, zones: ["level-1", "level-2"])
        #expect(after.counts == counts)
        #expect(after.report.absentFacilities == [])
        try after.read(.bay(occupied: true), "1", in: "level-1")
        #expect(after.counts.arrivals == counts.arrivals)
        #expect(after.counts.knownBays == counts.knownBays)
    }

    @Test(arguments: [true, false])
    func `may change their order, leave and come back`(isClosed: Bool) throws {
        let before = try first(["level-1", "level-2"])
        try before.fill()
        let counts = before.counts
        let without = try next(before, isClosed: isClosed, zones: ["level-1"])
        #expect(
            without.report.absentFacilities == [
                "podium/level-2", "podium/level-2/disabled",
            ]
        )
        #expect(without.counts.zones == [counts.zones[0]])
        #expect(without.counts.occupied == 1 + 3 + 1)
        #expect(without.counts.knownBays == 3)
        try without.read(.bay(occupied: true), "7", in: "level-1")
        let back = try next(
            without,
            isClosed: isClosed,
            zones: ["new", "level-2", "level-1"],
            facilities: ["street", "podium"]
        )
        #expect(back.report.absentFacilities == [])
        let podium = back.occupancy.counts(of: 1)
        #expect(podium.zones.map(\.occupied) == [nil, 41, 5])
        #expect(podium.classes == counts.classes)
        #expect(podium.occupied == 41 + 5 + 1)
        #expect(back.occupancy.counts(of: 0).occupied == 1)
    }

    /// The parts that `ZonedLife.fill()` gives counts of their own, and the facility.
    private static let all = [
        "podium", "podium/level-1", "podium/level-1/disabled", "podium/level-2",
    ]

    @Test(arguments: [true, false])
    func `have a count of their own for as long as something gives it`(isClosed: Bool) throws {
        let zones = ["level-1", "level-2"]
        let before = try first(zones)
        try before.fill()
        try before.read(.occupied(70))
        let counts = before.counts
        #expect(counts.occupied == 70)
        let without = try next(
            before,
            isClosed: isClosed,
            zones: zones,
            counted: ["podium/level-2"]
        )
        #expect(without.report.countsAside == ["podium", "podium/level-1/disabled"])
        // A zone's own count is still one; the bays that are heard speak for themselves.
        #expect(without.counts.zones.map(\.occupied) == [2, 41])
        #expect(without.counts.occupied == 2 + 41 + 1)
        try without.read(.bay(occupied: true), "8")
        #expect(without.counts.occupied == 2 + 41 + 2)
        // Said once, and still so.
        let again = try next(
            without,
            isClosed: isClosed,
            zones: zones,
            counted: ["podium/level-2"]
        )
        #expect(again.report.countsAside == [])
        #expect(again.counts == without.counts)
        let back = try next(again, isClosed: isClosed, zones: zones, counted: Self.all)
        #expect(back.counts.occupied == 70)
        #expect(back.counts.zones.map(\.occupied) == counts.zones.map(\.occupied))
        try back.read(.movement(arrivals: 3, departures: 0))
        let last = try next(back, isClosed: isClosed, zones: zones, counted: Self.all)
        #expect(last.counts.occupied == 73)
    }

    @Test func `leave no trace of a count that was put aside`() throws {
        let zones = ["level-1", "level-2"]
        let before = try first(zones)
        try before.read(.occupied(400))
        let without = try next(
            before,
            isClosed: true,
            zones: zones,
            counted: ["podium/level-1"]
        )
        clock.advance(.seconds(120))
        try without.read(.bay(occupied: true), "1", in: "level-2")
        try without.read(.movement(arrivals: 3, departures: 0), in: "level-1")
        #expect(without.counts.occupied == 4)
        #expect(without.counts.arrivals == 3)
        let after = try next(
            without,
            isClosed: false,
            zones: zones,
            counted: ["podium/level-1"]
        )
        #expect(after.counts == without.counts)
        let histories = [without, after].map { $0.occupancy.history(of: 0, at: clock.now) }
        #expect(histories[0] == histories[1])
    }

    @Test(arguments: [true, false])
    func `leave with their facility and come back with it`(isClosed: Bool) throws {
        let before = try first(["level-1", "level-2"])
        try before.fill()
        let counts = before.counts
        let without = try next(before, isClosed: isClosed, zones: [], facilities: ["street"])
        #expect(without.report.absentFacilities.first == "podium")
        #expect(without.report.absentFacilities.count == 6)
        try without.read(.bay(occupied: true), "2")
        let back = try next(without, isClosed: isClosed, zones: ["level-1", "level-2"])
        #expect(back.counts == counts)
        #expect(back.occupancy.counts(of: 1).occupied == 2)
    }

    @Test(arguments: [true, false])
    func `of a car park that had none don't have its bays twice`(isClosed: Bool) throws {
        let before = try first([])
        for bay in 0..<10 {
            try before.read(.bay(occupied: bay < 4), "\(bay)", in: nil, bay == 0 ? .disabled : nil)
        }
        #expect(before.counts.occupied == 4)
        let divided = try next(before, isClosed: isClosed, zones: ["level-1"])
        #expect(divided.counts.occupied == 4)
        for bay in 0..<5 {
            try divided.read(.bay(occupied: bay < 4), "\(bay)", in: "level-1")
        }
        #expect(divided.counts.zones.map(\.occupied) == [4])
        #expect(divided.counts.occupied == 4)
        #expect(divided.counts.classes.map(\.occupied) == [nil])
        let after = try next(divided, isClosed: isClosed, zones: ["level-1"])
        #expect(after.counts == divided.counts)
        #expect(after.counts.knownBays == 10)
    }

    @Test func `that leave and come back don't have their bays twice`() throws {
        let before = try first(["level-1"])
        for bay in 0..<4 { try before.read(.bay(occupied: true), "\(bay)", in: "level-1") }
        let without = try next(before, isClosed: true, zones: [])
        #expect(without.counts.occupied == nil)
        for bay in 0..<4 { try without.read(.bay(occupied: true), "\(bay)") }
        let back = try next(without, isClosed: true, zones: ["level-1"])
        #expect(back.counts.occupied == 4)
        for bay in 0..<4 { try back.read(.bay(occupied: false), "\(bay)", in: "level-1") }
        #expect(back.counts.occupied == 0)
        #expect(back.counts.knownBays == 4)
    }

    @Test(arguments: [true, false])
    func `know after a restart which bays are silent`(isClosed: Bool) throws {
        let silence = Duration.seconds(3600)
        let before = try first(["level-1"], baySilence: silence)
        try before.read(.bay(occupied: true), "1", in: "level-1")
        clock.advance(.seconds(2400))
        try before.read(.bay(occupied: true), "2", in: "level-1")
        clock.advance(.seconds(2400))
        before.occupancy.markSilentBays(at: clock.now)
        try before.read(.bay(occupied: false), "1", in: "level-1")
        #expect(before.counts.departures == 0)
        clock.advance(.seconds(2400))
        before.occupancy.markSilentBays(at: clock.now)
        let counts = before.counts
        #expect(counts.zones == [PartStatus(occupied: 0, unknown: 1)])
        let after = try next(before, isClosed: isClosed, zones: ["level-1"], baySilence: silence)
        after.occupancy.markSilentBays(at: clock.now)
        #expect(after.counts == counts)
    }
}
