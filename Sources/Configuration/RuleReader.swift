internal import Parking

/// The five readings, as a rule names them.
private enum ReadingKind: String, CaseIterable {
    case bay, movement, counter, level, state

    /// The keys that a rule of this kind may have beside those that every rule has.
    var keys: [String] {
        switch self {
        case .bay: ["bay", "occupied", "values"]
        case .movement: ["in", "out"]
        case .counter: ["in", "out", "wraps_at"]
        case .level: ["occupied", "free"]
        case .state: ["state", "values"]
        }
    }

    static let allKeys = ["bay", "occupied", "free", "in", "out", "wraps_at", "state", "values"]
}

/// Reads the rules.
struct RuleReader {
    /// The identifiers of the facilities; nil where they are not all known.
    let facilities: Set<String>?

    /// The longest topic that is accepted; nil where it isn't known.
    let topicBytes: Int?

    func rules(_ element: Element?) -> [Rule]? {
        guard let items = element?.items() else { return nil }
        var rules: [Rule] = []
        var earlier: [(topic: TopicPattern, path: String)] = []
        for item in items {
            guard let keys = item.keys() else { continue }
            let topicElement = keys.require("topic", "the topics that the rule reads")
            let topic = topicElement.flatMap(topic)
            if let topic, let topicElement {
                if let winner = earlier.first(where: { $0.topic.covers(topic) }) {
                    topicElement.complain(
                        "this rule never matches: \(winner.path) (\(quoted(winner.topic.text))) "
                            + "comes first and takes all its topics"
                    )
                }
                earlier.append((topic, item.path))
            }
            if let rule = RuleParts(keys: keys, topic: topic, facilities: facilities).rule(item) {
                rules.append(rule)
            }
        }
        return rules.count == items.count ? rules : nil
    }

    private func topic(_ element: Element) -> TopicPattern? {
        if element.isMapping {
            element.complain("must be in quotes, because it begins with '{'")
            return nil
        }
        guard let text = element.text() else { return nil }
        do {
            let topic = try TopicPattern(text)
            if let topicBytes, topic.filter.utf8.count > topicBytes {
                element.complain(
                    "is \(topic.filter.utf8.count) bytes long as a topic filter; "
                        + "limits.topic_bytes allows \(topicBytes)"
                )
            }
            return topic
        } catch {
            element.complain(error.message)
            return nil
        }
    }
}

/// The keys of one rule, and what is already known about it.
private struct RuleParts {
    let keys: NodeReader
    /// The rule's topic; nil after a complaint.
    let topic: TopicPattern?
    let facilities: Set<String>?

    func rule(_ item: Element) -> Rule? {
        let formatElement = keys.take("format")
        let format = formatElement.or(.json) { $0.choice(of: Rule.Format.self) }
        let reading = keys.require("reading", "bay, movement, counter, level or state")?
            .choice(of: ReadingKind.self)
        let facility = facility(item, format)
        let observed = keys.take("observed").flatMap { variable($0, format, "a time") }
        let sequence = sequence(format)
        guard let reading else {
            // Without the kind nothing can be said about the keys that depend on it.
            for key in ReadingKind.allKeys { _ = keys.take(key) }
            keys.finish()
            return nil
        }
        for key in ReadingKind.allKeys where !reading.keys.contains(key) {
            keys.refuse(key, "a \(reading.rawValue) reading has no \(quoted(key)); remove it")
        }
        let kind =
            switch reading {
            case .bay: bay(item, format)
            case .movement: movement(item, format)
            case .counter: counter(item, format)
            case .level: level(item, format)
            case .state: state(format)
            }
        keys.finish()
        guard let topic, let format, let facility, let kind else { return nil }
        return Rule(
            topic: topic,
            format: format,
            facility: facility,
            observed: observed,
            sequence: sequence,
            kind: kind
        )
    }

    // MARK: Sources

