internal import Parking

/// The readings, as a rule names them.
private enum ReadingKind: String, CaseIterable {
    case bay, heartbeat, movement, counter, level, state, health

    /// The keys that a rule of this kind may have beside those that every rule has.
    var keys: [String] {
        switch self {
        case .bay: ["bay", "occupied", "values", "threshold", "class"]
        case .heartbeat: ["bay", "class"]
        case .movement: ["in", "out", "reset_above"]
        case .counter: ["in", "out", "wraps_at", "counter"]
        case .level: ["occupied", "free", "occupied_percent", "free_percent"]
        case .state: ["state", "values"]
        case .health: []
        }
    }

    static let allKeys = [
        "bay", "occupied", "values", "threshold", "class", "in", "out", "reset_above", "wraps_at",
        "counter", "free", "occupied_percent", "free_percent", "state",
    ]
}

/// The keys of one rule, and what is already known about it.
struct RuleParts {
    let keys: NodeReader
    let item: Element
    /// The rule's topic; nil after a complaint.
    let topic: TopicPattern?
    let places: RulePlaces
    /// Whether the keys are those of a profile, and a place that has no meaning for a reading is none's fault.
    var isOfProfile = false

    /// The keys that say where a sensor is: they stand beside `profile`.
    static let placeKeys = [
        "envelope", "facility", "device", "zone", "class", "bay", "observed", "threshold",
    ]

    /// The keys of a rule beside its topic and its place.
    static let keys =
        ReadingKind.allKeys.filter { !placeKeys.contains($0) } + [
            "format", "separator", "when", "each", "reading", "sequence", "sequence_wraps_at",
            "absent", "health", "continue",
        ]

    func rule() -> Rule? {
        let formatElement = keys.take("format")
        let format = formatElement.or(.json) { $0.choice(of: Rule.Format.self) }
        let separator = separator(format)
        let envelope = envelope(format)
        let sources = SourceReader(
            topic: topic,
            format: format,
            hasSeparator: separator != nil,
            hasEnvelope: envelope != Rule.Envelope.none
        )
        let reading = keys.require(
            "reading",
            "bay, heartbeat, movement, counter, level, state or health"
        )?.choice(of: ReadingKind.self)
        let subject = subject(sources)
        var extras = extras(sources, format)
        extras.zone = zone(of: reading, sources, subject)
        guard let reading else {
            // Without the kind nothing can be said about the keys that depend on it.
            for key in ReadingKind.allKeys { _ = keys.take(key) }
            keys.finish()
            return nil
        }
        refuseOthers(than: reading)
        if reading.keys.contains("class") {
            extras.bayClass = keys.take("class").flatMap { $0.choice(of: BayClass.self) }
        }
        let kind = kind(reading, sources, subject)
        if reading == .health, extras.health == nil, extras.conditions?.isEmpty ?? false {
            item.complain("a rule that reads neither vehicles nor health needs a 'when'")
        }
        if reading == .counter, extras.elements != nil, extras.observed == nil, extras.zone == nil {
            item.complain(
                "the elements of 'each' would be totals of one counter: add 'observed' if they are its "
                    + "history, or 'zone', or make a rule with a 'counter' of its own for each"
            )
        }
        keys.finish()
        guard let topic, let format, let envelope, let subject, let kind,
            let conditions = extras.conditions
        else { return nil }
        var rule = Rule(topic: topic, format: format, kind: kind)
        rule.subject = subject
        rule.separator = separator
        rule.envelope = envelope
        rule.conditions = conditions
        extras.fill(&rule)
        return rule
    }

    private func extras(
        _ sources: SourceReader,
        _ format: Rule.Format?
    ) -> Extras {
        var extras = Extras()
        extras.conditions = keys.take("when").or([]) { ConditionReader(sources: sources).all($0) }
        extras.elements = elements(format)
        (extras.observed, extras.clock) = observed(sources)
        extras.sequence = sequence(sources)
        extras.absentIsZero = absentIsZero()
        extras.health = keys.take("health").flatMap { HealthReader(sources: sources).health($0) }
        extras.continues = keys.take("continue").or(false) { $0.boolean() } ?? false
        return extras
    }

