internal import Parking

extension TopicPattern {
    /// Whether every topic that the other pattern matches is matched by this one as well.
    ///
    /// Source: MQTT 5.0, section 4.7: `#` includes the parent level, and a wildcard at the beginning
    /// leaves out the topics that begin with `$`.
    func covers(_ other: TopicPattern) -> Bool {
        if case .literal(let first) = other.levels.first, first.first == "$",
            !isLiteral(levels.first)
        {
            return false
        }
        for (index, level) in levels.enumerated() {
            let theirs = other.levels.indices.contains(index) ? other.levels[index] : nil
            switch (level, theirs) {
            case (.remainder, _): return true
            case (_, .remainder), (_, nil): return false
            case (.any, _), (.capture, _): continue
            case (.literal(let text), .literal(let other)):
                guard text == other else { return false }
            case (.literal, .any), (.literal, .capture): return false
            }
        }
        return levels.count == other.levels.count
    }

    /// Whether there is a topic that both patterns match.
    func overlaps(_ other: TopicPattern) -> Bool {
        if covers(other) || other.covers(self) { return true }
        for (level, theirs) in zip(levels, other.levels) {
            switch (level, theirs) {
            case (.remainder, _), (_, .remainder): return true
            case (.literal(let text), .literal(let other)):
                guard text == other else { return false }
            case (.any, _), (.capture, _), (_, .any), (_, .capture): continue
            }
        }
        // Where one is longer, it may have "#" alone behind the other's end: "#" includes the parent level.
        let rest = levels.dropFirst(other.levels.count) + other.levels.dropFirst(levels.count)
        return rest.isEmpty || Array(rest) == [.remainder]
    }

    private func isLiteral(_ level: Level?) -> Bool {
        if case .literal = level { true } else { false }
    }
}

extension TopicPattern.Problem {
    /// What is wrong and what to do about it.
    var message: String {
        switch self {
        case .empty: "must not be empty"
        case .unrepresentable: "must be at most 65535 bytes of text without a NUL"
        case .misplacedRemainder: "'#' must stand alone as the last level"
        case .misplacedAny: "'+' must stand alone in its level"
        case .malformedCapture(let part):
            "\(quoted(part)) must be {, a name of a-z, 0-9 and _, then }, alone in its level"
        case .repeatedCapture(let name): "{\(name)} is there twice; give each level its own name"
        case .shared:
            "shared subscriptions are refused: they break the order of one bay's readings"
        }
    }
}
