import Parking

/// What the conditions of this and other rules find in a message.
extension MessageLayout {
    /// A message as conditions see it.
    struct Probe {
        let content: MessageTemplate.Content
        /// The levels of its topic.
        let levels: [ArraySlice<UInt8>]
    }

    /// What a condition finds.
    private enum Found {
        case nothing
        /// What no word is equal to: an object, or a time.
        case something
        case word(String)
        case decimal(Double)
        /// One that is another in every message.
        case number
    }

    /// Whether all conditions of a rule hold for a message; nil where that depends on what it counts.
    func meetsConditions(of other: Rule, _ probe: Probe) -> Bool? {
        var isCertain = true
        for condition in other.conditions {
            switch holds(condition, of: other, probe) {
            case false?: return false
            case true?: break
            case nil: isCertain = false
            }
        }
        return isCertain ? true : nil
    }

    /// Whether a condition holds for a message; nil where that depends on what it counts.
    func holds(_ condition: Rule.Condition, of other: Rule, _ probe: Probe) -> Bool? {
        let found = found(at: condition.source, of: other, probe)
        func isOne(of words: [String]) -> Bool? {
            switch found {
            case .nothing:
                other.isZeroWhenAbsent(condition.source) && words.contains(where: Word.isZero)
            case .something: false
            case .word(let text): words.contains(text)
            case .decimal(let number): words.contains { Self.isNumber($0, number) }
            case .number: words.contains { Double($0) != nil } ? nil : false
            }
        }
        switch condition.test {
        case .isPresent(let isPresent):
            if case .nothing = found { return !isPresent }
            return isPresent
        case .isOneOf(let words): return isOne(of: words)
        case .isNoneOf(let words): return isOne(of: words).map { !$0 }
        }
    }

    /// Whether a word is this number, without an exponent and a leading zero: `3`, or `3.0`.
    private static func isNumber(_ word: String, _ number: Double) -> Bool {
        let digits = word.first == "-" ? word.dropFirst() : word[...]
        let isLedByZero = digits.first == "0" && digits.count > 1 && !digits.hasPrefix("0.")
        return !isLedByZero && digits.allSatisfy { "0123456789.".contains($0) }
            && digits.first != "." && digits.last != "." && Double(word) == number
    }

    private func found(at source: Rule.Source, of other: Rule, _ probe: Probe) -> Found {
        switch source {
        case .constant(let text): return .word(text)
        case .sum: return .nothing
        case .capture(let name):
            guard let index = other.topic.levels.firstIndex(of: .capture(name)),
                probe.levels.indices.contains(index)
            else { return .nothing }
            return .word(String(decoding: probe.levels[index], as: UTF8.self))
        case .pointer(let pointer) where other.format == .text:
            return other.field(of: pointer).flatMap { fields[$0] }.map { found($0, probe) }
                ?? .nothing
        case .pointer(let pointer): return found(at: other.envelope.contents + pointer, probe)
        case .envelope(let pointer): return found(at: pointer, probe)
        }
    }

    private func found(at pointer: String, _ probe: Probe) -> Found {
        switch tree.found(at: pointer) {
        case .nothing: .nothing
        case .members: .something
        case .leaf(let leaf): found(leaf, probe)
        }
    }

    private func found(_ leaf: Leaf, _ probe: Probe) -> Found {
        let content = probe.content
        switch leaf {
        case .word(let word): return found(word)
        case .gap(let field):
            switch field {
            case .facility: return .word(String(decoding: content.post.facility, as: UTF8.self))
            case .zone: return .word(String(decoding: content.post.zone, as: UTF8.self))
            case .device: return .word(String(decoding: content.post.name, as: UTF8.self))
            case .bay: return .word(String(content.bay))
            case .sensor, .observed, .received, .message: return .something
            case .number: return .number
            case .value: return found(content.value)
            case .departures: return found(content.departures)
            }
        }
    }

    private func found(_ value: MessageTemplate.Value) -> Found {
        switch value {
        case .none: .something
        case .number, .percent: .number
        case .word(let word): found(word)
        }
    }

    private func found(_ word: Word) -> Found {
        guard word.isBare, word.text != "true", word.text != "false" else {
            return .word(word.text)
        }
        return Double(word.text).map(Found.decimal) ?? .number
    }
}