    /// What a rule may have beside its reading.
    private struct Extras {
        var conditions: [Rule.Condition]?
        var elements: String?
        var zone: Rule.Source?
        var bayClass: BayClass?
        var observed: Rule.Source?
        var clock = ObservationClock()
        var sequence: Rule.Sequence?
        var absentIsZero = false
        var health: Rule.Health?
        var continues = false

        func fill(_ rule: inout Rule) {
            rule.elements = elements
            rule.zone = zone
            rule.bayClass = bayClass
            rule.observed = observed
            rule.clock = clock
            rule.sequence = sequence
            rule.absentIsZero = absentIsZero
            rule.health = health
            rule.continues = continues
        }
    }

    /// Complains about the keys of other readings.
    private func refuseOthers(than reading: ReadingKind) {
        for key in ReadingKind.allKeys where !reading.keys.contains(key) {
            if isOfProfile, keys.overrides[key] != nil {
                // It is for the other rules of the profile.
                _ = keys.take(key)
            } else {
                keys.refuse(
                    key,
                    "a \(reading.rawValue) reading has no \(quoted(key)); remove it"
                )
            }
        }
    }

    private func kind(
        _ reading: ReadingKind,
        _ sources: SourceReader,
        _ subject: Rule.Subject?
    ) -> Rule.Kind? {
        switch reading {
        case .bay: bay(sources, subject)
        case .heartbeat: bayName(sources, subject).map { .heartbeat(bay: $0) }
        case .movement: movement(sources)
        case .counter: counter(sources)
        case .level: level(sources)
        case .state: state(sources)
        case .health: .health
        }
    }

    // MARK: What every rule may have

    private func envelope(_ format: Rule.Format?) -> Rule.Envelope? {
        let element = keys.take("envelope")
        let envelope = element.or(Rule.Envelope.none) { $0.choice(of: Rule.Envelope.self) }
        if format == .text, let envelope, envelope != .none {
            element?.complain("an envelope holds JSON; remove 'format: text'")
        }
        return envelope
    }

    private func separator(_ format: Rule.Format?) -> String? {
        guard let element = keys.take("separator") else { return nil }
        guard format != .json else {
            element.complain("only 'format: text' has a separator; remove it")
            return nil
        }
        return element.nonEmptyText(maximumBytes: 8)
    }

    private func elements(_ format: Rule.Format?) -> String? {
        guard let element = keys.take("each") else { return nil }
        guard let text = element.text() else { return nil }
        guard format != .text, SourceReader.isPointer(text) else {
            element.complain("must be the JSON Pointer of an array, not \(quoted(text))")
            return nil
        }
        if let name = text.split(separator: "/").first(where: PersonalField.names) {
            element.complain(PersonalField.complaint(name))
            return nil
        }
        return text
    }

    private func absentIsZero() -> Bool {
        guard let element = keys.take("absent"), let text = element.text() else { return false }
        if text != "zero" { element.complain("must be zero, not \(quoted(text)); or remove it") }
        return true
    }

    private func sequence(_ sources: SourceReader) -> Rule.Sequence? {
        let wrapsElement = keys.take("sequence_wraps_at")
        let wrapsAt = wrapsElement.flatMap { $0.integer(in: 2...4_294_967_296) }
        guard let element = keys.take("sequence") else {
            wrapsElement?.complain("there is no 'sequence' that could wrap; add one or remove this")
            return nil
        }
        return sources.variable(element, "a sequence number").map {
            Rule.Sequence(number: $0, wrapsAt: wrapsAt)
        }
    }

    private func observed(_ sources: SourceReader) -> (Rule.Source?, ObservationClock) {
        guard let element = keys.take("observed") else { return (nil, ObservationClock()) }
        guard element.isMapping else {
            return (sources.variable(element, "a time"), ObservationClock())
        }
        let read = ClockReader(sources: sources, zones: places.timeZones).clock(element)
        return (read?.source, read?.clock ?? ObservationClock())
    }

    // MARK: The place

