import JSONDocument
import Occupancy
import Parking

/// What a message says, before it is applied.
struct Decoded: Equatable {
    /// The number of the facility.
    var facility: Int
    /// The reading; the bay that it is about stands in ``Decoder/bayName``.
    var reading: Reading
    /// When the sensor observed it; nil where only the time of reception is known.
    var observed: Int64?
    /// Where a counter's totals wrap to 0.
    var wrapsAt: Int?
    /// The number that the sensor gave the message.
    var sequence: SequenceNumber?
    /// What was wrong with the sensor's clock, if anything.
    var clockIncident: Incident?
}

/// Messages to readings: routing by topic, then fields by rule.
///
/// Changes nothing but itself.
///
/// **Threads.** One; it owns the memory that the next message is read into.
struct Decoder: ~Copyable {
    /// The longest name of a bay, in bytes.
    static let maximumNameBytes = 255

    /// How far a sensor's clock may be ahead, in milliseconds.
    static let futureTolerance: Int64 = 5 * 60_000

    /// 2000-01-01T00:00:00Z: a clock that is earlier was never set.
    static let earliest: Int64 = 946_684_800_000

    private let plan: IngestPlan
    private let document: JSONDocument
    private var levels = TopicLevels()

    /// The bay of the last reading, if that was one of a bay.
    private(set) var bayName: [UInt8] = []

    init(plan: IngestPlan) {
        self.plan = plan
        document = JSONDocument(
            maximumBytes: plan.limits.payloadBytes,
            maximumDepth: plan.limits.jsonDepth
        )
        bayName.reserveCapacity(Self.maximumNameBytes)
    }

    /// The first rule that reads a topic.
    mutating func route(_ topic: Span<UInt8>) throws(Incident) -> Int {
        guard topic.count <= plan.limits.topicBytes else { throw .topicTooLong }
        levels.split(topic)
        guard let rule = plan.trie.match(topic, levels) else { throw .noRule }
        return rule
    }

    /// The reading of a message under a rule that ``route(_:)`` found for its topic just before.
    mutating func decode(
        _ number: Int,
        topic: Span<UInt8>,
        payload: Span<UInt8>,
        at now: Moment
    ) throws(Incident) -> Decoded {
        guard payload.count <= plan.limits.payloadBytes else { throw .payloadTooLarge }
        let rule = plan.compiled[number]
        if rule.isJSON {
            do { try document.parse(payload) } catch { throw Incident(error) }
        }
        let facility = try facility(rule.facility, topic, payload)
        var decoded = Decoded(
            facility: facility,
            reading: try reading(rule.kind, topic, payload)
        )
        if case .counter(_, _, let wrapsAt) = rule.kind { decoded.wrapsAt = wrapsAt }
        if let sequence = rule.sequence {
            let bounds = 0...((sequence.wrapsAt ?? SequenceWindow.maximum + 1) - 1)
            // A message without a number can't be told from its copy: it counts, as it would without the key.
            decoded.sequence = try integer(
                sequence.number,
                topic,
                payload,
                bounds,
                mayBeAbsent: true
            )
            .map { SequenceNumber(number: $0, wrapsAt: sequence.wrapsAt) }
        }
        if let source = rule.observed {
            (decoded.observed, decoded.clockIncident) = observed(source, topic, payload, at: now)
        }
        return decoded
    }

    private mutating func reading(
        _ kind: CompiledRule.Kind,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) -> Reading {
        switch kind {
        case .bay(let bay, let occupied, let words):
            try readBayName(bay, topic, payload)
            return .bay(occupied: try word(occupied, topic, payload, in: words))
        case .movement(let arrivals, let departures):
            let bounds = 0...65_535
            return .movement(
                arrivals: try integer(arrivals, topic, payload, bounds) ?? 0,
                departures: try integer(departures, topic, payload, bounds) ?? 0
            )
        case .counter(let arrivals, let departures, let wrapsAt):
            let bounds = 0...((wrapsAt ?? CounterTotals.maximum + 1) - 1)
            return .counter(
                arrivals: try integer(arrivals, topic, payload, bounds),
                departures: try integer(departures, topic, payload, bounds)
            )
        case .occupied(let source):
            let bounds = -Facility.maximumCount...Facility.maximumCount
            return .occupied(try integer(source, topic, payload, bounds) ?? 0)
        case .vacant(let source):
            let bounds = -Facility.maximumCount...Facility.maximumCount
            return .vacant(try integer(source, topic, payload, bounds) ?? 0)
        case .state(let source, let words):
            return .state(try word(source, topic, payload, in: words))
        }
    }

