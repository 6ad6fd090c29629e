public import Occupancy
public import Parking
import Synchronization

/// What an ingest thread has done so far.
///
/// **Threads.** Written by one ingest thread, once a batch; read by any.
public final class IngestTally: Sendable {
    private let messageCount = Atomic<Int>(0)
    private let byteCount = Atomic<Int>(0)
    private let readingCount = Atomic<Int>(0)
    private let lateCount = Atomic<Int>(0)
    private let redeliveredCount = Atomic<Int>(0)

    /// A tally of nothing.
    public init() {}

    /// The messages received.
    public var messages: Int { messageCount.load(ordering: .relaxed) }

    /// The bytes of their topics and payloads.
    public var bytes: Int { byteCount.load(ordering: .relaxed) }

    /// The readings applied, the late ones among them.
    public var readings: Int { readingCount.load(ordering: .relaxed) }

    /// The readings that were older than what was known.
    public var late: Int { lateCount.load(ordering: .relaxed) }

    /// The messages that the broker delivered again, and that did not count again.
    public var redelivered: Int { redeliveredCount.load(ordering: .relaxed) }

    fileprivate func add(_ batch: Sum) {
        messageCount.add(batch.messages, ordering: .relaxed)
        byteCount.add(batch.bytes, ordering: .relaxed)
        readingCount.add(batch.readings, ordering: .relaxed)
        lateCount.add(batch.late, ordering: .relaxed)
        redeliveredCount.add(batch.redelivered, ordering: .relaxed)
    }

    fileprivate struct Sum {
        var messages = 0
        var bytes = 0
        var readings = 0
        var late = 0
        var redelivered = 0
    }
}

/// The broker's promise behind a QoS 1 message: to deliver it again until it is acknowledged.
public struct Promise: Equatable, Sendable {
    /// The broker's number for the message, while it is under way.
    public var packetIdentifier: UInt16

    /// Whether the broker says that it may have delivered the message before; true where that isn't known.
    public var mayBeRedelivery: Bool

    /// A promise of these values.
    public init(packetIdentifier: UInt16, mayBeRedelivery: Bool) {
        self.packetIdentifier = packetIdentifier
        self.mayBeRedelivery = mayBeRedelivery
    }
}

/// The way of every message: recognised if it was there before, routed by its topic, decoded by its rule, made
/// durable with its batch, applied by the ledger.
///
/// ```
/// receive … receive   decode, collect        nothing counts yet
/// commit              log, then apply        now it counts, and may be acknowledged
/// ```
///
/// A message counts once it is durable, so what a reader sees has happened for good.
///
/// **Threads.** One: each broker connection has its own, and they share the plan, the occupancy and the incidents.
///
/// **Cost.** No allocation a message after the first of its size, no lock but one a batch, no log line.
public final class Ingest {
    private let plan: IngestPlan
    private var ledger: Ledger
    private let health: SensorHealth?
    private let incidents: IncidentLog
    private let tally: IngestTally
    private let log: any CommitLog
    private let shape: PayloadShape
    private var decoder: Decoder
    private var window: DeliveryWindow
    private var sum = IngestTally.Sum()

    // What was received since the last commit.
    private var batch = Batch()
    private var writer = RecordWriter()
    /// Which rule read the n-th record, and where its topic ends: for what the ledger may say of it.
    private var origins: [(rule: Int, topicEnd: Int)] = []
    private var topics: [UInt8] = []

    /// Whether a record of the message carries its number already.
    private var isNumbered = false
    /// The name of a sensor that shares its topic with others.
    private var sharedName: [UInt8] = []

    /// An ingest of messages under this plan into this occupancy.
    ///
    /// - Parameters:
    ///   - health: What is kept of the sensors themselves; nil where nobody wants to know.
    ///   - log: What makes batches durable; nil keeps them in memory alone.
    ///   - window: The deliveries of the session before.
    public init(
        plan: IngestPlan,
        occupancy: LiveOccupancy,
        incidents: IncidentLog,
        tally: IngestTally = IngestTally(),
        health: SensorHealth? = nil,
        log: (any CommitLog)? = nil,
        window: DeliveryWindow = DeliveryWindow()
    ) {
        self.plan = plan
        ledger = Ledger(occupancy: occupancy)
        self.incidents = incidents
        self.health = health
        self.tally = tally
        self.log = log ?? VolatileLog(occupancy)
        self.window = window
        shape = PayloadShape(plan.limits)
        decoder = Decoder(plan: plan)
    }

