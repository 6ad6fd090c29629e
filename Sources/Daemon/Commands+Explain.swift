import Configuration
import Ingest
import Occupancy
import Parking

extension Commands {
    /// Says step by step what a message would do, without doing it.
    ///
    /// - Returns: dataError if the message is refused.
    public static func explain(
        configurationPath: String,
        topic: String,
        payload: [UInt8]
    ) -> ExitStatus {
        guard let configuration = load(configurationPath) else { return .configuration }
        let plan = House(configuration).plan
        let topicBytes = Array(topic.utf8)
        let explanation = plan.explain(
            topic: topicBytes.span,
            payload: payload.span,
            at: .now()
        )
        for line in lines(explanation, plan, topic: topic) { print(line) }
        return explanation.isRefused ? .dataError : .success
    }

    static func lines(_ explanation: Explanation, _ plan: IngestPlan, topic: String) -> [String] {
        var lines = [line("topic", Console.visible(topic))]
        for attempt in explanation.attempts { lines += self.lines(attempt, plan) }
        if let incident = explanation.incident {
            lines.append(line("result", "\(word(for: incident)): \(incident.rawValue)"))
        }
        if let nearest = explanation.nearest { lines += self.lines(nearest, plan) }
        return lines
    }

    // MARK: Rules

    private static func lines(_ attempt: Explanation.Attempt, _ plan: IngestPlan) -> [String] {
        let rule = plan.rules[attempt.rule]
        let name = "\(plan.rules.place(of: attempt.rule)): \(rule.topic)"
        var lines = [line("rule", "\(name) (\(rule.format.rawValue))")]
        if rule.envelope != .none { lines.append(line("envelope", rule.envelope.rawValue)) }
        for condition in attempt.conditions {
            let found = condition.value.map(Console.visible) ?? "nothing"
            let verdict =
                condition.holds ? "holds" : "does not hold: \(found) stands there; next rule"
            lines.append(line("when", "\(Console.visible("\(condition.condition)")): \(verdict)"))
        }
        if let device = attempt.device { lines.append(line("device", Console.visible(device))) }
        if let health = attempt.health { lines += self.lines(health) }
        if let incident = attempt.incident {
            lines.append(line("result", "\(word(for: incident)): \(incident.rawValue)"))
        }
        for (number, outcome) in attempt.readings.enumerated() {
            if rule.elements != nil {
                lines.append(line("element", "\(number) of \(attempt.readings.count)"))
            }
            lines += self.lines(outcome, rule)
        }
        if attempt.isMeant, rule.continues {
            lines.append(line("continue", "the next rules are tried as well"))
        }
        return lines
    }

    private static func lines(_ outcome: Explanation.Outcome, _ rule: Rule) -> [String] {
        var lines: [String] = []
        for field in outcome.fields {
            if case .constant(let text) = field.source {
                lines.append(line("field", "\(field.name) = \(Console.visible(text))"))
                continue
            }
            let value = field.value.map(Console.visible) ?? "nothing"
            let source = Console.visible("\(field.source)")
            lines.append(line("field", "\(field.name) at \(source): \(value)"))
        }
        if let device = outcome.device { lines.append(line("device", Console.visible(device))) }
        if let part = outcome.part { lines.append(line("facility", part)) }
        if let bay = outcome.bay { lines.append(line("bay", Console.visible(bay))) }
        if let threshold = outcome.threshold {
            lines.append(line("threshold", describe(threshold, outcome)))
        }
        if let reading = outcome.reading {
            lines.append(line("reading", describe(reading)))
            let observed = outcome.observedMilliseconds.map(RFC3339.text) ?? "on reception"
            lines.append(line("observed", observed))
            if let sequence = outcome.sequence { lines.append(line("sequence", "\(sequence)")) }
        }
        if let health = outcome.health { lines += self.lines(health) }
        if let incident = outcome.incident {
            lines.append(line(word(for: incident), incident.rawValue))
        }
        if let remark = outcome.remark { lines.append(line(word(for: remark), remark.rawValue)) }
        if let reading = outcome.reading { lines.append(line("effect", effect(of: reading))) }
        return lines
    }

