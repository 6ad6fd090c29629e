import JSONDocument
import Parking

/// Where a field comes from, as the stream needs it.
enum CompiledSource: Sendable {
    case constant([UInt8])
    case level(Int)
    case pointer(JSONPointer)
    /// In the envelope, where what is left out is 0 or false.
    case envelope(JSONPointer)
    /// Below the element of an array.
    case element(String)
    /// The whole payload as text.
    case payload
    /// A field of a text with separators.
    case field(Int, separator: [UInt8])
    case sum([CompiledSource])

    /// - Parameter isInElement: Whether a pointer begins at the element of an array.
    init(_ source: Rule.Source, of rule: Rule, isInElement: Bool) {
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
                self = Self.text(text, rule)
            } else if isInElement {
                self = .element(text)
            } else {
                self = .pointer(Self.pointer(rule.envelope.contents + text))
            }
        case .envelope(let text): self = .envelope(Self.pointer(text))
        case .sum(let sources):
            self = .sum(sources.map { CompiledSource($0, of: rule, isInElement: isInElement) })
        }
    }

    private static func text(_ pointer: String, _ rule: Rule) -> CompiledSource {
        guard let separator = rule.separator, !pointer.isEmpty else { return .payload }
        guard let number = Int(pointer.dropFirst()) else {
            fatalError("\(pointer) is no field of a text")
        }
        return .field(number, separator: Array(separator.utf8))
    }

    private static func pointer(_ text: String) -> JSONPointer {
        guard let pointer = JSONPointer(text) else { fatalError("\(text) is no JSON Pointer") }
        return pointer
    }
}

/// The words of a rule and what they mean, as bytes.
struct CompiledWords<Value: Hashable & Sendable>: Sendable {
    private struct Entry: Sendable {
        let word: [UInt8]
        let number: Number?
        let meaning: Value
    }

    /// The number that a word is: one is compared by its value, since `1.20` and `12e-1` are the same one.
    private enum Number: Sendable {
        case integer(Int64)
        case real(Double)
    }

    private let entries: [Entry]

    /// The words of a rule, or these where it names none.
    init(_ words: Rule.Words<Value>, otherwise defaults: [String: Value]) {
        let meanings = words.meanings.isEmpty ? defaults : words.meanings
        entries = meanings.sorted { $0.key < $1.key }.map { word, meaning in
            Entry(word: Array(word.utf8), number: Self.number(word), meaning: meaning)
        }
    }

    /// The number that a word is, if it is a decimal number as JSON writes one: without a leading zero.
    private static func number(_ word: String) -> Number? {
        guard Scalar.isDecimal(word.utf8.span) else { return nil }
        if let integer = Int64(word) { return .integer(integer) }
        return Double(word).map { number in
            Int64(exactly: number).map(Number.integer) ?? .real(number)
        }
    }

    func meaning(_ word: Span<UInt8>) -> Value? {
        for index in entries.indices where equal(entries[index].word, word) {
            return entries[index].meaning
        }
        return nil
    }

    func meaning(_ number: Int64) -> Value? {
        for index in entries.indices {
            if case .integer(number) = entries[index].number { return entries[index].meaning }
        }
        return nil
    }

    func meaning(_ number: Double) -> Value? {
        if let integer = Int64(exactly: number) { return meaning(integer) }
        for index in entries.indices {
            if case .real(number) = entries[index].number { return entries[index].meaning }
        }
        return nil
    }

    private func equal(_ left: [UInt8], _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count where left[index] != right[index] { return false }
        return true
    }
}

/// A condition as the stream needs it.
struct CompiledCondition: Sendable {
    enum Test: Sendable {
        /// A word of these; or, if false, none of them.
        case words(CompiledWords<Bool>, isOneOf: Bool)
        case isPresent(Bool)
    }

    let source: CompiledSource
    let test: Test

    init(_ condition: Rule.Condition, of rule: Rule) {
        func words(_ words: [String]) -> CompiledWords<Bool> {
            CompiledWords(Rule.Words(), otherwise: Dictionary(words.map { ($0, true) }) { $1 })
        }
        source = CompiledSource(condition.source, of: rule, isInElement: false)
        test =
            switch condition.test {
            case .isOneOf(let list): .words(words(list), isOneOf: true)
            case .isNoneOf(let list): .words(words(list), isOneOf: false)
            case .isPresent(let isPresent): .isPresent(isPresent)
            }
    }
}

/// What is read of the sensor itself, as the stream needs it.
struct CompiledHealth: Sendable {
    let batteryPercent: CompiledSource?
    let batteryVolts: CompiledSource?
    let batteryLow: [CompiledCondition]
    let fault: [CompiledCondition]
    let tamper: [CompiledCondition]
    let obstructed: [CompiledCondition]
    /// Whether a message says anything of the battery or of faults.
    let isSpoken: Bool
    let speaksOfFaults: Bool

    init(_ health: Rule.Health, of rule: Rule) {
        func source(_ source: Rule.Source) -> CompiledSource {
            CompiledSource(source, of: rule, isInElement: false)
        }
        func conditions(_ list: [Rule.Condition]) -> [CompiledCondition] {
            list.map { CompiledCondition($0, of: rule) }
        }
        batteryPercent = health.batteryPercent.map(source)
        batteryVolts = health.batteryVolts.map(source)
        batteryLow = conditions(health.batteryLow)
        fault = conditions(health.fault)
        tamper = conditions(health.tamper)
        obstructed = conditions(health.obstructed)
        speaksOfFaults = !(fault.isEmpty && tamper.isEmpty && obstructed.isEmpty)
        isSpoken =
            batteryPercent != nil || batteryVolts != nil || !batteryLow.isEmpty || speaksOfFaults
    }
}

