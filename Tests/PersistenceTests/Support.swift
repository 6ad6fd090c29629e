import Ingest
import Journal
import Occupancy
import Parking
import Persistence
import Synchronization
import TestSupport
import Testing

/// A clock that a test sets.
final class Clock: Sendable {
    private let time: Mutex<Moment>

    init(_ milliseconds: Int64 = 1_795_435_200_000) {  // 2026-11-23T12:00:00Z
        time = Mutex(Moment(recordedMilliseconds: milliseconds))
    }

    var now: Moment { time.withLock { $0 } }

    func advance(_ duration: Duration) {
        time.withLock {
            $0.wallMilliseconds += duration.wholeMilliseconds
            $0.monotonicMilliseconds += duration.wholeMilliseconds
        }
    }

    /// Sets the wall clock, as a person or NTP would.
    func setWall(_ milliseconds: Int64) {
        time.withLock { $0.wallMilliseconds = milliseconds }
    }

    /// The machine starts again: the monotonic clock begins anew.
    func reboot() {
        time.withLock { $0.monotonicMilliseconds = 1000 }
    }
}

/// A daemon's life between two crashes: rules, occupancy, journal and an ingest.
final class Life {
    let occupancy: LiveOccupancy
    let journal: OccupancyJournal
    let report: RecoveryReport
    let ingest: Ingest
    let incidents = IncidentLog()
    let tally = IngestTally()
    let clock: Clock
    let place: any JournalPlace
    private var identifier: UInt16 = 0

    /// Opens the journal at this place as a new process would.
    init(
        _ place: any JournalPlace,
        clock: Clock,
        facilities names: [String] = ["a", "b"],
        step: Int64 = 60_000,
        sensors: Int = 1000,
        limits: OccupancyJournal.Limits = OccupancyJournal.Limits()
    ) throws {
        self.clock = clock
        self.place = place
        let facilities = try names.map { name in
            Facility(
                id: try #require(FacilityIdentifier(name)),
                name: name,
                capacity: 100,
                almostFull: Thresholds(rising: 80, falling: 70),
                full: Thresholds(rising: 100, falling: 95)
            )
        }
        occupancy = LiveOccupancy(
            facilityCount: facilities.count,
            bayLimit: 5000,
            sensorLimit: sensors,
            history: HistoryShape(stepMilliseconds: step, stepCount: 1440),
            thresholds: facilities.map(\.thresholds)
        )
        (journal, report) = try OccupancyJournal.open(
            place,
            occupancy: occupancy,
            facilities: facilities.map(\.id),
            limits: limits,
            clock: { clock.now }
        )
        ingest = Ingest(
            plan: IngestPlan(facilities: facilities, rules: try Self.rules()),
            occupancy: occupancy,
            incidents: incidents,
            tally: tally,
            log: journal.log(session: "test"),
            window: journal.window(session: "test")
        )
    }

    private static func rules() throws -> [Rule] {
        func rule(_ topic: String, _ kind: Rule.Kind, _ sequence: Rule.Sequence? = nil) throws
            -> Rule
        {
            Rule(
                topic: try TopicPattern(topic),
                format: .json,
                observed: .pointer("/t"),
                sequence: sequence,
                kind: kind
            )
        }
        return [
            try rule(
                "{facility}/bay/{bay}",
                .bay(bay: .capture("bay"), occupied: .pointer("/o"), words: .init())
            ),
            try rule(
                "{facility}/gate",
                .movement(arrivals: .pointer("/in"), departures: .pointer("/out"))
            ),
            try rule(
                "{facility}/count/+",
                .counter(arrivals: .pointer("/in"), departures: .pointer("/out"), wrapsAt: 65_536)
            ),
            try rule("{facility}/level", .occupied(.pointer("/o"))),
            try rule("{facility}/free", .vacant(.pointer("/f"))),
            try rule(
                "{facility}/numbered",
                .movement(arrivals: .constant("1"), departures: nil),
                Rule.Sequence(number: .pointer("/n"))
            ),
            try rule("{facility}/state", .state(.pointer("/s"), words: .init())),
        ]
    }

    /// Receives a message at QoS 1.
    func receive(_ topic: String, _ payload: String, again identifier: UInt16? = nil) {
        self.identifier += identifier == nil ? 1 : 0
        let topic = Array(topic.utf8)
        let payload = Array(payload.utf8)
        ingest.receive(
            topic: topic.span,
            payload: payload.span,
            promise: Promise(
                packetIdentifier: identifier ?? self.identifier,
                mayBeRedelivery: identifier != nil
            ),
            at: clock.now
        )
    }

    /// Receives and commits a message at QoS 1.
    func send(_ topic: String, _ payload: String) {
        receive(topic, payload)
        ingest.commit()
    }

    /// Receives and commits a message at QoS 0.
    func hear(_ topic: String, _ payload: String) {
        let topic = Array(topic.utf8)
        let payload = Array(payload.utf8)
        ingest.receive(topic: topic.span, payload: payload.span, at: clock.now)
        ingest.commit()
    }

    func occupied(_ facility: Int = 0) -> Int? { occupancy.counts(of: facility).occupied }

    /// All that a feed could show, for a comparison.
    func state() -> [FacilityCounts] {
        (0..<occupancy.facilityCount).map { occupancy.counts(of: $0) }
    }

    func history(_ facility: Int = 0) -> [HistorySlot?] {
        occupancy.history(of: facility, at: clock.now).slots
    }
}
