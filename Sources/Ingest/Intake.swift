import Occupancy
import Parking

/// Which rule read the n-th record of a batch, and on which topic: for what the ledger may say of it.
struct Origins {
    private var entries: [(rule: Int, topicEnd: Int)] = []
    /// The topics, one behind the other.
    private(set) var topics: [UInt8] = []

    /// How many records have one.
    var count: Int { entries.count }

    /// The number of the rule.
    func rule(_ record: Int) -> Int { entries[record].rule }

    /// Where the topic stands among them.
    func topic(_ record: Int) -> Range<Int> {
        (record == 0 ? 0 : entries[record - 1].topicEnd)..<entries[record].topicEnd
    }

    mutating func append(rule: Int, topic: Span<UInt8>) {
        unsafe topic.withUnsafeBufferPointer { unsafe topics.append(contentsOf: $0) }
        entries.append((rule, topics.count))
    }

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        topics.removeAll(keepingCapacity: true)
    }
}

/// Messages to the records of a batch: read by the rules of their topics, refused where none can read them.
///
/// **Threads.** One: it belongs to an ``Ingest``.
struct Intake: ~Copyable {
    private let plan: IngestPlan
    private let incidents: IncidentLog
    private let health: SensorHealth?
    private let shape: PayloadShape
    private var decoder: Decoder
    private var writer = RecordWriter()
    /// Where the records come from.
    private(set) var origins = Origins()
    /// Whether a record of the message carries its number already.
    private var isNumbered = false
    private var noted = NotedIncidents()
    /// The name of a sensor that shares its topic with others.
    private var sharedName: [UInt8] = []

    init(plan: IngestPlan, incidents: IncidentLog, health: SensorHealth?) {
        self.plan = plan
        self.incidents = incidents
        self.health = health
        shape = PayloadShape(plan)
        decoder = Decoder(plan: plan)
    }

    /// The records of the batch; they may be taken out and put back.
    var records: [UInt8] {
        get { writer.bytes }
        _modify { yield &writer.bytes }
    }

    /// The next batch begins.
    mutating func removeAll() {
        writer.removeAll()
        origins.removeAll()
    }

    // MARK: Messages

    /// Reads a message by the rules of its topic, in their order, up to the first that reads it and does not say to go on.
    mutating func read(
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        isRetained: Bool,
        at now: Moment
    ) {
        var current: CompiledRule?
        isNumbered = false
        noted.removeAll()
        do throws(Incident) {
            var rule = try decoder.route(topic)
            var isRead = false
            let first = origins.count
            while true {
                current = rule
                switch try decoder.open(rule, topic: topic, payload: payload) {
                case .open(let count):
                    isRead = true
                    if count == 0, origins.count == first {
                        try sign(rule, topic, payload, isRetained: isRetained, at: now)
                    }
                    for element in 0..<count {
                        read(
                            topic,
                            payload,
                            rule: rule,
                            element: element,
                            isFirst: origins.count == first,
                            isRetained: isRetained,
                            at: now
                        )
                    }
                    guard rule.continues else { return }
                case .isNotMeant: break
                case .health(let report):
                    note(report, topic, payload, rule: rule, isRetained: isRetained, at: now)
                    return
                }
                guard let next = decoder.next(after: rule, topic) else { break }
                rule = next
            }
            guard isRead else {
                try sign(rule, topic, payload, isRetained: isRetained, at: now)
                throw .noCondition
            }
        } catch {
            refuse(error, rule: current, topic: topic, payload: payload, at: now)
        }
    }

    /// Takes note of a message that is not about parking: its sensor lives, and its number is not missing.
    ///
    /// - Parameter isRead: Whether the rule's conditions hold, so that what it says of its sensor is meant.
    private mutating func sign(
        _ rule: CompiledRule,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        isRead: Bool = false,
        isRetained: Bool,
        at now: Moment
    ) throws(Incident) {
        do {
            let decoded = try decoder.sign(rule, topic: topic, payload: payload)
            collect(
                decoded,
                topic,
                rule: rule,
                isFirst: true,
                isRetained: isRetained,
                at: now
            )
            if rule.health != nil {
                let report =
                    isRead
                    ? decoder.health(rule, decoded, topic, payload, at: now) : HealthReport()
                heard(report, topic, rule: rule, isRetained: isRetained, at: now)
            }
        } catch {
            // Of what else is wrong with it nobody has to know.
            if error == .unknownDevice { throw error }
        }
    }

    /// Reads one reading of a message.
    ///
    /// What is wrong with it does not keep the others from counting.
    private mutating func read(
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        rule: CompiledRule,
        element: Int,
        isFirst: Bool,
        isRetained: Bool,
        at now: Moment
    ) {
        do {
            let decoded = try decoder.decode(
                rule,
                element: element,
                topic: topic,
                payload: payload,
                at: now
            )
            if let incident = decoded.clockIncident, noted.insert(incident, rule: rule.number) {
                incidents.record(incident, rule: rule.number, topic: topic)
            }
            if let report = decoded.health {
                heard(report, topic, rule: rule, isRetained: isRetained, at: now)
            }
            collect(
                decoded,
                topic,
                rule: rule,
                isFirst: isFirst,
                isRetained: isRetained,
                at: now
            )
        } catch {
            var incident = error
            if error.outcome == .ignored, isFirst {
                // A code is no reading, but the message that carries it is not missing.
                do {
                    try sign(
                        rule,
                        topic,
                        payload,
                        isRead: true,
                        isRetained: isRetained,
                        at: now
                    )
                } catch {
                    incident = error
                }
            }
            refuse(incident, rule: rule, topic: topic, payload: payload, at: now)
        }
    }