    /// A source as it is written: `"{name}"`, a JSON Pointer, or a constant.
    private func source(_ element: Element, _ format: Rule.Format?) -> Rule.Source? {
        if element.isMapping {
            element.complain("must be a single value; a captured level is in quotes: \"{name}\"")
            return nil
        }
        guard let text = element.text() else { return nil }
        if text.isEmpty || text.first == "/" {
            guard isPointer(text) else {
                element.complain(
                    "\(quoted(text)) is no JSON Pointer: '~' is only allowed as ~0 (for ~) "
                        + "and ~1 (for /)"
                )
                return nil
            }
            guard text.isEmpty || format != .text else {
                element.complain(
                    "with 'format: text' the payload is the value: the only pointer is \"\""
                )
                return nil
            }
            return .pointer(text)
        }
        guard text.contains("{") || text.contains("}") else { return .constant(text) }
        let name = String(text.dropFirst().dropLast())
        guard text.first == "{", text.last == "}", !name.contains("{"), !name.contains("}") else {
            element.complain("\(quoted(text)) must be a single {name} and nothing else")
            return nil
        }
        guard let topic else { return .capture(name) }
        guard topic.captures.contains(name) else {
            let near = nearest(to: name, among: topic.captures)
            let hint = near.map { "; did you mean '{\($0)}'?" } ?? ""
            element.complain("the topic has no level \(quoted(text))\(hint)")
            return nil
        }
        return .capture(name)
    }

    private func isPointer(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.indices.allSatisfy { index in
            guard bytes[index] == UInt8(ascii: "~") else { return true }
            guard index + 1 < bytes.count else { return false }
            return bytes[index + 1] == UInt8(ascii: "0") || bytes[index + 1] == UInt8(ascii: "1")
        }
    }

    /// A source of a count; a constant must be one itself.
    private func count(_ key: String, _ format: Rule.Format?) -> (
        present: Bool, source: Rule.Source?
    ) {
        guard let element = keys.take(key) else { return (false, nil) }
        let source = source(element, format)
        if case .constant(let text) = source {
            guard let value = WholeNumber.value(text),
                (0...Facility.maximumCount).contains(value)
            else {
                element.complain(
                    "a constant must be a whole number from 0 to \(Facility.maximumCount), "
                        + "not \(quoted(text)); a JSON Pointer begins with '/'"
                )
                return (true, nil)
            }
        }
        return (true, source)
    }

    private func facility(_ item: Element, _ format: Rule.Format?) -> Rule.Source? {
        guard let element = keys.take("facility") else {
            guard let topic, !topic.captures.contains("facility") else {
                return .capture("facility")
            }
            item.complain(
                "the rule has no facility: name a level of the topic {facility}, or add 'facility'"
            )
            return nil
        }
        let source = source(element, format)
        if case .constant(let text) = source, let facilities, !facilities.contains(text) {
            let near = nearest(to: text, among: facilities.sorted())
            let hint = near.map { "; did you mean \(quoted($0))?" } ?? ""
            element.complain("there is no facility with the id \(quoted(text))\(hint)")
            return nil
        }
        return source
    }

    /// A source of something that is another in every message.
    private func variable(
        _ element: Element,
        _ format: Rule.Format?,
        _ what: String
    ) -> Rule.Source? {
        let source = source(element, format)
        if case .constant(let text) = source {
            element.complain(
                "\(what) can't be the constant \(quoted(text)); give a JSON Pointer or a \"{name}\""
            )
            return nil
        }
        return source
    }

    private func sequence(_ format: Rule.Format?) -> Rule.Sequence? {
        let wrapsElement = keys.take("sequence_wraps_at")
        let wrapsAt = wrapsElement.flatMap { $0.integer(in: 2...4_294_967_296) }
        guard let element = keys.take("sequence") else {
            wrapsElement?.complain("there is no 'sequence' that could wrap; add one or remove this")
            return nil
        }
        return variable(element, format, "a sequence number").map {
            Rule.Sequence(number: $0, wrapsAt: wrapsAt)
        }
    }

    // MARK: Readings

    private func bay(_ item: Element, _ format: Rule.Format?) -> Rule.Kind? {
        let bay = bayName(item, format)
        let occupiedElement = keys.require("occupied", "where the message says it")
        let occupied = occupiedElement.flatMap { source($0, format) }
        let valuesElement = keys.take("values")
        let words = valuesElement.or(Rule.Words<Bool>()) { element in
            self.words(element, format, ["occupied": true, "vacant": false], required: true)
        }
        guard let bay, let occupiedElement, let occupied, let words else { return nil }
        let known =
            words.meanings.isEmpty ? ["true", "false", "1", "0"] : words.meanings.keys.sorted()
        guard isWord(occupied, known, occupiedElement) else { return nil }
        return .bay(bay: bay, occupied: occupied, words: words)
    }

