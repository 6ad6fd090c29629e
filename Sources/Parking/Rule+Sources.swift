extension Rule {
    /// A field of a rule and where it comes from, as a person calls both.
    public struct NamedSource: Equatable, Sendable {
        /// The rule's key: `occupied`, `in`, `observed`.
        public let name: String
        /// Where it comes from.
        public let source: Source
        /// Whether a pointer begins at an element of the rule's array.
        public let isInElement: Bool
    }

    /// Every field that the rule reads, in the order in which a person would look at them; without its conditions.
    public var namedSources: [NamedSource] {
        var sources: [NamedSource] = []
        func add(_ name: String, _ source: Source?, inElement: Bool) {
            guard let source else { return }
            if case .sum(let parts) = source {
                for part in parts { add(name, part, inElement: inElement) }
            } else {
                sources.append(NamedSource(name: name, source: source, isInElement: inElement))
            }
        }
        let isInElement = elements != nil
        switch subject {
        case .facility(let source): add("facility", source, inElement: false)
        case .device(let source): add("device", source, inElement: false)
        }
        add("zone", zone, inElement: isInElement)
        switch kind {
        case .bay(let bay, let occupied, _, _):
            add("bay", bay, inElement: isInElement)
            add("occupied", occupied, inElement: isInElement)
        case .heartbeat(let bay): add("bay", bay, inElement: isInElement)
        case .movement(let arrivals, let departures, _),
            .counter(let arrivals, let departures, _, _):
            add("in", arrivals, inElement: isInElement)
            add("out", departures, inElement: isInElement)
        case .occupied(let source, _): add("occupied", source, inElement: isInElement)
        case .vacant(let source, _): add("free", source, inElement: isInElement)
        case .state(let source, _): add("state", source, inElement: isInElement)
        case .health: break
        }
        add("observed", observed, inElement: isInElement)
        add("sequence", sequence?.number, inElement: false)
        add("battery", health?.batteryPercent, inElement: false)
        add("battery_volts", health?.batteryVolts, inElement: false)
        return sources
    }
}

extension Rule.Source: CustomStringConvertible {
    /// The source as a rule writes it.
    public var description: String {
        switch self {
        case .constant(let text): text
        case .capture(let name): "{\(name)}"
        case .pointer(let text): text.isEmpty ? "\"\"" : text
        case .envelope(let text): "envelope:\(text)"
        case .sum(let sources): sources.map(\.description).joined(separator: " + ")
        }
    }
}

extension Rule.Condition: CustomStringConvertible {
    /// The condition as a person says it.
    public var description: String {
        func list(_ words: [String]) -> String {
            words.map { "\"\($0)\"" }.joined(separator: " or ")
        }
        return switch test {
        case .isOneOf(let words): "\(source) is \(list(words))"
        case .isNoneOf(let words): "\(source) is not \(list(words))"
        case .isPresent(let isPresent): "\(source) is \(isPresent ? "there" : "not there")"
        }
    }
}

extension [Rule] {
    /// What a person finds a rule by: its place in the configuration, where a profile is one item of many rules.
    public func place(of rule: Int) -> String {
        let place = indices.contains(rule) ? self[rule].place : nil
        return place ?? "rules[\(rule)]"
    }
}
