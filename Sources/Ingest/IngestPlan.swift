import JSONDocument
import Occupancy
public import Parking

/// What a message may be at most.
public struct IngestLimits: Equatable, Sendable {
    /// The longest payload, in bytes.
    public var payloadBytes: Int
    /// The most levels of arrays and objects in a payload.
    public var jsonDepth: Int
    /// The longest topic, in bytes.
    public var topicBytes: Int

    /// Limits of these values; by default those of the configuration.
    public init(payloadBytes: Int = 65_536, jsonDepth: Int = 64, topicBytes: Int = 1024) {
        self.payloadBytes = payloadBytes
        self.jsonDepth = jsonDepth
        self.topicBytes = topicBytes
    }
}

/// The rules and facilities of a configuration, compiled for the stream.
///
/// **Threads.** Immutable; every ingest thread reads the same one.
public final class IngestPlan: Sendable {
    /// The facilities, in the configured order.
    public let facilities: [Facility]

    /// The rules, in the configured order.
    public let rules: [Rule]

    /// What a message may be at most.
    public let limits: IngestLimits

    let trie: TopicTrie
    let compiled: [CompiledRule]
    private let facilityNumbers: NameTable

    /// Compiles rules that were checked.
    ///
    /// - Precondition: As the configuration guarantees: constant facilities exist, captures are captured, pointers are
    ///   pointers, and the text format has none but the empty one.
    public init(facilities: [Facility], rules: [Rule], limits: IngestLimits = IngestLimits()) {
        self.facilities = facilities
        self.rules = rules
        self.limits = limits
        facilityNumbers = NameTable(capacity: facilities.count)
        for facility in facilities {
            let id = Array(facility.id.text.utf8)
            _ = facilityNumbers.insert(id.span)
        }
        trie = TopicTrie(rules.map(\.topic))
        compiled = rules.map { rule in CompiledRule(rule) }
    }

    /// The number of the facility of this identifier.
    func facility(_ id: Span<UInt8>) -> Int? { facilityNumbers.find(id) }
}

/// Where a field comes from, as the stream needs it.
enum CompiledSource: Sendable {
    case constant([UInt8])
    case level(Int)
    case pointer(JSONPointer)
    /// The whole payload as text.
    case payload

    init(_ source: Rule.Source, of rule: Rule) {
        switch source {
        case .constant(let text):
            self = .constant(Array(text.utf8))
        case .capture(let name):
            guard let level = rule.topic.levels.firstIndex(of: .capture(name)) else {
                fatalError("the topic \(rule.topic) does not capture \(name)")
            }
            self = .level(level)
        case .pointer(let text):
            if rule.format == .text {
                self = .payload
            } else if let pointer = JSONPointer(text) {
                self = .pointer(pointer)
            } else {
                fatalError("\(text) is no JSON Pointer")
            }
        }
    }
}

/// The words of a rule and what they mean, as bytes.
struct CompiledWords<Value: Hashable & Sendable>: Sendable {
    private let entries: [(word: [UInt8], meaning: Value)]

    /// The words of a rule, or these where it names none.
    init(_ words: Rule.Words<Value>, otherwise defaults: [String: Value]) {
        let meanings = words.meanings.isEmpty ? defaults : words.meanings
        entries = meanings.sorted { $0.key < $1.key }.map { (Array($0.key.utf8), $0.value) }
    }

    func meaning(_ word: Span<UInt8>) -> Value? {
        for index in entries.indices where equal(entries[index].word, word) {
            return entries[index].meaning
        }
        return nil
    }

    private func equal(_ left: [UInt8], _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count where left[index] != right[index] { return false }
        return true
    }
}

/// A rule as the stream needs it.
struct CompiledRule: Sendable {
    enum Kind: Sendable {
        case bay(bay: CompiledSource, occupied: CompiledSource, CompiledWords<Bool>)
        case movement(arrivals: CompiledSource?, departures: CompiledSource?)
        case counter(arrivals: CompiledSource?, departures: CompiledSource?, wrapsAt: Int?)
        case occupied(CompiledSource)
        case vacant(CompiledSource)
        case state(CompiledSource, CompiledWords<OperatingState>)
    }

    let isJSON: Bool
    let facility: CompiledSource
    let observed: CompiledSource?
    let sequence: (number: CompiledSource, wrapsAt: Int?)?
    let kind: Kind

    init(_ rule: Rule) {
        func compile(_ source: Rule.Source) -> CompiledSource { CompiledSource(source, of: rule) }
        isJSON = rule.format == .json
        facility = compile(rule.facility)
        observed = rule.observed.map(compile)
        sequence = rule.sequence.map { (compile($0.number), $0.wrapsAt) }
        switch rule.kind {
        case .bay(let bay, let occupied, let words):
            let defaults = ["true": true, "1": true, "false": false, "0": false]
            kind = .bay(
                bay: compile(bay),
                occupied: compile(occupied),
                CompiledWords(words, otherwise: defaults)
            )
        case .movement(let arrivals, let departures):
            kind = .movement(
                arrivals: arrivals.map(compile),
                departures: departures.map(compile)
            )
        case .counter(let arrivals, let departures, let wrapsAt):
            kind = .counter(
                arrivals: arrivals.map(compile),
                departures: departures.map(compile),
                wrapsAt: wrapsAt
            )
        case .occupied(let source): kind = .occupied(compile(source))
        case .vacant(let source): kind = .vacant(compile(source))
        case .state(let source, let words):
            let defaults: [String: OperatingState] = [
                "open": .open, "closed": .closed, "fault": .fault,
            ]
            kind = .state(compile(source), CompiledWords(words, otherwise: defaults))
        }
    }
}