    /// Counts a refused message, and keeps what it looked like where that was not seen a moment ago.
    private mutating func refuse(
        _ incident: Incident,
        rule: CompiledRule?,
        topic: Span<UInt8>,
        payload: Span<UInt8>,
        at now: Moment
    ) {
        guard noted.insert(incident, rule: rule?.number) else { return }
        if incident == .unknownDevice, let rule {
            let name = decoder.deviceName
            incidents.unknownDevices.record(name.span, rule: rule.number, topic: topic, at: now)
        }
        incidents.note(incident, rule: rule?.number, topic: topic, at: now) {
            shape.text(of: payload, isText: rule?.isJSON == false)
        }
    }

    // MARK: Sensors

    /// Takes note of what the network server says of a sensor.
    private mutating func note(
        _ report: HealthReport,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        rule: CompiledRule,
        isRetained: Bool,
        at now: Moment
    ) {
        do {
            _ = try decoder.place(rule, topic, payload)
        } catch {
            refuse(error, rule: rule, topic: topic, payload: payload, at: now)
            return
        }
        if rule.health != nil {
            heard(report, topic, rule: rule, isRetained: isRetained, at: now)
        }
    }

    private func heard(
        _ report: HealthReport,
        _ topic: Span<UInt8>,
        rule: CompiledRule,
        isRetained: Bool,
        at now: Moment
    ) {
        guard let health else { return }
        if rule.isOfDevice {
            let name = decoder.deviceName
            health.heard(name.span, rule: rule.number, report, isRetained: isRetained, at: now)
        } else {
            health.heard(topic, rule: rule.number, report, isRetained: isRetained, at: now)
        }
    }

    // MARK: Records

    private mutating func collect(
        _ decoded: Decoded,
        _ topic: Span<UInt8>,
        rule: CompiledRule,
        isFirst: Bool,
        isRetained: Bool,
        at now: Moment
    ) {
        if rule.isDeviceInPayload {
            // Taken out for the length of the call, so that its bytes can be lent while the rest is used.
            var sensor: [UInt8] = []
            swap(&sensor, &sharedName)
            sensor.removeAll(keepingCapacity: true)
            unsafe topic.withUnsafeBufferPointer { unsafe sensor.append(contentsOf: $0) }
            // No topic name contains '#'.
            sensor.append(UInt8(ascii: "#"))
            sensor.append(contentsOf: decoder.deviceName)
            append(
                decoded,
                sensor: sensor.span,
                rule: rule,
                isFirst: isFirst,
                isRetained: isRetained,
                at: now
            )
            swap(&sensor, &sharedName)
        } else {
            append(
                decoded,
                sensor: topic,
                rule: rule,
                isFirst: isFirst,
                isRetained: isRetained,
                at: now
            )
        }
        origins.append(rule: rule.number, topic: topic)
    }

    /// Adds a record to the batch.
    ///
    /// - Parameter sensor: What a sensor that counts or numbers is known by: its topic, and its device where the payload says it.
    private mutating func append(
        _ decoded: Decoded,
        sensor: Span<UInt8>,
        rule: CompiledRule,
        isFirst: Bool,
        isRetained: Bool,
        at now: Moment
    ) {
        var record = ReadingRecord(
            reading: decoded.reading,
            facility: decoded.facility,
            observed: decoded.observed,
            wrapsAt: decoded.wrapsAt,
            isRetained: isRetained,
            // The number is the message's: the first reading that has it carries it for those behind.
            sequence: isNumbered ? nil : decoded.sequence,
            follows: !isFirst
        )
        if record.sequence != nil { isNumbered = true }
        switch decoded.reading {
        case .bay, .hold:
            let name = decoder.bayName
            writer.append(record, name: name.span, sensor: sensor, at: now)
        case .counter:
            let suffixes = rule.counterSuffix
            // A sensor that is turned round begins anew: the total of the one way was never that of the other.
            let suffix = decoded.isReversed ? suffixes.reversed : suffixes.forward
            writer.append(record, name: sensor, suffix: suffix, sensor: sensor, at: now)
        case .vacant(let vacant):
            // By the capacity of now: what was counted must not change with the configuration.
            // There is one, as the decoder has found.
            let capacity = plan.capacity(of: decoded.facility) ?? 0
            record.reading = .occupied(capacity - vacant)
            writer.append(record, name: Span(), sensor: sensor, at: now)
        case .movement, .occupied, .state, .alive:
            writer.append(record, name: Span(), sensor: sensor, at: now)
        }
    }
}