    private func subject(_ sources: SourceReader) -> Rule.Subject? {
        let facility = keys.take("facility")
        let device = keys.take("device")
        if let facility {
            device?.complain("a rule has either a facility or a device; remove one of them")
            return self.facility(facility, sources).map(Rule.Subject.facility)
        }
        if let device {
            requireDevices(device)
            return sources.variable(device, "a device").map(Rule.Subject.device)
        }
        guard let topic, !topic.captures.contains("facility") else {
            return .facility(.capture("facility"))
        }
        guard topic.captures.contains("device") else {
            item.complain(
                "the rule has no facility: name a level of the topic {facility}, or {device} and list the "
                    + "devices, or add 'facility' or 'device'"
            )
            return nil
        }
        requireDevices(item)
        return .device(.capture("device"))
    }

    private func requireDevices(_ element: Element) {
        guard !places.hasDevices else { return }
        element.complain(
            "no list says where the devices are: add 'devices: {file: devices.csv}' at the top level"
        )
    }

    private func facility(_ element: Element, _ sources: SourceReader) -> Rule.Source? {
        let source = sources.source(element)
        if case .constant(let text) = source, let known = places.identifiers,
            !known.contains(text)
        {
            let near = nearest(to: text, among: known)
            let hint = near.map { "; did you mean \(quoted($0))?" } ?? ""
            element.complain("there is no facility with the id \(quoted(text))\(hint)")
            return nil
        }
        return source
    }

    private func zone(
        of reading: ReadingKind?,
        _ sources: SourceReader,
        _ subject: Rule.Subject?
    ) -> Rule.Source? {
        guard let element = keys.take("zone") else { return nil }
        guard reading != .state else {
            let advice =
                keys.overrides["zone"] != nil
                ? "copy the profile without its rule for the state" : "remove the zone"
            element.complain(
                "a state is that of the whole facility, which one closed zone would close; \(advice)"
            )
            return nil
        }
        return zone(element, sources, subject)
    }

    private func zone(
        _ element: Element,
        _ sources: SourceReader,
        _ subject: Rule.Subject?
    ) -> Rule.Source? {
        let source = sources.source(element)
        guard case .constant(let text) = source, case .facility(.constant(let id)) = subject,
            let zones = places.zones?[id]
        else { return source }
        guard !zones.contains(text) else { return source }
        let near = nearest(to: text, among: zones)
        let hint = near.map { "; did you mean \(quoted($0))?" } ?? ""
        element.complain("\(quoted(id)) has no zone with the id \(quoted(text))\(hint)")
        return nil
    }

    // MARK: Readings

    private func bay(_ sources: SourceReader, _ subject: Rule.Subject?) -> Rule.Kind? {
        let bay = bayName(sources, subject)
        let occupiedElement = keys.require("occupied", "where the message says it")
        let occupied = occupiedElement.flatMap(sources.source)
        // One that is given beside a profile is for the rules of it that have one.
        let isMeasured = !isOfProfile || keys.holds("threshold")
        let thresholdElement = keys.take("threshold")
        let valuesElement = keys.take("values")
        if let thresholdElement, isMeasured {
            valuesElement?.complain("a number beyond a threshold has no words; remove 'values'")
            guard let threshold = threshold(thresholdElement), let bay, let occupied else {
                return nil
            }
            if case .constant = occupied {
                occupiedElement?.complain("a threshold needs a number of the message")
            }
            return .bay(bay: bay, occupied: occupied, words: .init(), threshold: threshold)
        }
        let words = valuesElement.or(Rule.Words<Bool>()) { element in
            WordReader(sources: sources).words(
                element,
                ["occupied": true, "vacant": false],
                required: true
            )
        }
        guard let bay, let occupiedElement, let occupied, let words else { return nil }
        let known =
            words.meanings.isEmpty ? ["true", "false", "1", "0"] : words.meanings.keys.sorted()
        guard isWord(occupied, known, occupiedElement) else { return nil }
        return .bay(bay: bay, occupied: occupied, words: words)
    }

