import Parking

/// The sensor whose messages one rule reads.
struct RuleSensor {
    /// How the vehicles of one direction are told.
    enum Measure: Equatable {
        /// Not at all.
        case none
        /// Each one with a message of its own, which is about one vehicle whatever it says.
        case each
        /// As a number.
        case number
    }

    /// What it senses, with its words as they stand in a message.
    enum Kind {
        case bay(isFixed: Bool, occupied: MessageTemplate.Value, vacant: MessageTemplate.Value)
        case movement(arrivals: Measure, departures: Measure)
        case counter(arrivals: Measure, departures: Measure, wrapsAt: Int?)
        case level(isVacant: Bool)
        case state([OperatingState: MessageTemplate.Value])
    }

    let template: MessageTemplate
    let kind: Kind

    /// The sensor of a rule.
    ///
    /// - Throws: Why there is none.
    init(_ rule: Rule) throws(Simulator.Reason) {
        var fields: [(field: MessageTemplate.Field, source: Rule.Source)] = []
        guard case .facility(let facility) = rule.subject else { throw .notPlayed("device") }
        try Self.checkPlayed(rule)
        fields.append((.facility, facility))
        if let observed = rule.observed {
            if case .constant = observed { throw .fixedValue("observed") }
            fields.append((.observed, observed))
        }
        switch rule.kind {
        case .bay(let bay, let occupied, let words, let threshold):
            guard threshold == nil else { throw .notPlayed("threshold") }
            fields += [(.bay, bay), (.value, try Self.varying(occupied, "occupied"))]
            let isFixed = if case .constant = bay { true } else { false }
            kind = .bay(
                isFixed: isFixed,
                occupied: try Self.word(true, words, "occupied", ("true", "1"), occupied, rule),
                vacant: try Self.word(false, words, "vacant", ("false", "0"), occupied, rule)
            )
        case .movement(let arrivals, let departures, _):
            let (incoming, outgoing) = (Self.measure(arrivals), Self.measure(departures))
            let isPossible =
                switch (incoming, outgoing) {
                case (.number?, .number?), (.number?, Measure.none?), (Measure.none?, .number?),
                    (.each?, Measure.none?), (Measure.none?, .each?):
                    true
                default: false
                }
            guard let incoming, let outgoing, isPossible else { throw .fixedValue("in, out") }
            kind = .movement(arrivals: incoming, departures: outgoing)
            arrivals.map { fields.append((.value, $0)) }
            departures.map { fields.append((.departures, $0)) }
        case .counter(let arrivals, let departures, let wrapsAt, _):
            let (incoming, outgoing) = (Self.measure(arrivals), Self.measure(departures))
            guard let incoming, let outgoing, incoming != .each, outgoing != .each,
                incoming == .number || outgoing == .number
            else { throw .fixedValue("in, out") }
            kind = .counter(arrivals: incoming, departures: outgoing, wrapsAt: wrapsAt)
            arrivals.map { fields.append((.value, $0)) }
            departures.map { fields.append((.departures, $0)) }
        case .occupied(let source, let unit):
            guard unit == .bays else { throw .notPlayed("occupied_percent") }
            fields.append((.value, try Self.varying(source, "occupied")))
            kind = .level(isVacant: false)
        case .vacant(let source, let unit):
            guard unit == .bays else { throw .notPlayed("free_percent") }
            fields.append((.value, try Self.varying(source, "free")))
            kind = .level(isVacant: true)
        case .state(let source, let words):
            fields.append((.value, try Self.varying(source, "state")))
            kind = .state(try Self.states(words, source, rule))
        case .heartbeat, .health: throw .notPlayed("reading")
        }
        template = try MessageTemplate(rule: rule, fields: fields)
    }

    /// Refuses what a simulated sensor would have to know of a real one.
    private static func checkPlayed(_ rule: Rule) throws(Simulator.Reason) {
        if rule.envelope != .none { throw .notPlayed("envelope") }
        if !rule.conditions.isEmpty { throw .notPlayed("when") }
        if rule.elements != nil { throw .notPlayed("each") }
        if rule.separator != nil { throw .notPlayed("separator") }
        if rule.zone != nil { throw .notPlayed("zone") }
        if rule.clock != ObservationClock() { throw .notPlayed("observed") }
    }

    private static func varying(
        _ source: Rule.Source,
        _ name: String
    ) throws(Simulator.Reason) -> Rule.Source {
        if case .constant = source { throw .fixedValue(name) }
        return source
    }

    /// How a direction is told; nil where its constant is neither 0 nor 1.
    private static func measure(_ source: Rule.Source?) -> Measure? {
        switch source {
        case nil, .constant("0"): Measure.none
        case .constant("1"): .each
        case .constant: nil
        case .capture, .pointer: .number
        case .envelope, .sum: nil
        }
    }

    /// The operating states that a rule has words for: open and at least one other.
    private static func states(
        _ words: Rule.Words<OperatingState>,
        _ source: Rule.Source,
        _ rule: Rule
    ) throws(Simulator.Reason) -> [OperatingState: MessageTemplate.Value] {
        var states: [OperatingState: MessageTemplate.Value] = [:]
        for (state, name) in [
            (OperatingState.open, "open"), (.closed, "closed"), (.fault, "fault"),
        ] {
            let isOptional = state == .fault
            if isOptional, !words.meanings.isEmpty, !words.meanings.values.contains(state) {
                continue
            }
            states[state] = try word(state, words, name, ("\"\(name)\"", name), source, rule)
        }
        return states
    }

    /// The word for a value, as it stands in the message; of several the first in the order of their bytes.
    ///
    /// The word of the format itself, where the rule has none of its own, is given as it is in JSON and elsewhere.
    private static func word<Value>(
        _ value: Value,
        _ words: Rule.Words<Value>,
        _ name: String,
        _ usual: (json: String, text: String),
        _ source: Rule.Source,
        _ rule: Rule
    ) throws(Simulator.Reason) -> MessageTemplate.Value {
        let isLevel = if case .capture = source { true } else { false }
        let isJSON = !isLevel && rule.format == .json
        if words.meanings.isEmpty {
            return .bytes(Array((isJSON ? usual.json : usual.text).utf8))
        }
        let candidates = words.meanings.filter { $0.value == value }.keys.map { Array($0.utf8) }
        guard let word = candidates.min(by: { $0.lexicographicallyPrecedes($1) }) else {
            throw .wordAbsent(name)
        }
        let isUnfit = word.isEmpty || word.contains { [0, 0x23, 0x2b, 0x2f].contains($0) }
        if isLevel, isUnfit { throw .unfitLevel(String(decoding: word, as: UTF8.self)) }
        return .bytes(isJSON ? JSONTree.string(word) : word)
    }
}
