import Ingest
import Occupancy
import Parking
import TestSupport
import Testing

/// The real ingest and occupancy under a seeded, hostile schedule, against a plain model.
///
/// The schedule repeats, delays and reorders messages, steps the clock both ways, sends nonsense, floods names, and
/// resets counters. After each step the published occupancy equals the model's, and every counter a recount.
@Suite struct `Ingest simulation` {
    /// How many seeds are tried: 40, or what `make soak SEEDS=…` asks for.
    private static let seeds = UInt64(max(1, environmentNumber("CARPARKD_SEEDS", otherwise: 40)))

    @Test(arguments: 1...seeds) func `the occupancy equals the model's after every step`(
        seed: UInt64
    ) throws {
        var world = try World(seed: seed)
        for step in 0..<1500 {
            let message = world.step()
            let counts = world.live.counts(of: 0)
            let gate = world.live.counts(of: 1)
            let context = "seed \(seed), step \(step), \(message)"
            try #require(counts.occupied == world.model.occupiedBays, "\(context)")
            try #require(world.live.bays.recount(facility: 0) == counts.occupied ?? 0, "\(context)")
            try #require(gate.occupied == world.model.count, "\(context)")
            try #require(gate.arrivals == world.model.arrivals, "\(context)")
            try #require(gate.drift == world.model.drift, "\(context)")
        }
        let history = world.live.history(of: 1, at: world.now)
        let arrivals = history.slots.reduce(0) { $0 + ($1?.arrivals ?? 0) }
        #expect(arrivals <= world.model.arrivals)
    }
}

/// What should be known, kept in the plainest way there is.
private struct Model {
    var bays: [String: (occupied: Bool, observed: Int64)] = [:]
    var count: Int?
    var arrivals = 0
    var drift = 0
    var total: Int?

    var occupiedBays: Int? { bays.isEmpty ? nil : bays.values.count { $0.occupied } }

    /// When a bay was observed last; 0 where that lies ahead, after the clock was set back.
    func observed(_ name: String, at now: Int64) -> Int64 {
        let known = bays[name]?.observed ?? 0
        return known > now + 300_000 ? 0 : known
    }

    mutating func bay(_ name: String, _ occupied: Bool, _ observed: Int64, at now: Int64) {
        if self.observed(name, at: now) > observed { return }
        guard bays[name] != nil || bays.count < 20 else { return }
        bays[name] = (occupied, observed)
    }

    mutating func move(_ arrived: Int, _ departed: Int) {
        arrivals += arrived
        let sum = (count ?? 0) + arrived - departed
        count = max(0, sum)
        drift += max(0, -sum)
    }

    mutating func counter(_ new: Int) {
        defer { total = new }
        guard let total else { return move(0, 0) }
        let difference = new >= total ? new - total : new + 256 - total
        let isReset = new < total && difference > 32
        move(isReset ? 0 : difference, 0)
    }
}

