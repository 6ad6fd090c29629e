import Occupancy
import Parking

/// Looks at all sensors now and then, and tells which are in which condition, and what changed since the last look.
///
/// **Cost.** One step a sensor: 100,000 of them take about a millisecond.
struct SensorWatch {
    /// Something that began or ended, at all sensors of a rule at which it did.
    struct Change: Equatable {
        enum Kind: CaseIterable {
            case silent, heard, stuck, moving, lowBattery, goodBattery, faulty, faultless
        }

        var kind: Kind
        var rule: Int?
        var count = 0
        /// The numbers of a few of the sensors.
        var first: [Int] = []

        /// The most sensors that are named.
        static let named = 5
    }

    /// What a look found.
    struct Findings {
        /// The sensors in each condition, by their numbers.
        var silent = Health.Listing<Int>()
        var stuck = Health.Listing<Int>()
        var lowBattery = Health.Listing<Int>()
        var faulty = Health.Listing<Int>()
        var wrongClock = Health.Listing<Int>()
        var changes: [Change] = []
    }

    private var before: [SensorConditions] = []

    /// A watch that was told of nothing.
    init() {}

    /// A watch over sensors of which something was told before a reload.
    ///
    /// A condition that ended with the configuration, such as a silence that is now allowed, ends without a word.
    ///
    /// - Parameter told: Their conditions, by their names.
    init(over sensors: SensorHealth, told: [[UInt8]: SensorConditions], at now: Moment) {
        before = (0..<sensors.count).map { sensor in
            let name = sensors.withName(of: sensor) { name in name.indices.map { name[$0] } }
            guard let conditions = told[name] else { return [] }
            return conditions.intersection(
                sensors.conditions(of: sensors.state(of: sensor), at: now)
            )
        }
    }

    /// What was found last of the sensors that something was wrong with, by their names.
    func told(of sensors: SensorHealth) -> [[UInt8]: SensorConditions] {
        var told: [[UInt8]: SensorConditions] = [:]
        for (sensor, conditions) in before.enumerated() where !conditions.isEmpty {
            let name = sensors.withName(of: sensor) { name in name.indices.map { name[$0] } }
            told[name] = conditions
        }
        return told
    }

    /// Looks at all sensors.
    mutating func look(at sensors: SensorHealth, at now: Moment) -> Findings {
        var findings = Findings()
        let count = sensors.count
        while before.count < count { before.append([]) }
        for sensor in 0..<count {
            let state = sensors.state(of: sensor)
            let conditions = sensors.conditions(of: state, at: now)
            if conditions.contains(.silent) { findings.silent.add(sensor) }
            if conditions.contains(.stuck) { findings.stuck.add(sensor) }
            if conditions.contains(.lowBattery) { findings.lowBattery.add(sensor) }
            if conditions.contains(.faulty) { findings.faulty.add(sensor) }
            if conditions.contains(.wrongClock) { findings.wrongClock.add(sensor) }
            guard conditions != before[sensor] else { continue }
            for kind in Self.kinds(from: before[sensor], to: conditions) {
                Self.note(kind, sensor, rule: state.rule, in: &findings.changes)
            }
            before[sensor] = conditions
        }
        return findings
    }

    private static func kinds(
        from before: SensorConditions,
        to after: SensorConditions
    ) -> [Change.Kind] {
        let began: [(SensorConditions, Change.Kind, Change.Kind)] = [
            (.silent, .silent, .heard), (.stuck, .stuck, .moving),
            (.lowBattery, .lowBattery, .goodBattery), (.faulty, .faulty, .faultless),
        ]
        return began.compactMap { condition, begins, ends in
            switch (before.contains(condition), after.contains(condition)) {
            case (false, true): begins
            // A stuck sensor that fell silent says nothing else now.
            case (true, false): ends == .moving && after.contains(.silent) ? nil : ends
            default: nil
            }
        }
    }

    private static func note(
        _ kind: Change.Kind,
        _ sensor: Int,
        rule: Int?,
        in changes: inout [Change]
    ) {
        var place = changes.firstIndex { $0.kind == kind && $0.rule == rule }
        if place == nil {
            changes.append(Change(kind: kind, rule: rule))
            place = changes.count - 1
        }
        guard let place else { return }
        changes[place].count += 1
        if changes[place].first.count < Change.named { changes[place].first.append(sensor) }
    }
}
