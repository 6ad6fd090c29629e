import Parking

extension TopicPattern {
    /// Whether a topic name of these levels matches.
    ///
    /// Source: MQTT 5.0, sections 4.7.1 and 4.7.2.
    func matches(_ parts: [ArraySlice<UInt8>]) -> Bool {
        if parts.first?.first == UInt8(ascii: "$"), let first = levels.first, !first.isLiteral {
            return false
        }
        for (index, level) in levels.enumerated() {
            switch level {
            case .remainder: return true
            case .literal(let text):
                guard index < parts.count, text.utf8.elementsEqual(parts[index]) else {
                    return false
                }
            case .any, .capture:
                guard index < parts.count else { return false }
            }
        }
        return levels.count == parts.count
    }
}

extension TopicPattern.Level {
    fileprivate var isLiteral: Bool {
        if case .literal = self { true } else { false }
    }
}