    private func facility(
        _ source: CompiledSource,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) -> Int {
        try field(source, topic, payload) { kind, text throws(Incident) in
            switch kind {
            case .string: break
            case .absent, .null: throw .fieldMissing
            default: throw .fieldHasWrongType
            }
            guard let facility = plan.facility(text) else { throw .unknownFacility }
            return facility
        }
    }

    private mutating func readBayName(
        _ source: CompiledSource,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) throws(Incident) {
        var name = bayName
        bayName = []
        defer { bayName = name }
        name.removeAll(keepingCapacity: true)
        try field(source, topic, payload) { kind, text throws(Incident) in
            switch kind {
            case .string:
                guard (1...Self.maximumNameBytes).contains(text.count) else { throw .badBayName }
                for index in 0..<text.count { name.append(text[index]) }
            case .integer(let number): name.append(contentsOf: String(number).utf8)
            case .absent, .null: throw .fieldMissing
            default: throw .fieldHasWrongType
            }
        }
    }

    private func word<Value>(
        _ source: CompiledSource,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        in words: CompiledWords<Value>
    ) throws(Incident) -> Value {
        try field(source, topic, payload) { kind, text throws(Incident) in
            try Scalar.word(kind, text, in: words)
        }
    }

    private func integer(
        _ source: CompiledSource?,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        _ bounds: ClosedRange<Int>,
        mayBeAbsent: Bool = false
    ) throws(Incident) -> Int? {
        guard let source else { return nil }
        let read = try field(source, topic, payload) { kind, text throws(Incident) -> Int? in
            mayBeAbsent && (kind == .absent || kind == .null)
                ? nil : try Scalar.integer(kind, text)
        }
        guard let number = read else { return nil }
        guard bounds.contains(number) else { throw .outOfRange }
        return number
    }

    private func observed(
        _ source: CompiledSource,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        at now: Moment
    ) -> (Int64?, Incident?) {
        let (time, isAbsent) = field(source, topic, payload) { kind, text in
            (Scalar.time(kind, text), kind == .absent || kind == .null)
        }
        // Some sensors send a time with some of their messages: leaving it out is no fault.
        guard let time else { return (nil, isAbsent ? nil : .unreadableTime) }
        guard time >= Self.earliest else { return (nil, .unsetClock) }
        guard time <= now.wallMilliseconds + Self.futureTolerance else {
            return (nil, .futureClock)
        }
        return (time, nil)
    }

    /// Hands over a field; what is not JSON is a string.
    private func field<Result, Failure: Error>(
        _ source: CompiledSource,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        _ body: (_ kind: JSONKind, _ text: Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch source {
        case .constant(let text): try body(.string, text.span)
        case .level(let level): try body(.string, topic.extracting(levels.range(level)))
        case .payload: try body(.string, payload.extracting(Self.trimmed(payload)))
        case .pointer(let pointer): try document.withValue(at: pointer, body)
        }
    }

    /// Where a text begins and ends without the white space around it.
    private static func trimmed(_ text: Span<UInt8>) -> Range<Int> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        var start = 0
        var end = text.count
        while start < end, isSpace(text[start]) { start += 1 }
        while end > start, isSpace(text[end - 1]) { end -= 1 }
        return start..<end
    }
}

extension Incident {
    /// The incident that a text is no JSON that may be read.
    init(_ problem: JSONProblem) {
        self =
            switch problem {
            case .tooLarge: .payloadTooLarge
            case .tooDeep: .payloadTooDeep
            case .malformed: .notJSON
            case .notUTF8: .notUTF8
            case .noMemory: .noMemory
            }
    }
}