    private func threshold(_ element: Element) -> Rule.Threshold? {
        guard let threshold = element.keys() else { return nil }
        let below = threshold.take("below")
        let above = threshold.take("above")
        let range = -1_000_000_000.0...1_000_000_000
        let hysteresis = threshold.take("hysteresis").or(0) { $0.decimal(in: 0...1_000_000_000) }
        threshold.finish()
        guard (below == nil) != (above == nil) else {
            element.complain(
                "needs either 'below' or 'above', the number at which a bay is occupied"
            )
            return nil
        }
        guard let limit = (below ?? above)?.decimal(in: range), let hysteresis else { return nil }
        return Rule.Threshold(
            limit: limit,
            hysteresis: hysteresis,
            side: below != nil ? .below : .above
        )
    }

    private func bayName(_ sources: SourceReader, _ subject: Rule.Subject?) -> Rule.Source? {
        if let element = keys.take("bay") { return sources.source(element) }
        guard let topic, !topic.captures.contains("bay") else { return .capture("bay") }
        // A device in no bay of the list is a bay of its own name.
        if case .device(let source) = subject { return source }
        item.complain("the rule has no bay: name a level of the topic {bay}, or add 'bay'")
        return nil
    }

    private func movement(_ sources: SourceReader) -> Rule.Kind? {
        let resetAbove = keys.take("reset_above").flatMap { $0.integer(in: 1...65_535) }
        guard let (arrivals, departures) = bothWays(sources, reading: "movement") else {
            return nil
        }
        return .movement(arrivals: arrivals, departures: departures, resetAbove: resetAbove)
    }

    private func counter(_ sources: SourceReader) -> Rule.Kind? {
        let wrapsAt = keys.take("wraps_at").flatMap { $0.integer(in: 2...4_294_967_296) }
        let name = keys.take("counter").flatMap { $0.nonEmptyText(maximumBytes: 64) }
        guard let (arrivals, departures) = bothWays(sources, reading: "counter") else {
            return nil
        }
        return .counter(
            arrivals: arrivals,
            departures: departures,
            wrapsAt: wrapsAt,
            name: name
        )
    }

    private func bothWays(
        _ sources: SourceReader,
        reading: String
    ) -> (Rule.Source?, Rule.Source?)? {
        let arrivals = keys.take("in")
        let departures = keys.take("out")
        guard arrivals != nil || departures != nil else {
            item.complain("a \(reading) reading needs 'in', 'out' or both")
            return nil
        }
        return (arrivals.flatMap(sources.count), departures.flatMap(sources.count))
    }

    private func level(_ sources: SourceReader) -> Rule.Kind? {
        let names = ["occupied", "free", "occupied_percent", "free_percent"]
        let given = names.compactMap { name in keys.take(name).map { (name, $0) } }
        guard given.count == 1, let (name, element) = given.first else {
            item.complain("a level reading needs either 'occupied' or 'free'")
            return nil
        }
        let unit: Rule.Unit = name.hasSuffix("_percent") ? .percent : .bays
        let source =
            unit == .bays ? sources.count(element) : sources.variable(element, "a percentage")
        return source.map {
            name.hasPrefix("occupied") ? .occupied($0, unit: unit) : .vacant($0, unit: unit)
        }
    }

    private func state(_ sources: SourceReader) -> Rule.Kind? {
        let stateElement = keys.require("state", "where the message says it")
        let state = stateElement.flatMap(sources.source)
        let words = keys.take("values").or(Rule.Words<OperatingState>()) { element in
            let meanings: KeyValuePairs<String, OperatingState> = [
                "open": .open, "closed": .closed, "fault": .fault,
            ]
            return WordReader(sources: sources).words(element, meanings, required: false)
        }
        guard let stateElement, let state, let words else { return nil }
        let known =
            words.meanings.isEmpty ? ["open", "closed", "fault"] : words.meanings.keys.sorted()
        guard isWord(state, known, stateElement) else { return nil }
        return .state(state, words: words)
    }

    /// Complains about a constant that means nothing.
    private func isWord(_ source: Rule.Source, _ known: [String], _ element: Element) -> Bool {
        guard case .constant(let text) = source, !known.contains(text) else { return true }
        let words = known.map { quoted($0) }.joined(separator: ", ")
        element.complain(
            "the constant \(quoted(text)) is none of \(words); a JSON Pointer begins with '/'"
        )
        return false
    }
}
