import JSONDocument
import Occupancy
import Parking

/// What a message says, before it is applied.
struct Decoded: Equatable {
    /// The number of the facility, or of the part of it.
    var facility: Int
    /// The reading; the bay that it is about stands in ``Decoder/bayName``.
    var reading: Reading
    /// When the sensor observed it; nil where only the time of reception is known.
    var observed: Int64?
    /// Where a counter's totals wrap to 0.
    var wrapsAt: Int?
    /// Whether the sensor's in is out.
    var isReversed = false
    /// The number that the sensor gave the message.
    var sequence: SequenceNumber?
    /// What was wrong with the sensor's clock, if anything.
    var clockIncident: Incident?
    /// What is said of the sensor, where that is kept; its name stands in ``Decoder/deviceName``, or is the topic.
    var health: HealthReport?
}

/// What a rule can do with a message.
enum Opening: Equatable {
    /// It reads the message: so many readings, one or one an element of its array.
    case open(readings: Int)
    /// Its conditions don't hold: another one may read it.
    case isNotMeant
    /// There is no reading in it, only what the network server knows of the sensor.
    case health(HealthReport)
}

/// Messages to readings: routing by topic, then conditions, then fields by rule.
///
/// ```
/// route, then next(after:)    the rules whose topic it is
/// open                        the envelope, the conditions, how many readings there are
/// decode                      one reading
/// ```
///
/// Changes nothing but itself.
///
/// **Threads.** One; it owns the memory that the next message is read into.
struct Decoder: ~Copyable {
    /// The longest name of a bay, in bytes.
    static let maximumNameBytes = 255

    /// The most elements of an array that are read: a sensor that stores a day of quarter hours sends 96.
    static let maximumElements = 256

    /// 2000-01-01T00:00:00Z: a clock that is earlier was never set.
    static let earliest: Int64 = 946_684_800_000

    /// A year and a day in milliseconds: no message is under way for longer, and a clock that lost its power begins further back.
    static let oldest: Int64 = 366 * 86_400_000

    let plan: IngestPlan
    let document: JSONDocument
    var levels = TopicLevels()

    /// The bay of the last reading, if that was one of a bay.
    var bayName: [UInt8] = []

    /// The device of the last message whose rule asks a registry, known to it or not.
    var deviceName: [UInt8] = []

    /// Whether the document holds the payload of the message.
    private var isParsed = false

    /// The element of an array that is being read.
    var element = 0

    init(plan: IngestPlan) {
        self.plan = plan
        document = JSONDocument(
            maximumBytes: plan.limits.payloadBytes,
            maximumDepth: plan.limits.jsonDepth
        )
        bayName.reserveCapacity(Self.maximumNameBytes)
        deviceName.reserveCapacity(Self.maximumNameBytes)
    }

    // MARK: Rules

    /// The first rule that reads a topic; the message begins.
    mutating func route(_ topic: Span<UInt8>) throws(Incident) -> CompiledRule {
        isParsed = false
        guard topic.count <= plan.limits.topicBytes else { throw .topicTooLong }
        levels.split(topic)
        guard let rule = plan.trie.match(topic, levels) else { throw .noRule }
        return plan.compiled[rule]
    }

    /// The next rule that reads the topic of ``route(_:)``.
    func next(after rule: CompiledRule, _ topic: Span<UInt8>) -> CompiledRule? {
        plan.trie.match(topic, levels, after: rule.number).map { plan.compiled[$0] }
    }

    /// Whether a rule reads the message.
    mutating func open(
        _ rule: CompiledRule,
        topic: Span<UInt8>,
        payload: Span<UInt8>
    ) throws(Incident) -> Opening {
        guard payload.count <= plan.limits.payloadBytes else { throw .payloadTooLarge }
        if rule.isJSON, !isParsed {
            do { try document.parse(payload) } catch { throw Incident(error) }
            isParsed = true
        }
        if rule.envelope != .none, let opening = try openEnvelope(rule, topic) { return opening }
        for index in rule.conditions.indices
        where !holds(rule.conditions[index], rule, topic, payload) {
            return .isNotMeant
        }
        guard let elements = rule.elements else { return .open(readings: 1) }
        guard let count = document.count(at: elements) else { throw .fieldMissing }
        guard count <= Self.maximumElements else { throw .tooManyElements }
        return .open(readings: count)
    }

    /// Looks into an envelope: what is no uplink of a sensor has no reading; nil where it is one.
    private func openEnvelope(
        _ rule: CompiledRule,
        _ topic: Span<UInt8>
    ) throws(Incident) -> Opening? {
        guard let pointers = rule.envelopePointers else { return nil }
        if rule.envelope == .chirpStack {
            switch ChirpStackEvent(topic.extracting(levels.range(levels.count - 1))) {
            case .up: break
            case .status: return .health(HealthReport(battery: chirpStackBattery()))
            case .log:
                throw document.withValue(at: EnvelopePointers.logCode) { kind, text in
                    Incident(networkServerCode: text)
                }
            case .join, .ack, .txack, .location, .integration: throw .notAnUplink
            }
        }
        if let uplink = pointers.uplink {
            let isUplink = document.withValue(at: uplink) { kind, _ in kind == .container }
            guard isUplink else { throw .notAnUplink }
        }
        if let simulated = pointers.simulated {
            let isSimulated = document.withValue(at: simulated) { kind, _ in kind == .boolean(true)
            }
            guard !isSimulated else { throw .simulated }
        }
        let isDecoded = document.withValue(at: pointers.contents) { kind, _ in kind == .container }
        guard !isDecoded else { return nil }
        let isEmpty = document.withValue(at: pointers.payload) { _, text in text.count == 0 }
        // There was nothing to decode: its number is all that it has.
        guard isEmpty else { throw .notDecoded }
        return .open(readings: 0)
    }

    /// The battery of a ChirpStack status; nil where the sensor has none, or did not measure it: the level is then 0 and means nothing.
    private func chirpStackBattery() -> Battery? {
        let hasLevel = EnvelopePointers.batteryAbsent.allSatisfy { pointer in
            document.withValue(at: pointer) { kind, _ in kind != .boolean(true) }
        }
        guard hasLevel else { return nil }
        return document.withValue(at: EnvelopePointers.batteryLevel) { Scalar.charge($0, $1) }
    }

    /// Whether a condition holds.
    func holds(
        _ condition: CompiledCondition,
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) -> Bool {
        let zero = isZeroWhenAbsent(condition.source, rule)
        return field(condition.source, rule, topic, payload) { kind, text in
            let isAbsent = kind == .absent || kind == .null
            switch condition.test {
            case .isPresent(let isPresent): return isPresent != isAbsent
            case .words(let words, let isOneOf):
                let isWord =
                    isAbsent
                    ? zero && Scalar.zero(in: words) == true
                    : Scalar.meaning(kind, text, in: words) == true
                return isWord == isOneOf
            }
        }
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

    /// What ChirpStack wrote into its log about a device.
    ///
    /// Source: ChirpStack v4, `LogCode`.
    init(networkServerCode text: Span<UInt8>) {
        let code = (0..<min(text.count, 64)).reduce(into: "") {
            $0.unicodeScalars.append(Unicode.Scalar(text[$1]))
        }
        self =
            switch code {
            case "UPLINK_F_CNT_RESET": .frameCounterReset
            case "UPLINK_F_CNT_RETRANSMISSION": .retransmission
            default: .networkServerTrouble
            }
    }
}
