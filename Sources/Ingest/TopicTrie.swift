import Occupancy
import Parking

/// Where the levels of a topic begin and end.
struct TopicLevels {
    /// The end of each level, and so the place of the separator behind it.
    private var ends: [Int] = []

    var count: Int { ends.count }

    /// The bytes of a level.
    func range(_ level: Int) -> Range<Int> {
        (level == 0 ? 0 : ends[level - 1] + 1)..<ends[level]
    }

    /// Splits a topic; after the topic with the most levels so far nothing is allocated.
    mutating func split(_ topic: Span<UInt8>) {
        ends.removeAll(keepingCapacity: true)
        for index in 0..<topic.count where topic[index] == UInt8(ascii: "/") { ends.append(index) }
        ends.append(topic.count)
    }
}

/// The rules by their topics, to find the first that reads one.
///
/// **Shape.** A tree of levels, compiled once: at each node the child of a literal by hash, the child of any level, and the
/// rules that end there. Rules are looked at in a few steps a level, however many there are.
///
/// Not copyable, so that to ask it counts no references: it is asked for every message.
///
/// Source: MQTT 5.0, section 4.7; a wildcard in the first level does not match a topic that begins with `$` (4.7.2).
struct TopicTrie: ~Copyable, Sendable {
    private static let none = Int.max

    private struct Node {
        var anyChild: Int?
        /// Whether it has children of literals: where it has none, no level is looked up.
        var hasLiterals = false
        /// The first rule that ends here, and the first that ends here with `#`.
        var rule = TopicTrie.none
        var remainderRule = TopicTrie.none
        /// The first rule here or below: a branch that can't win is not entered.
        var first = TopicTrie.none
    }

    /// Plain numbers, so that to look at a node is to load it.
    private var nodes = [Node()]
    /// All rules that end at each node, and all that end there with `#`, in ascending order: for those who ask again.
    private var chains = [Chain()]

    private struct Chain {
        var rules: [Int] = []
        var remainderRules: [Int] = []
    }

    private let literals: NameTable
    private var literalChildren: [Int] = []

    init(_ patterns: [TopicPattern]) {
        let levelCount = patterns.reduce(0) { $0 + $1.levels.count }
        literals = NameTable(capacity: min(levelCount, NameTable.maximumCapacity))
        for (rule, pattern) in patterns.enumerated() { insert(pattern, rule: rule) }
    }

    /// The first rule that reads a topic.
    func match(_ topic: Span<UInt8>, _ levels: borrowing TopicLevels) -> Int? {
        match(topic, levels, after: -1)
    }

    /// The first rule behind another that reads a topic.
    func match(_ topic: Span<UInt8>, _ levels: borrowing TopicLevels, after: Int) -> Int? {
        let rule = match(
            topic,
            levels,
            level: 0,
            node: 0,
            after: after,
            best: Self.none
        )
        return rule == Self.none ? nil : rule
    }

    private func match(
        _ topic: Span<UInt8>,
        _ levels: borrowing TopicLevels,
        level: Int,
        node number: Int,
        after: Int,
        best: Int
    ) -> Int {
        let node = nodes[number]
        guard node.first < best else { return best }
        var best = best
        let isHidden = level == 0 && topic.count > 0 && topic[0] == UInt8(ascii: "$")
        if !isHidden {
            let rule = node.remainderRule
            best = min(best, rule > after ? rule : next(in: chains[number].remainderRules, after))
        }
        guard level < levels.count else {
            let rule = node.rule
            return min(best, rule > after ? rule : next(in: chains[number].rules, after))
        }
        if node.hasLiterals,
            let literal = literals.find(
                topic.extracting(levels.range(level)),
                scope: UInt32(number)
            )
        {
            best = match(
                topic,
                levels,
                level: level + 1,
                node: literalChildren[literal],
                after: after,
                best: best
            )
        }
        if !isHidden, let child = node.anyChild {
            best = match(
                topic,
                levels,
                level: level + 1,
                node: child,
                after: after,
                best: best
            )
        }
        return best
    }

    /// The first of the rules behind another.
    private func next(in rules: [Int], _ after: Int) -> Int {
        rules.first { $0 > after } ?? Self.none
    }

    private mutating func insert(_ pattern: TopicPattern, rule: Int) {
        var node = 0
        nodes[node].first = min(nodes[node].first, rule)
        for level in pattern.levels {
            switch level {
            case .remainder:
                nodes[node].remainderRule = min(nodes[node].remainderRule, rule)
                chains[node].remainderRules.append(rule)
                return
            case .any, .capture: node = anyChild(of: node)
            case .literal(let text): node = literalChild(of: node, Array(text.utf8))
            }
            nodes[node].first = min(nodes[node].first, rule)
        }
        nodes[node].rule = min(nodes[node].rule, rule)
        chains[node].rules.append(rule)
    }

    private mutating func append() {
        nodes.append(Node())
        chains.append(Chain())
    }

    private mutating func anyChild(of node: Int) -> Int {
        if let child = nodes[node].anyChild { return child }
        append()
        nodes[node].anyChild = nodes.count - 1
        return nodes.count - 1
    }

    private mutating func literalChild(of node: Int, _ text: [UInt8]) -> Int {
        guard let number = literals.insert(text.span, scope: UInt32(node)) else {
            fatalError("a level of \(text.count) bytes does not fit the trie of \(literals.count)")
        }
        if number == literalChildren.count {
            append()
            nodes[node].hasLiterals = true
            literalChildren.append(nodes.count - 1)
        }
        return literalChildren[number]
    }
}
