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

    /// How a bay is told.
    enum BayWords {
        case words(occupied: Word, vacant: Word)
        /// By a number on one side of it, which a device may have for itself.
        case threshold(Rule.Threshold)
    }

    /// What it senses, with its words as they stand in a message.
    enum Kind {
        case bay(isFixed: Bool, BayWords)
        /// Of each direction a message says so many vehicles at most.
        case movement(arrivals: Measure, departures: Measure, maximum: Int)
        case counter(arrivals: Measure, departures: Measure, wrapsAt: Int?)
        case level(isVacant: Bool, unit: Rule.Unit)
        case state([OperatingState: Word])
    }

    let template: MessageTemplate
    let kind: Kind

    /// Where the vehicles that pass are counted: its in, its out.
    let measures: (in: Bool, out: Bool)

    /// The sensor of a rule.
    ///
    /// - Throws: Why there is none.
    init(_ rule: Rule, session: String) throws(Simulator.Reason) {
        var fields: [MessageLayout.PlacedField] = []
        switch rule.subject {
        case .facility(let source): fields.append(.init(field: .facility, source: source))
        case .device(let source): fields.append(.init(field: .device, source: source))
        }
        func add(_ field: MessageTemplate.Field, _ source: Rule.Source?) {
            guard let source else { return }
            fields.append(.init(field: field, source: source, isInElement: rule.elements != nil))
        }
        add(.zone, rule.zone)
        if case .constant? = rule.observed { throw .fixedValue("observed") }
        add(.observed, rule.observed)
        if let sequence = rule.sequence {
            fields.append(.init(field: .number, source: sequence.number))
        }
        kind = try Self.kind(rule, add)
        measures =
            switch kind {
            case .movement(let arrivals, let departures, _),
                .counter(let arrivals, let departures, _):
                (arrivals != .none, departures != .none)
            case .bay, .level, .state: (false, false)
            }
        template = try MessageTemplate(rule: rule, fields: fields, session: session)
    }

    private static func kind(
        _ rule: Rule,
        _ add: (MessageTemplate.Field, Rule.Source?) -> Void
    ) throws(Simulator.Reason) -> Kind {
        switch rule.kind {
        case .bay(let bay, let occupied, let words, let threshold):
            // A device that is its own bay says one name once.
            if rule.subject != .device(bay) { add(.bay, bay) }
            add(.value, try varying(occupied, "occupied"))
            let isFixed = if case .constant = bay { true } else { false }
            if let threshold { return .bay(isFixed: isFixed, .threshold(threshold)) }
            let isTrue = try word(true, words, "occupied", ("true", "1"), occupied, rule)
            let isFalse = try word(false, words, "vacant", ("false", "0"), occupied, rule)
            return .bay(isFixed: isFixed, .words(occupied: isTrue, vacant: isFalse))
        case .movement(let arrivals, let departures, let resetAbove):
            let (incoming, outgoing) = (measure(arrivals), measure(departures))
            let isPossible =
                switch (incoming, outgoing) {
                case (.number?, .number?), (.number?, Measure.none?), (Measure.none?, .number?),
                    (.each?, Measure.none?), (Measure.none?, .each?):
                    true
                default: false
                }
            guard let incoming, let outgoing, isPossible else { throw .fixedValue("in, out") }
            add(.value, arrivals)
            add(.departures, departures)
            let maximum = resetAbove ?? 65_535
            return .movement(arrivals: incoming, departures: outgoing, maximum: maximum)
        case .counter(let arrivals, let departures, let wrapsAt, _):
            let (incoming, outgoing) = (measure(arrivals), measure(departures))
            guard let incoming, let outgoing, incoming != .each, outgoing != .each,
                incoming == .number || outgoing == .number
            else { throw .fixedValue("in, out") }
            add(.value, arrivals)
            add(.departures, departures)
            return .counter(arrivals: incoming, departures: outgoing, wrapsAt: wrapsAt)
        case .occupied(let source, let unit):
            guard measure(source) == .number else { throw .fixedValue("occupied") }
            add(.value, source)
            return .level(isVacant: false, unit: unit)
        case .vacant(let source, let unit):
            guard measure(source) == .number else { throw .fixedValue("free") }
            add(.value, source)
            return .level(isVacant: true, unit: unit)
        case .state(let source, let words):
            add(.value, try varying(source, "state"))
            return .state(try states(words, source, rule))
        case .heartbeat, .health: throw .countsNothing
        }
    }

    private static func varying(
        _ source: Rule.Source,
        _ name: String
    ) throws(Simulator.Reason) -> Rule.Source {
        if case .constant = source { throw .fixedValue(name) }
        return source
    }

    /// How a direction is told; nil where a constant is neither 0 nor 1, or where one is added to a number.
    private static func measure(_ source: Rule.Source?) -> Measure? {
        switch source {
        case nil, .constant("0"): return Measure.none
        case .constant("1"): return .each
        case .constant: return nil
        case .capture, .pointer, .envelope: return .number
        case .sum(let parts):
            let measures = parts.map(measure)
            guard measures.allSatisfy({ $0 == .number || $0 == Measure.none }) else { return nil }
            return measures.contains(.number) ? .number : Measure.none
        }
    }

    /// The operating states that a rule has words for: open and at least one other.
    private static func states(
        _ words: Rule.Words<OperatingState>,
        _ source: Rule.Source,
        _ rule: Rule
    ) throws(Simulator.Reason) -> [OperatingState: Word] {
        var states: [OperatingState: Word] = [:]
        for (state, name) in [
            (OperatingState.open, "open"), (.closed, "closed"), (.fault, "fault"),
        ] {
            let isOptional = state == .fault
            if isOptional, !words.meanings.isEmpty, !words.meanings.values.contains(state) {
                continue
            }
            states[state] = try word(state, words, name, (name, name), source, rule)
        }
        return states
    }

    /// The word for a value, as it stands in the message; of several the first in the order of their bytes.
    ///
    /// Where the rule has none of its own it is the word of the format.
    private static func word<Value>(
        _ value: Value,
        _ words: Rule.Words<Value>,
        _ name: String,
        _ usual: (json: String, text: String),
        _ source: Rule.Source,
        _ rule: Rule
    ) throws(Simulator.Reason) -> Word {
        let isLevel = if case .capture = source { true } else { false }
        let isJSON = !isLevel && rule.format == .json
        if words.meanings.isEmpty { return Word(isJSON ? usual.json : usual.text, isJSON: isJSON) }
        let candidates = words.meanings.filter { $0.value == value }.keys
        guard
            let text = candidates.min(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        else { throw .wordAbsent(name) }
        let word = Word(text, isJSON: isJSON)
        if isLevel, !word.isLevel { throw .unfitLevel(text) }
        if let separator = rule.separator, !isLevel, text.contains(separator) {
            throw .unfitField(text)
        }
        return word
    }
}