/// A rule as the stream needs it.
///
/// A class, so that to take one in hand is to count one reference, however much it says.
final class CompiledRule: Sendable {
    enum Kind: Sendable {
        case bay(
            bay: CompiledSource,
            occupied: CompiledSource,
            CompiledWords<Bool>,
            threshold: Rule.Threshold?
        )
        case heartbeat(bay: CompiledSource)
        case movement(arrivals: CompiledSource?, departures: CompiledSource?, resetAbove: Int?)
        case counter(arrivals: CompiledSource?, departures: CompiledSource?, wrapsAt: Int?)
        case occupied(CompiledSource, unit: Rule.Unit)
        case vacant(CompiledSource, unit: Rule.Unit)
        case state(CompiledSource, CompiledWords<OperatingState>)
        case health
    }

    /// Its place among the rules.
    let number: Int
    let isJSON: Bool
    let envelope: Rule.Envelope
    let envelopePointers: EnvelopePointers?
    let conditions: [CompiledCondition]
    /// The array whose elements are readings.
    let elements: JSONPointer?
    let subject: CompiledSource
    let isOfDevice: Bool
    let zone: CompiledSource?
    let bayClass: BayClass?
    let observed: CompiledSource?
    /// Whether its elements are totals of several times.
    let isHistory: Bool
    let clock: ObservationClock
    /// Whether a time is an instant as it stands: the usual case.
    let isPlainClock: Bool
    let sequence: (number: CompiledSource, wrapsAt: Int?)?
    let absentIsZero: Bool
    let kind: Kind
    /// Whether the payload names the device, so that several devices may share a topic.
    let isDeviceInPayload: Bool
    /// What is added to the name of a sensor to name this counter among others of it, as installed or the other way round.
    let counterSuffix: (forward: [UInt8], reversed: [UInt8])
    let health: CompiledHealth?
    let continues: Bool

    init(_ rule: Rule, number: Int) {
        self.number = number
        let isInElement = rule.elements != nil
        func outer(_ source: Rule.Source) -> CompiledSource {
            CompiledSource(source, of: rule, isInElement: false)
        }
        func inner(_ source: Rule.Source) -> CompiledSource {
            CompiledSource(source, of: rule, isInElement: isInElement)
        }
        isJSON = rule.format == .json
        envelope = rule.envelope
        envelopePointers =
            switch rule.envelope {
            case .none: nil
            case .theThingsStack: .theThingsStack
            case .chirpStack: .chirpStack
            }
        conditions = rule.conditions.map { CompiledCondition($0, of: rule) }
        elements = rule.elements.flatMap { JSONPointer(rule.envelope.contents + $0) }
        switch rule.subject {
        case .facility(let source):
            subject = outer(source)
            isOfDevice = false
        case .device(let source):
            subject = outer(source)
            isOfDevice = true
        }
        zone = rule.zone.map(inner)
        bayClass = rule.bayClass
        observed = rule.observed.map(inner)
        var isCounter = false
        if case .counter = rule.kind { isCounter = true }
        isHistory = isCounter && isInElement && rule.observed != nil
        clock = rule.clock
        isPlainClock = rule.clock == ObservationClock()
        sequence = rule.sequence.map { (outer($0.number), $0.wrapsAt) }
        absentIsZero = rule.absentIsZero
        health = rule.health.map { CompiledHealth($0, of: rule) }
        continues = rule.continues
        var isInTopic = false
        if case .level = subject { isInTopic = true }
        isDeviceInPayload = isOfDevice && !isInTopic
        var suffix: [UInt8] = []
        // No topic, device or counter has a name with a NUL: none of them is taken for another.
        if case .counter(_, _, _, let name?) = rule.kind { suffix = Array("\0\(name)".utf8) }
        counterSuffix = (suffix, suffix + [0])
        kind = Self.kind(rule.kind, inner)
    }

    private static func kind(
        _ kind: Rule.Kind,
        _ compile: (Rule.Source) -> CompiledSource
    ) -> Kind {
        switch kind {
        case .bay(let bay, let occupied, let words, let threshold):
            let defaults = ["true": true, "1": true, "false": false, "0": false]
            return .bay(
                bay: compile(bay),
                occupied: compile(occupied),
                CompiledWords(words, otherwise: defaults),
                threshold: threshold
            )
        case .heartbeat(let bay): return .heartbeat(bay: compile(bay))
        case .movement(let arrivals, let departures, let resetAbove):
            return .movement(
                arrivals: arrivals.map(compile),
                departures: departures.map(compile),
                resetAbove: resetAbove
            )
        case .counter(let arrivals, let departures, let wrapsAt, _):
            return .counter(
                arrivals: arrivals.map(compile),
                departures: departures.map(compile),
                wrapsAt: wrapsAt
            )
        case .occupied(let source, let unit): return .occupied(compile(source), unit: unit)
        case .vacant(let source, let unit): return .vacant(compile(source), unit: unit)
        case .state(let source, let words):
            let defaults: [String: OperatingState] = [
                "open": .open, "closed": .closed, "fault": .fault,
            ]
            return .state(compile(source), CompiledWords(words, otherwise: defaults))
        case .health: return .health
        }
    }
}
