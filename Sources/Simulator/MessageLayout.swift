import Parking

/// Where everything stands in the messages of a rule: what it reads, what its conditions ask for, and what a network server
/// puts around it.
struct MessageLayout {
    typealias Leaf = MessageTemplate.Leaf
    typealias Piece = MessageTemplate.Piece

    /// A field and where the rule reads it.
    struct PlacedField {
        let field: MessageTemplate.Field
        let source: Rule.Source
        /// Whether it stands in the element of an array.
        var isInElement = false
    }

    let rule: Rule
    /// What stands in a level of the topic, by its name.
    private(set) var levels: [String: Leaf] = [:]
    private(set) var tree = JSONTree()
    /// What stands in the fields of a text; the whole of it is field 0.
    private(set) var fields: [Int: Leaf] = [:]

    /// - Throws: Why no message can have it all.
    init(rule: Rule, fields: [PlacedField], session: String) throws(Simulator.Reason) {
        self.rule = rule
        try checkSeparator()
        let array = rule.elements.map { rule.envelope.contents + $0 }
        if let array { try tree.insert(nil, at: array + "/0") }
        for placed in fields {
            try put(.gap(placed.field), at: placed.source, isInElement: placed.isInElement)
        }
        try fillConditions()
        try wrap(session: session)
        guard let array else { return }
        guard case .members(elements: 1) = tree.found(at: array) else {
            throw .sharedPlace("'\(array)'")
        }
    }

    // MARK: What the rule reads

    private mutating func put(
        _ leaf: Leaf,
        at source: Rule.Source,
        isInElement: Bool = false
    ) throws(Simulator.Reason) {
        switch source {
        case .constant: break
        case .capture(let name):
            guard rule.topic.captures.contains(name) else { throw .captureAbsent(name) }
            if case .word(let word) = leaf, !word.isLevel { throw .unfitLevel(word.text) }
            guard levels.updateValue(leaf, forKey: name) == nil else {
                throw .sharedPlace("{\(name)}")
            }
        case .pointer(let pointer) where rule.format == .text:
            guard let number = rule.field(of: pointer) else { throw .insideText(pointer) }
            guard fields.updateValue(leaf, forKey: number) == nil else {
                throw .sharedPlace("'\(pointer)'")
            }
        case .pointer(let pointer):
            let element = isInElement ? rule.elements.map { $0 + "/0" } ?? "" : ""
            try tree.insert(leaf, at: rule.envelope.contents + element + pointer)
        case .envelope(let pointer): try tree.insert(leaf, at: pointer)
        case .sum(let parts):
            // The first part says it all.
            var leaf = leaf
            for part in parts {
                try put(leaf, at: part, isInElement: isInElement)
                if case .constant = part { continue }
                leaf = .word(Word("0", isJSON: rule.format == .json))
            }
        }
    }

    /// Refuses what would part a number, a time or an identifier.
    private func checkSeparator() throws(Simulator.Reason) {
        guard let separator = rule.separator else { return }
        let isInValues = separator.unicodeScalars.contains { scalar in
            scalar.properties.isAlphabetic || "0123456789-+.:".unicodeScalars.contains(scalar)
        }
        if isInValues { throw .commonSeparator(separator) }
    }

    // MARK: What the conditions ask for

    private mutating func fillConditions() throws(Simulator.Reason) {
        // What must only be there may stand above what must be a word.
        for condition in rule.conditions {
            guard case .isOneOf(let words) = condition.test, let word = words.first else {
                continue
            }
            try fill(condition.source, with: word)
        }
        for condition in rule.conditions {
            switch condition.test {
            case .isOneOf: break
            case .isNoneOf(let words):
                guard rule.isZeroWhenAbsent(condition.source), words.contains(where: Word.isZero)
                else {
                    continue
                }
                let other = (1...words.count + 1).map(String.init).first { !words.contains($0) }
                try fill(condition.source, with: other ?? "")
            case .isPresent(let isPresent):
                // 0 is what says least: no fault, no alarm.
                if isPresent { try fill(condition.source, with: "0") }
            }
        }
    }

    /// Puts a word where nothing stands.
    private mutating func fill(
        _ source: Rule.Source,
        with text: String
    ) throws(Simulator.Reason) {
        var isEmpty = false
        var isJSON = rule.format == .json
        switch source {
        case .capture(let name):
            isEmpty = levels[name] == nil
            isJSON = false
        case .pointer(let pointer) where rule.format == .text:
            isEmpty = rule.field(of: pointer).map { fields[$0] == nil } ?? true
        case .pointer(let pointer):
            isEmpty = isNothing(at: rule.envelope.contents + pointer)
        case .envelope(let pointer): isEmpty = isNothing(at: pointer)
        case .constant, .sum: break
        }
        if isEmpty { try put(.word(Word(text, isJSON: isJSON)), at: source) }
    }

