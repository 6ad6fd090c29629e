import Ingest
import Journal
import Occupancy
import Parking
import Persistence
import Synchronization
import TestSupport
import Testing

/// The clocks of the simulated machine.
final class SimulatedClock: Sendable {
    private let time = Mutex(
        Moment(wallMilliseconds: 1_795_435_200_000, monotonicMilliseconds: 5000)
    )

    var now: Moment { time.withLock { $0 } }

    func change(_ body: (inout Moment) -> Void) { time.withLock { body(&$0) } }
}

/// What a message is about, and how it is read.
struct Scenery {
    let facilities: [Facility]
    let plan: IngestPlan

    init() throws {
        let zones = try ["north", "south"].map { name in
            Zone(id: try #require(ZoneIdentifier(name)), name: name, capacity: 20)
        }
        facilities = try ["gates", "bays", "counted", "levels", "zoned"].map { name in
            Facility(
                id: try #require(FacilityIdentifier(name)),
                name: name,
                capacity: 40,
                almostFull: Thresholds(rising: 30, falling: 20),
                full: Thresholds(rising: 40, falling: 35),
                staleAfter: .seconds(3600),
                zones: name == "zoned" ? zones : [],
                classes: name == "zoned" ? [ClassCapacity(.disabled, capacity: 2)] : []
            )
        }
        func rule(
            _ topic: String,
            _ kind: Rule.Kind,
            observed: Rule.Source? = nil,
            sequence: Rule.Sequence? = nil
        ) throws -> Rule {
            Rule(
                topic: try TopicPattern(topic),
                format: .json,
                observed: observed,
                sequence: sequence,
                kind: kind
            )
        }
        plan = IngestPlan(
            facilities: facilities,
            rules: [
                try rule("{facility}/in", .movement(arrivals: .constant("1"), departures: nil)),
                try rule("{facility}/out", .movement(arrivals: nil, departures: .constant("1"))),
                try rule(
                    "{facility}/bay/{bay}",
                    .bay(bay: .capture("bay"), occupied: .pointer("/o"), words: .init()),
                    observed: .pointer("/t")
                ),
                try rule(
                    "{facility}/count/+",
                    .counter(
                        arrivals: .pointer("/in"),
                        departures: .pointer("/out"),
                        wrapsAt: 4096
                    )
                ),
                try rule("{facility}/level", .occupied(.pointer("/o")), observed: .pointer("/t")),
                try rule("{facility}/state", .state(.pointer("/s"), words: .init())),
                try rule(
                    "{facility}/numbered",
                    .movement(arrivals: .pointer("/in"), departures: nil),
                    sequence: Rule.Sequence(number: .pointer("/n"), wrapsAt: 256)
                ),
            ] + (try Self.derivedRules())
        )
    }

    /// Rules whose readings are more than a field of the message.
    private static func derivedRules() throws -> [Rule] {
        var several = Rule(
            topic: try TopicPattern("{facility}/several"),
            format: .json,
            sequence: Rule.Sequence(number: .pointer("/n"), wrapsAt: 256),
            kind: .movement(arrivals: .pointer("/in"), departures: nil)
        )
        several.elements = "/counts"
        let distance = Rule(
            topic: try TopicPattern("{facility}/distance/{bay}"),
            format: .json,
            kind: .bay(
                bay: .capture("bay"),
                occupied: .pointer("/o"),
                words: .init(),
                threshold: Rule.Threshold(limit: 100, hysteresis: 20)
            )
        )
        var zoned = Rule(
            topic: try TopicPattern("{facility}/zone/{zone}/{bay}"),
            format: .json,
            kind: .bay(bay: .capture("bay"), occupied: .pointer("/o"), words: .init())
        )
        zoned.zone = .capture("zone")
        var disabled = zoned
        disabled.conditions = [Rule.Condition(.pointer("/d"), .isPresent(true))]
        disabled.bayClass = .disabled
        return [several, distance, disabled, zoned]
    }

    func occupancy() -> LiveOccupancy {
        LiveOccupancy(
            parts: plan.parts,
            bayLimit: 30,
            sensorLimit: 6,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 120),
            thresholds: facilities.map(\.thresholds)
        )
    }
}

/// What is true if every message that counted counted once: the same messages, in their order, through an ingest without
/// sessions, journals and crashes.
struct Truth {
    struct Counted {
        let message: Message
        let moment: Moment
        let session: Int
        /// 0 at QoS 0.
        let identifier: UInt16
    }

    private let scenery: Scenery
    private(set) var counted: [Counted] = []
    private(set) var occupancy: LiveOccupancy
    private var ingest: Ingest

