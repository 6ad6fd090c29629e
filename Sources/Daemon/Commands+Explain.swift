import Configuration
import Ingest
import Parking

extension Commands {
    /// Says which rule reads a message and what it would do, without doing it.
    ///
    /// - Returns: success if the message yields a reading.
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
        return explanation.reading == nil ? .dataError : .success
    }

    static func lines(_ explanation: Explanation, _ plan: IngestPlan, topic: String) -> [String] {
        var lines = ["topic      \(Console.visible(topic))"]
        guard let number = explanation.rule else {
            lines.append("rule       none: \(explanation.incident?.rawValue ?? "")")
            lines.append(
                "known      " + plan.rules.map(\.topic.text).joined(separator: "\n           ")
            )
            return lines
        }
        let rule = plan.rules[number]
        lines.append("rule       rules[\(number)]: \(rule.topic) (\(rule.format.rawValue))")
        if let facility = explanation.facility { lines.append("facility   \(facility)") }
        if let bay = explanation.bay { lines.append("bay        \(Console.visible(bay))") }
        if let reading = explanation.reading {
            lines.append("reading    \(describe(reading))")
            let observed = explanation.observedMilliseconds.map(RFC3339.text) ?? "on reception"
            lines.append("observed   \(observed)")
            if let sequence = explanation.sequence { lines.append("sequence   \(sequence)") }
        }
        if let incident = explanation.incident {
            lines.append("\(incident.isRefusal ? "refused" : "remark ")    \(incident.rawValue)")
        }
        return lines
    }

    private static func describe(_ reading: Reading) -> String {
        switch reading {
        case .bay(let occupied): "bay: \(occupied ? "occupied" : "vacant")"
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
}
