import Parking

/// Which rules speak for which facility: one way of counting each, chosen by the seed, and a state beside it.
///
/// A way of counting is a rule for its bays (rules that are each about one bay make one way together), a counter or
/// a gate for both directions (one rule, or the first of each direction), or a level. Two ways at once
/// would count every vehicle twice.
struct SensorPlan {
    /// The sensors of one facility.
    struct Site {
        let facility: Facility
        /// What counts: one rule, two of opposite directions, or one for each bay; empty where nothing does.
        var counting: [Int] = []
        /// The rule for its state.
        var state: Int?
        /// The number of bays that have a sensor.
        var bays = 0
    }

    /// A way in which one facility can be counted.
    private struct Way {
        var rules: [Int]
        var weight: Double
        var bays = 0
    }

    private let rules: [Rule]
    private(set) var sensors: [RuleSensor?] = []
    private(set) var sites: [Site] = []
    private(set) var omissions: [Simulator.Omission] = []

    init(
        facilities: [Facility],
        rules: [Rule],
        shares: Simulator.Options.Shares,
        using random: inout RandomSource
    ) {
        self.rules = rules
        let known = Set(facilities.map(\.id.text))
        for (index, rule) in rules.enumerated() {
            do throws(Simulator.Reason) {
                if case .facility(.constant(let text)) = rule.subject, !known.contains(text) {
                    throw .unknownFacility(text)
                }
                sensors.append(try RuleSensor(rule))
            } catch {
                sensors.append(nil)
                omit(error, rule: index)
            }
        }
        for facility in facilities { plan(facility, shares: shares, using: &random) }
    }

    /// Notes an omission, together with those of other facilities for the same reason.
    private mutating func omit(
        _ reason: Simulator.Reason,
        rule: Int?,
        facility: FacilityIdentifier? = nil
    ) {
        let facilities = facility.map { [$0] } ?? []
        let same = omissions.firstIndex { $0.ruleIndex == rule && $0.reason == reason }
        if let same {
            omissions[same].facilities += facilities
        } else {
            omissions.append(
                .init(
                    ruleIndex: rule,
                    place: rule.map(rules.place),
                    facilities: facilities,
                    reason: reason
                )
            )
        }
    }

    private mutating func plan(
        _ facility: Facility,
        shares: Simulator.Options.Shares,
        using random: inout RandomSource
    ) {
        var site = Site(facility: facility)
        let usable = sensors.indices.filter { isUsable(rule: $0, facility: facility) }
        let ways = ways(of: usable, facility: facility, shares: shares)
        let total = ways.reduce(0) { $0 + $1.weight }
        var draw = random.fraction() * total
        let chosen = ways.first { way in
            draw -= way.weight
            return draw < 0
        }
        if let chosen = chosen ?? ways.first {
            site.counting = chosen.rules
            site.bays = chosen.bays
        } else {
            omit(.uncounted, rule: nil, facility: facility.id)
        }
        for rule in usable {
            if case .state = sensors[rule]?.kind {
                if site.state == nil { site.state = rule; continue }
            } else if site.counting.contains(rule) {
                continue
            }
            let isOneDirection = isHalf(rule) && !ways.contains { $0.rules.contains(rule) }
            omit(isOneDirection ? .oneDirection : .anotherCounts, rule: rule, facility: facility.id)
        }
        if !site.counting.isEmpty || site.state != nil { sites.append(site) }
    }

    /// Whether a rule has a sensor that it would hear from at this facility; if not, and that is news, says why.
    private mutating func isUsable(rule index: Int, facility: Facility) -> Bool {
        guard let sensor = sensors[index] else { return false }
        if case .facility(.constant(let text)) = rules[index].subject, text != facility.id.text {
            return false
        }
        var bays = 1
        switch sensor.kind {
        case .bay, .movement:
            guard facility.capacity > 0 else {
                omit(.noBay, rule: index, facility: facility.id)
                return false
            }
            if case .bay(isFixed: false, _, _) = sensor.kind { bays = facility.capacity }
        case .counter, .level, .state: break
        }
        if let other = firstReader(of: sensor, bays: bays, facility: facility, before: index) {
            omit(.takenBy(rules.place(of: other)), rule: index, facility: facility.id)
            return false
        }
        return true
    }

    /// The first of the earlier rules that would read one of the sensor's topics.
    private func firstReader(
        of sensor: RuleSensor,
        bays: Int,
        facility: Facility,
        before index: Int
    ) -> Int? {
        guard index > 0 else { return nil }
        var content = MessageTemplate.Content(facility: Array(facility.id.text.utf8), sensor: 1)
        let values: [MessageTemplate.Value] =
            switch sensor.kind {
            case .bay(_, let occupied, let vacant): [occupied, vacant]
            case .state(let words): OperatingState.allCases.compactMap { words[$0] }
            case .movement, .counter, .level: [.number(0)]
            }
        for bay in 1...bays {
            (content.bay, content.sensor) = (bay, bay)
            for value in values {
                content.value = value
                content.departures = value
                let topic = sensor.template.topic(content)
                let other = rules[..<index].firstIndex { $0.topic.matches(topic) }
                if let other { return other }
                if !sensor.template.topicTellsReading { break }
            }
        }
        return nil
    }

    private func ways(
        of usable: [Int],
        facility: Facility,
        shares: Simulator.Options.Shares
    ) -> [Way] {
        var ways: [Way] = []
        var fixedBays: [Int] = []
        var counters = Pairing()
        var gates = Pairing()
        for rule in usable {
            switch sensors[rule]?.kind {
            case .bay(isFixed: true, _, _): fixedBays.append(rule)
            case .bay(isFixed: false, _, _):
                ways.append(Way(rules: [rule], weight: shares.bays, bays: facility.capacity))
            case .counter(let arrivals, let departures, _):
                counters.add(rule, arrivals != .none, departures != .none)
            case .movement(let arrivals, let departures):
                gates.add(rule, arrivals != .none, departures != .none)
            case .level: ways.append(Way(rules: [rule], weight: shares.levels))
            case .state, nil: break
            }
        }
        if !fixedBays.isEmpty {
            let bays = min(fixedBays.count, facility.capacity)
            let way = Way(rules: Array(fixedBays[..<bays]), weight: shares.bays, bays: bays)
            ways.append(way)
        }
        ways += counters.ways.map { Way(rules: $0, weight: shares.counters) }
        ways += gates.ways.map { Way(rules: $0, weight: shares.gates) }
        return ways
    }

    private func isHalf(_ rule: Int) -> Bool {
        switch sensors[rule]?.kind {
        case .counter(let arrivals, let departures, _), .movement(let arrivals, let departures):
            arrivals == .none || departures == .none
        case .bay, .level, .state, nil: false
        }
    }

    /// Rules that count one direction or both, put together to what counts both.
    private struct Pairing {
        private var both: [Int] = []
        private var arrivals: Int?
        private var departures: Int?

        mutating func add(_ rule: Int, _ countsArrivals: Bool, _ countsDepartures: Bool) {
            if countsArrivals && countsDepartures {
                both.append(rule)
            } else if countsArrivals {
                arrivals = arrivals ?? rule
            } else {
                departures = departures ?? rule
            }
        }

        var ways: [[Int]] {
            var ways = both.map { [$0] }
            if let arrivals, let departures { ways.append([arrivals, departures]) }
            return ways
        }
    }
}
