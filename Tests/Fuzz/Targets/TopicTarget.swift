import CMosquitto
import Parking

@testable import Configuration
@testable import Ingest

/// Patterns and a topic, a line each, the topic last: the trie finds the first rule that matches, where "matches" is
/// what MQTT's specification says level by level, and what the broker's own library says.
struct TopicTarget: FuzzTarget {
    func run(_ input: [UInt8]) throws(Violation) {
        var lines = input.split(separator: 0x0A, omittingEmptySubsequences: false)
        let topic = Array(lines.removeLast())
        let patterns = lines.prefix(64).compactMap { line in
            try? TopicPattern(String(decoding: line, as: UTF8.self))
        }
        var levels = TopicLevels()
        levels.split(topic.span)
        let expected = patterns.firstIndex { Self.matches($0, topic) }
        let found = TopicTrie(patterns).match(topic.span, levels)
        try require(found == expected, "the trie finds \(found ?? -1), not \(expected ?? -1)")
        for pattern in patterns {
            let matches = Self.matches(pattern, topic)
            if let theirs = Self.matchesForMosquitto(pattern, topic) {
                try require(theirs == matches, "libmosquitto: \(pattern.filter) \(theirs)")
            }
            for other in patterns {
                let both = matches && Self.matches(other, topic)
                try require(!both || pattern.overlaps(other), "\(pattern), \(other) overlap")
                let isCovered = !pattern.covers(other) || matches || !Self.matches(other, topic)
                try require(isCovered, "\(pattern) does not cover \(other)")
            }
        }
    }

    /// Source: MQTT 5.0, section 4.7.
    private static func matches(_ pattern: TopicPattern, _ topic: [UInt8]) -> Bool {
        var names = topic.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)[...]
        var isFirst = true
        for level in pattern.levels {
            defer { isFirst = false }
            let isHidden = isFirst && topic.first == UInt8(ascii: "$")
            switch level {
            case .remainder: return !isHidden
            case .any, .capture: guard !isHidden, names.popFirst() != nil else { return false }
            case .literal(let text):
                guard let name = names.popFirst(), name.elementsEqual(text.utf8) else {
                    return false
                }
            }
        }
        return names.isEmpty
    }

    /// What libmosquitto says; nil where it takes no such topic or filter.
    private static func matchesForMosquitto(_ pattern: TopicPattern, _ topic: [UInt8]) -> Bool? {
        guard !topic.isEmpty, !topic.contains(0),
            !topic.contains(UInt8(ascii: "+")), !topic.contains(UInt8(ascii: "#"))
        else { return nil }
        var result = false
        let code = unsafe pattern.filter.withCString { filter in
            unsafe (topic.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer {
                unsafe mosquitto_topic_matches_sub(filter, $0.baseAddress, &result)
            }
        }
        return code == MOSQ_ERR_SUCCESS.rawValue ? result : nil
    }
}
