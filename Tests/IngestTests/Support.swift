import Ingest
import Occupancy
import Parking
import Testing

/// A plan, an occupancy and an ingest of two facilities, and what a test does with them.
final class Bench {
    static let noon: Int64 = 1_795_435_200_000  // 2026-11-23T12:00:00Z

    let occupancy: LiveOccupancy
    let incidents = IncidentLog()
    let tally = IngestTally()
    let plan: IngestPlan
    let ingest: Ingest
    var now = Moment(recordedMilliseconds: Bench.noon)

    init(_ rules: [Rule], limits: IngestLimits = IngestLimits(), sensors: Int = 100) throws {
        let facilities = try ["podium", "station"].map { id in
            Facility(id: try #require(FacilityIdentifier(id)), name: id, capacity: 100)
        }
        plan = IngestPlan(facilities: facilities, rules: rules, limits: limits)
        occupancy = LiveOccupancy(
            facilityCount: facilities.count,
            bayLimit: 50,
            sensorLimit: sensors,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 60)
        )
        ingest = Ingest(plan: plan, occupancy: occupancy, incidents: incidents, tally: tally)
    }

    func send(_ topic: String, _ payload: [UInt8], isRetained: Bool = false) {
        let topic = Array(topic.utf8)
        ingest.receive(
            topic: topic.span,
            payload: payload.span,
            isRetained: isRetained,
            at: now
        )
        ingest.commit()
    }

    func send(_ topic: String, _ payload: String, isRetained: Bool = false) {
        send(topic, Array(payload.utf8), isRetained: isRetained)
    }

    /// Lets time pass.
    func wait(_ duration: Duration) {
        now.wallMilliseconds += duration.wholeMilliseconds
        now.monotonicMilliseconds += duration.wholeMilliseconds
    }

    var occupied: Int? { occupancy.counts(of: 0).occupied }

    /// What went wrong since the last time, most frequent first.
    func takeIncidents() -> [Incident] { incidents.take().map(\.incident) }
}

/// A rule whose topic is known to be right.
func rule(
    _ topic: String,
    _ format: Rule.Format = .json,
    facility: Rule.Source = .capture("facility"),
    observed: Rule.Source? = nil,
    yields kind: Rule.Kind
) throws -> Rule {
    Rule(
        topic: try TopicPattern(topic),
        format: format,
        facility: facility,
        observed: observed,
        kind: kind
    )
}

/// The rule for bays of the configuration's example.
func bayRule(words: [String: Bool] = [:]) throws -> Rule {
    try rule(
        "bath/{facility}/bay/{bay}",
        observed: .pointer("/time"),
        yields: .bay(bay: .capture("bay"), occupied: .pointer("/occupied"), words: .init(words))
    )
}

/// A rule for a counter whose totals wrap.
func counterRule(wrapsAt: Int? = 65_536, observed: Rule.Source? = nil) throws -> Rule {
    try rule(
        "bath/{facility}/count",
        observed: observed,
        yields: .counter(arrivals: .pointer("/in"), departures: .pointer("/out"), wrapsAt: wrapsAt)
    )
}