private struct World {
    let live: LiveOccupancy
    let ingest: Ingest
    var model = Model()
    var now = Moment(recordedMilliseconds: 1_795_435_200_000)
    private var random: SeededRandom
    private var sensorTotal = 0
    private var heldBack: [(name: String, occupied: Bool, observed: Int64)] = []

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        let facilities = try ["bays", "gate"].map {
            Facility(id: try #require(FacilityIdentifier($0)), name: $0, capacity: 20)
        }
        let plan = IngestPlan(
            facilities: facilities,
            rules: [
                Rule(
                    topic: try TopicPattern("{facility}/bay/{bay}"),
                    format: .json,
                    observed: .pointer("/t"),
                    kind: .bay(bay: .capture("bay"), occupied: .pointer("/o"), words: .init())
                ),
                Rule(
                    topic: try TopicPattern("{facility}/move"),
                    format: .json,
                    kind: .movement(arrivals: .pointer("/in"), departures: .pointer("/out"))
                ),
                Rule(
                    topic: try TopicPattern("{facility}/total"),
                    format: .text,
                    kind: .counter(arrivals: .pointer(""), departures: nil, wrapsAt: 256)
                ),
                Rule(
                    topic: try TopicPattern("{facility}/level"),
                    format: .text,
                    kind: .occupied(.pointer(""))
                ),
            ]
        )
        live = LiveOccupancy(
            facilityCount: 2,
            bayLimit: 20,
            sensorLimit: 4,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 1440)
        )
        ingest = Ingest(plan: plan, occupancy: live, incidents: IncidentLog())
    }

    /// Does one thing that the world may do, to the ingest and to the model, and says what.
    mutating func step() -> String {
        now.wallMilliseconds += Int64.random(in: 0...5000, using: &random)
        now.monotonicMilliseconds += 2500
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35: return bay(delay: 0)
        case 35..<45: return bay(delay: Int64.random(in: 0...600_000, using: &random))
        case 45..<50: return repeatHeldBack()
        case 50..<65: return movement()
        case 65..<80: return total()
        case 80..<84: return level()
        case 84..<86: return stepClock()
        default: return nonsense()
        }
    }

    private mutating func bay(delay: Int64) -> String {
        let name = "\(Int.random(in: 0..<25, using: &random))"
        let occupied = Bool.random(using: &random)
        let observed = now.wallMilliseconds - delay
        if heldBack.count < 50 { heldBack.append((name, occupied, observed)) }
        return send(name, occupied, observed)
    }

    private mutating func repeatHeldBack() -> String {
        guard let message = heldBack.randomElement(using: &random) else { return "nothing" }
        return send(message.name, message.occupied, message.observed)
    }

    private mutating func send(_ name: String, _ occupied: Bool, _ observed: Int64) -> String {
        // What lies more than five minutes ahead after the clock was set back counts as observed now.
        let isFuture = observed > now.wallMilliseconds + 300_000
        let received = now.wallMilliseconds
        let known = model.observed(name, at: received)
        model.bay(name, occupied, isFuture ? max(received, known) : observed, at: received)
        return deliver("bays/bay/\(name)", "{\"o\":\(occupied),\"t\":\(observed)}")
    }

    private mutating func movement() -> String {
        let arrived = Int.random(in: 0...3, using: &random)
        let departed = Int.random(in: 0...3, using: &random)
        model.move(arrived, departed)
        return deliver("gate/move", "{\"in\":\(arrived),\"out\":\(departed)}")
    }

    private mutating func total() -> String {
        let isReset = Int.random(in: 0..<20, using: &random) == 0
        sensorTotal = isReset ? 0 : (sensorTotal + Int.random(in: 0...5, using: &random)) % 256
        model.counter(sensorTotal)
        return deliver("gate/total", "\(sensorTotal)")
    }

    private mutating func level() -> String {
        let level = Int.random(in: -5...30, using: &random)
        model.drift += max(0, -level)
        model.count = max(0, level)
        return deliver("gate/level", "\(level)")
    }

    private mutating func stepClock() -> String {
        let step = Int64.random(in: -7_200_000...7_200_000, using: &random)
        now.wallMilliseconds += step
        return "clock stepped by \(step) ms"
    }

    private mutating func nonsense() -> String {
        let topics = [
            "bays/bay/1", "gate/move", "gate/total", "gate/level", "x", "", "/", "moon/bay/1",
            "bays/bay/", "$SYS/bay/1",
        ]
        let payloads = [
            "", "{", "null", "[]", "\0", "{\"o\":2}", "{\"in\":-1,\"out\":0}", "-9999999", "1.5",
            "9999999999",
            "{\"o\":\"yes\"}", String(repeating: "[", count: 100),
        ]
        return deliver(
            topics.randomElement(using: &random) ?? "",
            payloads.randomElement(using: &random) ?? ""
        )
    }

    private func deliver(_ topic: String, _ payload: String) -> String {
        let topicBytes = Array(topic.utf8)
        let payloadBytes = Array(payload.utf8)
        ingest.receive(
            topic: topicBytes.span,
            payload: payloadBytes.span,
            isRetained: false,
            at: now
        )
        ingest.commit()
        return "\(topic) \(payload)"
    }
}