    private func isNothing(at pointer: String) -> Bool {
        if case .nothing = tree.found(at: pointer) { true } else { false }
    }

    // MARK: What is around it

    /// Adds what the network server says, unless the rule says it already.
    private mutating func wrap(session: String) throws(Simulator.Reason) {
        let additions: [(pointer: String, leaf: Leaf)] =
            switch rule.envelope {
            case .none: []
            case .theThingsStack:
                [
                    ("/end_device_ids/device_id", .gap(.sensor)),
                    ("/received_at", .gap(.received)),
                    ("/uplink_message/session_key_id", .word(Word(session, isJSON: true))),
                    ("/uplink_message/f_port", .word(Word("1", isJSON: true))),
                    ("/uplink_message/f_cnt", .gap(.number)),
                    ("/uplink_message/received_at", .gap(.received)),
                ]
            case .chirpStack:
                [
                    ("/deduplicationId", .gap(.message)),
                    ("/time", .gap(.received)),
                    ("/deviceInfo/devEui", .gap(.sensor)),
                    ("/devAddr", .word(Word(session, isJSON: true))),
                    ("/fCnt", .gap(.number)),
                    ("/fPort", .word(Word("1", isJSON: true))),
                ]
            }
        for (pointer, leaf) in additions where isNothing(at: pointer) {
            try tree.insert(leaf, at: pointer)
        }
        guard rule.envelope != .none else { return }
        let contents = rule.envelope.contents
        if case .leaf = tree.found(at: contents) { throw .bareContents }
        try tree.insert(nil, at: contents)
    }

    // MARK: The message

    /// The payload, in pieces.
    var payload: [Piece] {
        guard rule.format == .text else { return tree.json }
        let one = Array("1".utf8)
        guard let last = fields.keys.max() else { return [.bytes(one)] }
        let separator = Array((rule.separator ?? "").utf8)
        return (0...last).flatMap { number -> [Piece] in
            let piece: Piece =
                switch fields[number] {
                case .gap(let field): .gap(field)
                case .word(let word): .bytes(word.bytes)
                case nil: .bytes(one)
                }
            return number == 0 ? [piece] : [.bytes(separator), piece]
        }
    }

    /// The topic, in pieces.
    ///
    /// - Throws: `otherEvent` where no uplink has such a topic.
    func topic() throws(Simulator.Reason) -> [Piece] {
        let pattern = rule.topic.levels
        let isMadeUp = pattern.map { level in
            switch level {
            case .any, .remainder: true
            case .capture(let name): levels[name] == nil
            case .literal: false
            }
        }
        // ChirpStack's topics end with what happened.
        let event = rule.envelope == .chirpStack ? pattern.indices.last : nil
        let named = pattern.indices.last { index in
            isMadeUp[index] && (index != event || pattern[index] == .remainder)
        }
        var pieces: [Piece] = []
        for (index, level) in pattern.enumerated() {
            if index > 0 { pieces.append(.bytes(Array("/".utf8))) }
            let name: Piece =
                index == named && !rule.isOfDevice
                ? .gap(.sensor) : .bytes(Array("simulated".utf8))
            switch level {
            case .literal(let text):
                if index == event { try checkEvent(text) }
                pieces.append(.bytes(Array(text.utf8)))
            case .remainder where index == event: pieces += [name, .bytes(Array("/up".utf8))]
            case .capture(let capture) where !isMadeUp[index]:
                switch levels[capture] {
                case .gap(let field): pieces.append(.gap(field))
                case .word(let word):
                    if index == event { try checkEvent(word.text) }
                    pieces.append(.bytes(word.bytes))
                case nil: break
                }
            case .any where index == event, .capture where index == event:
                pieces.append(.bytes(Array("up".utf8)))
            case .any, .capture, .remainder: pieces.append(name)
            }
        }
        return pieces
    }

    /// Source: ChirpStack v4 documentation, "Event types".
    private func checkEvent(_ text: String) throws(Simulator.Reason) {
        let others = ["status", "log", "join", "ack", "txack", "location", "integration"]
        if others.contains(text) { throw .otherEvent(text) }
    }
}

extension Rule {
    /// Whether it asks a registry where a sensor is.
    var isOfDevice: Bool {
        if case .device = subject { true } else { false }
    }

    /// The number of the field of a text that a pointer means.
    func field(of pointer: String) -> Int? {
        if separator == nil { return pointer.isEmpty ? 0 : nil }
        return Int(pointer.dropFirst()).flatMap { $0 >= 0 ? $0 : nil }
    }

    /// Whether a message that leaves this out says 0 or false.
    func isZeroWhenAbsent(_ source: Source) -> Bool {
        if case .envelope = source { return true }
        return absentIsZero
    }
}
