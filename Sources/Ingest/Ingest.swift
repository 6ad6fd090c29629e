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

/// The way of every message: recognised if it was there before, read by the rules of its topic, made durable with its
/// batch, applied by the ledger.
///
/// ```
/// receive … receive   recognise, read, collect   nothing counts yet
/// commit              log, then apply            now it counts, and may be acknowledged
/// ```
///
/// A message counts once it is durable, so what a reader sees has happened for good.
///
/// **Threads.** One: each broker connection has its own, and they share the plan, the occupancy and the incidents.
///
/// **Cost.** No allocation a message after the first of its size, no lock but one a batch, no log line.
public final class Ingest {
    private let occupancy: LiveOccupancy
    private let incidents: IncidentLog
    private let tally: IngestTally
    private let log: any CommitLog
    private var window: DeliveryWindow
    /// All that a message changes before the commit but its mark, in one struct: Swift checks each access to a variable of
    /// a class while the program runs, and one a message is enough.
    private var intake: Intake
    private var batch = Batch()
    private var sum = IngestTally.Sum()

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
        self.occupancy = occupancy
        self.incidents = incidents
        self.tally = tally
        self.log = log ?? VolatileLog(occupancy)
        self.window = window
        intake = Intake(plan: plan, incidents: incidents, health: health)
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
        intake.read(topic, payload, isRetained: isRetained, at: now)
    }

    /// Ends a batch: makes durable what was received since the last call, and then counts it.
    ///
    /// When it returns the batch's messages may be acknowledged.
    public func commit() {
        swap(&batch.records, &intake.records)
        if !batch.records.isEmpty || batch.isPromised {
            log.commit(batch) { touched in apply(&touched) }
        }
        swap(&batch.records, &intake.records)
        intake.removeAll()
        batch.deliveries.removeAll(keepingCapacity: true)
        tally.add(sum)
        sum = IngestTally.Sum()
    }

    /// Applies the records of the batch, as a journal would after a restart.
    private func apply(_ touched: inout Touched) {
        let bytes = batch.records
        // What a ledger remembers is of one message, and no message is in two batches.
        var ledger = Ledger(occupancy: occupancy)
        var reader = RecordReader()
        var number = 0
        var noted = NotedIncidents()
        while let record = next(&reader, bytes.span) {
            let (origin, now) = (number, reader.moment)
            number += 1
            if !record.follows { noted.removeAll() }
            do {
                let effect = try ledger.apply(record, in: bytes.span, at: now, touched: &touched) {
                    note($0, count: $1, of: origin, at: now, &noted)
                }
                sum.readings += 1
                if effect == .late { sum.late += 1 }
            } catch {
                note(error, of: origin, at: now, &noted)
            }
        }
    }

    /// Counts an incident of a record, once a message; its payload is gone, what was read of it stands in the batch.
    private func note(
        _ incident: Incident,
        count: Int = 1,
        of record: Int,
        at now: Moment,
        _ noted: inout NotedIncidents
    ) {
        let origins = intake.origins
        let topic = origins.topics.span.extracting(origins.topic(record))
        let rule = origins.rule(record)
        guard noted.insert(incident, rule: rule) else { return }
        incidents.note(incident, rule: rule, topic: topic, count: count, at: now)
    }

    private func next(_ reader: inout RecordReader, _ bytes: Span<UInt8>) -> ReadingRecord? {
        do {
            return try reader.next(in: bytes)
        } catch {
            fatalError("a batch written a moment ago can't be read: \(error)")
        }
    }
}