    /// A connection begins, before its first message.
    ///
    /// - Parameters:
    ///   - sessionPresent: Whether the broker has kept the session.
    ///   - isOrdered: Whether redeliveries come in order and once a connection, as in MQTT 5.0; a broker of 3.1.1
    ///     may repeat at any time.
    public func connected(sessionPresent: Bool, isOrdered: Bool = true) {
        window.connected(sessionPresent: sessionPresent, isOrdered: isOrdered)
        if !sessionPresent { log.sessionBegan() }
    }

    /// Takes one message; it counts with the next ``commit()``.
    ///
    /// A refused message is counted among the incidents.
    ///
    /// - Parameter promise: The broker's promise; nil at QoS 0.
    public func receive(
        topic: Span<UInt8>,
        payload: Span<UInt8>,
        promise: Promise? = nil,
        isRetained: Bool = false,
        at now: Moment
    ) {
        sum.messages += 1
        sum.bytes += topic.count + payload.count
        if let promise {
            let mark = DeliveryMark(
                packetIdentifier: promise.packetIdentifier,
                topic: topic,
                payload: payload
            )
            if promise.mayBeRedelivery, window.recognises(mark) {
                sum.redelivered += 1
                return
            }
            window.append(mark)
            batch.deliveries.append(mark)
        }
        read(topic, payload, isRetained: isRetained, at: now)
    }

    /// Reads a message by the rules of its topic, in their order, up to the first that reads it and does not say to go on.
    private func read(
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        isRetained: Bool,
        at now: Moment
    ) {
        var current: Int?
        isNumbered = false
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
                    guard plan.compiled[rule].continues else { return }
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
    private func sign(
        _ rule: Int,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
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
            if plan.compiled[rule].health != nil {
                heard(HealthReport(), topic, rule: rule, isRetained: isRetained, at: now)
            }
        } catch {
            // Of what else is wrong with it nobody has to know.
            if error == .unknownDevice { throw error }
        }
    }