    private static func lines(_ health: HealthReport) -> [String] {
        var lines: [String] = []
        switch health.battery {
        case .percent(let percent): lines.append(line("battery", "\(percent) %"))
        case .volts(let volts): lines.append(line("battery", "\(volts) V"))
        case .low(let isLow): lines.append(line("battery", isLow ? "low" : "good"))
        case nil: break
        }
        if let faults = health.faults {
            let names = faults.names.joined(separator: ", ")
            lines.append(line("sensor", names.isEmpty ? "no fault" : names))
        }
        return lines
    }

    private static func lines(_ nearest: Explanation.Nearest, _ plan: IngestPlan) -> [String] {
        let rule = plan.rules[nearest.rule]
        let why =
            switch (nearest.wanted, nearest.found) {
            case (let wanted?, let found?):
                "level \(nearest.level) is '\(Console.visible(found))', and the rule wants '\(wanted)'"
            case (let wanted?, nil):
                "the topic ends before level \(nearest.level), where the rule wants '\(wanted)'"
            case (nil, let found?):
                "the rule ends before level \(nearest.level), where the topic has '\(Console.visible(found))'"
            case (nil, nil): "they are the same"
            }
        return [
            line("nearest", "\(plan.rules.place(of: nearest.rule)): \(rule.topic)"),
            line("why not", why),
        ]
    }

    // MARK: Words

    private static func line(_ name: String, _ text: String) -> String {
        name + String(repeating: " ", count: max(1, 11 - name.count)) + text
    }

    private static func word(for incident: Incident) -> String {
        switch incident.outcome {
        case .refused: "refused"
        case .ignored: "ignored"
        case .counted: "remark"
        }
    }

    private static func describe(_ reading: Reading) -> String {
        switch reading {
        case .bay(let occupied): "bay: \(occupied ? "occupied" : "vacant")"
        case .hold: "bay: as it was"
        case .alive: "the sensor lives"
        case .movement(let arrivals, let departures): "movement: \(arrivals) in, \(departures) out"
        case .counter(let arrivals, let departures):
            "counter: totals "
                + [
                    arrivals.map { "\($0) in" }, departures.map { "\($0) out" },
                ].compactMap { $0 }.joined(separator: ", ")
        case .occupied(let occupied): "level: \(occupied) occupied"
        case .vacant(let vacant): "level: \(vacant) vacant"
        case .state(let state): "state: \(state)"
        }
    }

    /// Where a bay is occupied and where it is vacant, and what the number of the message means.
    private static func describe(
        _ threshold: Rule.Threshold,
        _ outcome: Explanation.Outcome
    ) -> String {
        func text(_ number: Double) -> String {
            Int(exactly: number).map { "\($0)" } ?? "\(number)"
        }
        let (limit, hysteresis) = (threshold.limit, threshold.hysteresis)
        let sides =
            switch threshold.side {
            case .below: "occupied below \(text(limit)), vacant from \(text(limit + hysteresis)) on"
            case .above:
                "occupied above \(text(limit)), vacant at \(text(limit - hysteresis)) and below"
            }
        let field = outcome.fields.first { $0.name == "occupied" }
        // What a message leaves out may mean 0.
        let value = field?.value.map(Console.visible) ?? "0"
        switch outcome.reading {
        case .bay(let occupied): return "\(sides); \(value) is \(occupied ? "occupied" : "vacant")"
        case .hold: return "\(sides); \(value) is in between"
        default: return sides
        }
    }

    /// What a reading does to what is known, whatever that is.
    private static func effect(of reading: Reading) -> String {
        switch reading {
        case .bay(let occupied):
            "the bay is \(occupied ? "occupied" : "vacant") from now on; "
                + "\(occupied ? "an arrival" : "a departure") if it was not so before"
        case .hold(let otherwise):
            "the bay stays what it is"
                + (otherwise.map { "; where nothing is known of it, \($0 ? "occupied" : "vacant")" }
                    ?? "")
        case .alive: "the facility was heard; nothing is counted"
        case .movement(let arrivals, let departures):
            "\(arrivals - departures >= 0 ? "+" : "")\(arrivals - departures) vehicles"
        case .counter: "the difference to the sensor's last totals; none at its first"
        case .occupied(let occupied): "the occupancy becomes \(occupied)"
        case .vacant(let vacant): "the occupancy becomes the capacity less \(vacant)"
        case .state(let state): "the facility is \(state)"
        }
    }
}