    private func bayName(_ item: Element, _ format: Rule.Format?) -> Rule.Source? {
        if let element = keys.take("bay") { return source(element, format) }
        guard let topic, !topic.captures.contains("bay") else { return .capture("bay") }
        item.complain("the rule has no bay: name a level of the topic {bay}, or add 'bay'")
        return nil
    }

    private func movement(_ item: Element, _ format: Rule.Format?) -> Rule.Kind? {
        guard let (arrivals, departures) = bothWays(item, format, reading: "movement") else {
            return nil
        }
        return .movement(arrivals: arrivals, departures: departures)
    }

    private func counter(_ item: Element, _ format: Rule.Format?) -> Rule.Kind? {
        let wrapsAt = keys.take("wraps_at").flatMap { $0.integer(in: 2...4_294_967_296) }
        guard let (arrivals, departures) = bothWays(item, format, reading: "counter") else {
            return nil
        }
        return .counter(arrivals: arrivals, departures: departures, wrapsAt: wrapsAt)
    }

    private func bothWays(
        _ item: Element,
        _ format: Rule.Format?,
        reading: String
    ) -> (Rule.Source?, Rule.Source?)? {
        let arrivals = count("in", format)
        let departures = count("out", format)
        guard arrivals.present || departures.present else {
            item.complain("a \(reading) reading needs 'in', 'out' or both")
            return nil
        }
        return (arrivals.source, departures.source)
    }

    private func level(_ item: Element, _ format: Rule.Format?) -> Rule.Kind? {
        let occupied = count("occupied", format)
        let free = count("free", format)
        guard occupied.present != free.present else {
            item.complain("a level reading needs either 'occupied' or 'free'")
            return nil
        }
        return occupied.source.map { .occupied($0) } ?? free.source.map { .vacant($0) }
    }

    private func state(_ format: Rule.Format?) -> Rule.Kind? {
        let stateElement = keys.require("state", "where the message says it")
        let state = stateElement.flatMap { source($0, format) }
        let words = keys.take("values").or(Rule.Words<OperatingState>()) { element in
            let meanings: KeyValuePairs<String, OperatingState> = [
                "open": .open, "closed": .closed, "fault": .fault,
            ]
            return self.words(element, format, meanings, required: false)
        }
        guard let stateElement, let state, let words else { return nil }
        let known =
            words.meanings.isEmpty ? ["open", "closed", "fault"] : words.meanings.keys.sorted()
        guard isWord(state, known, stateElement) else { return nil }
        return .state(state, words: words)
    }

    // MARK: Words

    /// Complains about a constant that means nothing.
    private func isWord(_ source: Rule.Source, _ known: [String], _ element: Element) -> Bool {
        guard case .constant(let text) = source, !known.contains(text) else { return true }
        let words = known.map { quoted($0) }.joined(separator: ", ")
        element.complain(
            "the constant \(quoted(text)) is none of \(words); a JSON Pointer begins with '/'"
        )
        return false
    }

    /// Reads the lists of words under `values`.
    ///
    /// - Parameter required: Whether every meaning needs a word, since nothing else could ever say it.
    private func words<Value: Hashable & Sendable>(
        _ element: Element,
        _ format: Rule.Format?,
        _ meanings: KeyValuePairs<String, Value>,
        required: Bool
    ) -> Rule.Words<Value>? {
        guard let values = element.keys() else { return nil }
        var result: [String: Value] = [:]
        var owners: [String: String] = [:]
        for (key, meaning) in meanings {
            let list =
                required
                ? values.require(key, "the words that mean \(key)") : values.take(key)
            for item in list.map(wordElements) ?? [] {
                guard let word = item.text() else { continue }
                if format == .text,
                    word.first?.isWhitespace == true || word.last?.isWhitespace == true
                {
                    item.complain(
                        "\(quoted(word)) never matches: white space around a payload does not count"
                    )
                }
                if let owner = owners.updateValue(key, forKey: word) {
                    item.complain(
                        owner == key
                            ? "the word \(quoted(word)) is there twice"
                            : "the word \(quoted(word)) means '\(owner)' already"
                    )
                }
                result[word] = meaning
            }
        }
        values.finish()
        if !required, owners.isEmpty { element.complain("holds no word; remove it or add one") }
        return Rule.Words(result)
    }

    /// The items of a list of words, or a word alone.
    private func wordElements(_ element: Element) -> [Element] {
        if element.isScalar { return [element] }
        return element.items() ?? []
    }
}