    /// Reads one reading of a message.
    ///
    /// What is wrong with it does not keep the others from counting.
    private func read(
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        rule: Int,
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
            if let incident = decoded.clockIncident {
                incidents.record(incident, rule: rule, topic: topic)
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
                do { try sign(rule, topic, payload, isRetained: isRetained, at: now) } catch {
                    incident = error
                }
            }
            refuse(incident, rule: rule, topic: topic, payload: payload, at: now)
        }
    }

    /// Counts a refused message, and keeps what it looked like where that was not seen a moment ago.
    private func refuse(
        _ incident: Incident,
        rule: Int?,
        topic: Span<UInt8>,
        payload: Span<UInt8>,
        at now: Moment
    ) {
        if incident == .unknownDevice, let rule {
            let name = decoder.deviceName
            incidents.unknownDevices.record(name.span, rule: rule, topic: topic, at: now)
        }
        incidents.record(incident, rule: rule, topic: topic)
        guard incident.isRefusal, incidents.quarantine.admits(incident, rule: rule, at: now) else {
            return
        }
        let isText = rule.map { plan.rules[$0].format == .text } ?? false
        incidents.quarantine.keep(
            incident,
            rule: rule,
            topic: topic,
            shape: shape.text(of: payload, isText: isText),
            at: now
        )
    }

    /// Takes note of what the network server says of a sensor.
    private func note(
        _ report: HealthReport,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>,
        rule: Int,
        isRetained: Bool,
        at now: Moment
    ) {
        let compiled = plan.compiled[rule]
        do {
            _ = try decoder.place(compiled, topic, payload)
        } catch {
            refuse(error, rule: rule, topic: topic, payload: payload, at: now)
            return
        }
        if compiled.health != nil {
            heard(report, topic, rule: rule, isRetained: isRetained, at: now)
        }
    }

    private func heard(
        _ report: HealthReport,
        _ topic: Span<UInt8>,
        rule: Int,
        isRetained: Bool,
        at now: Moment
    ) {
        guard let health else { return }
        if plan.compiled[rule].isOfDevice {
            let name = decoder.deviceName
            health.heard(name.span, rule: rule, report, isRetained: isRetained, at: now)
        } else {
            health.heard(topic, rule: rule, report, isRetained: isRetained, at: now)
        }
    }

    /// Ends a batch: makes durable what was received since the last call, and then counts it.
    ///
    /// When it returns the batch's messages may be acknowledged.
    public func commit() {
        swap(&batch.records, &writer.bytes)
        if !batch.records.isEmpty || batch.isPromised {
            log.commit(batch) { touched in apply(&touched) }
        }
        swap(&batch.records, &writer.bytes)
        writer.removeAll()
        batch.deliveries.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
        topics.removeAll(keepingCapacity: true)
        tally.add(sum)
        sum = IngestTally.Sum()
    }

    private func collect(
        _ decoded: Decoded,
        _ topic: Span<UInt8>,
        rule: Int,
        isFirst: Bool,
        isRetained: Bool,
        at now: Moment
    ) {
        if plan.compiled[rule].isDeviceInPayload {
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
        unsafe topic.withUnsafeBufferPointer { unsafe topics.append(contentsOf: $0) }
        origins.append((rule, topics.count))
    }

    /// Adds a record to the batch.
    ///
    /// - Parameter sensor: What a sensor that counts or numbers is known by: its topic, and its device where the payload says it.
    private func append(
        _ decoded: Decoded,
        sensor: Span<UInt8>,
        rule: Int,
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
            // Taken out for the length of the call, so that its bytes can be lent while the rest is used.
            let name = decoder.bayName
            writer.append(record, name: name.span, sensor: sensor, at: now)
        case .counter:
            let suffixes = plan.compiled[rule].counterSuffix
            // A sensor that is turned round begins anew: the total of the one way was never that of the other.
            let suffix = decoded.isReversed ? suffixes.reversed : suffixes.forward
            writer.append(record, name: sensor, suffix: suffix, sensor: sensor, at: now)
        case .vacant(let vacant):
            // By the capacity of now: what was counted must not change with the configuration.
            record.reading = .occupied(plan.capacity(of: decoded.facility) - vacant)
            writer.append(record, name: Span(), sensor: sensor, at: now)
        case .movement, .occupied, .state, .alive:
            writer.append(record, name: Span(), sensor: sensor, at: now)
        }
    }

    /// Applies the records of the batch, as a journal would after a restart.
    private func apply(_ touched: inout Touched) {
        let bytes = batch.records
        var reader = RecordReader()
        var number = 0
        while let record = next(&reader, bytes.span) {
            let rule = origins[number].rule
            let topicStart = number == 0 ? 0 : origins[number - 1].topicEnd
            let topic = topicStart..<origins[number].topicEnd
            number += 1
            do {
                let effect = try ledger.apply(
                    record,
                    in: bytes.span,
                    at: reader.moment,
                    touched: &touched
                ) { incident, count in
                    note(incident, rule: rule, topic: topic, count: count, at: reader.moment)
                }
                sum.readings += 1
                if effect == .late { sum.late += 1 }
            } catch {
                note(error, rule: rule, topic: topic, at: reader.moment)
            }
        }
    }

    /// Counts an incident of the batch whose topic stands there.
    private func note(
        _ incident: Incident,
        rule: Int,
        topic: Range<Int>,
        count: Int = 1,
        at now: Moment
    ) {
        let topics = topics
        let topic = topics.span.extracting(topic)
        incidents.record(incident, rule: rule, topic: topic, count: count)
        guard incident.isRefusal, incidents.quarantine.admits(incident, rule: rule, at: now)
        else { return }
        // Its payload is gone: what was read of it stands in the batch.
        incidents.quarantine.keep(incident, rule: rule, topic: topic, shape: nil, at: now)
    }

    private func next(_ reader: inout RecordReader, _ bytes: Span<UInt8>) -> ReadingRecord? {
        do {
            return try reader.next(in: bytes)
        } catch {
            fatalError("a batch written a moment ago can't be read: \(error)")
        }
    }
}