    init(_ scenery: Scenery) {
        self.scenery = scenery
        (occupancy, ingest) = Self.begin(scenery)
    }

    private static func begin(_ scenery: Scenery) -> (LiveOccupancy, Ingest) {
        let occupancy = scenery.occupancy()
        let ingest = Ingest(
            plan: scenery.plan,
            occupancy: occupancy,
            incidents: IncidentLog()
        )
        return (occupancy, ingest)
    }

    mutating func count(_ messages: some Sequence<Counted>) {
        for item in messages {
            counted.append(item)
            let topic = Array(item.message.topic.utf8)
            let payload = Array(item.message.payload.utf8)
            ingest.receive(topic: topic.span, payload: payload.span, at: item.moment)
            ingest.commit()
        }
    }

    /// What would be true if these messages had counted, and no others.
    func after(_ log: [Counted]) -> Truth {
        if log.count == counted.count, log.last?.message == counted.last?.message { return self }
        var truth = Truth(scenery)
        truth.count(log)
        return truth
    }

    /// How an occupancy differs from this one; nil where it doesn't.
    ///
    /// - Parameter isThorough: Whether bays are recounted and histories compared.
    func difference(
        to other: LiveOccupancy,
        isThorough: Bool
    ) -> String? {
        for facility in 0..<occupancy.facilityCount {
            let (expected, actual) = (counts(occupancy, facility), counts(other, facility))
            if expected != actual {
                return "\(scenery.facilities[facility].id): \(actual) instead of \(expected)"
            }
            guard isThorough else { continue }
            if other.bays.recount(facility: facility) != occupancy.bays.recount(facility: facility)
            {
                return "\(scenery.facilities[facility].id): bays and their counter differ"
            }
            // All of it: what lies outside the clock's span now may lie inside when the clock steps.
            for place in 0..<occupancy.historyShape.stepCount
            where occupancy.image(ofHistory: facility, place: place)
                != other.image(ofHistory: facility, place: place)
            {
                return "\(scenery.facilities[facility].id): the histories differ"
            }
        }
        return isThorough ? differenceOfSensors(to: other) : nil
    }

    /// How the sensors' own memories differ: what the next message of each means.
    private func differenceOfSensors(to other: LiveOccupancy) -> String? {
        guard occupancy.counters.count == other.counters.count,
            occupancy.sequences.count == other.sequences.count,
            occupancy.bays.count == other.bays.count
        else { return "other bays or sensors are known" }
        for sensor in 0..<occupancy.counters.count
        where occupancy.image(ofCounter: sensor) != other.image(ofCounter: sensor) {
            return "the totals of counter \(sensor) differ"
        }
        for sensor in 0..<occupancy.sequences.count
        where occupancy.sequences.window(of: sensor) != other.sequences.window(of: sensor) {
            return "the numbers of sensor \(sensor) differ"
        }
        for bay in 0..<occupancy.bays.count
        where occupancy.image(ofBay: bay) != other.image(ofBay: bay) {
            return "the words of bay \(bay) differ"
        }
        return nil
    }

    private func counts(_ occupancy: LiveOccupancy, _ facility: Int) -> FacilityCounts {
        var counts = occupancy.counts(of: facility)
        // The age of a facility is right to a step of the wall clock only.
        counts.heardMonotonicMilliseconds = counts.heardMonotonicMilliseconds.map { _ in 0 }
        return counts
    }
}

/// The daemon's rooms between two crashes.
final class SimulatedDaemon {
    let occupancy: LiveOccupancy
    let journal: OccupancyJournal
    let report: RecoveryReport
    private(set) var ingests: [Ingest]

    /// Starts as a new process would.
    init(
        _ scenery: Scenery,
        at place: SimulatedPlace,
        clock: SimulatedClock,
        sessions: Int,
        limits: OccupancyJournal.Limits,
        forgetsWindow: Bool
    ) throws(JournalError) {
        let occupancy = scenery.occupancy()
        self.occupancy = occupancy
        let (journal, report) = try OccupancyJournal.open(
            place,
            occupancy: occupancy,
            facilities: scenery.facilities.map(\.id),
            limits: limits,
            clock: { clock.now }
        )
        (self.journal, self.report) = (journal, report)
        ingests = (0..<sessions).map { session in
            Ingest(
                plan: scenery.plan,
                occupancy: occupancy,
                incidents: IncidentLog(),
                log: journal.log(session: "\(session)"),
                window: forgetsWindow
                    ? DeliveryWindow() : journal.window(session: "\(session)")
            )
        }
    }
}
