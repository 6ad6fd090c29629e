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

    fileprivate func add(_ batch: Batch) {
        messageCount.add(batch.messages, ordering: .relaxed)
        byteCount.add(batch.bytes, ordering: .relaxed)
        readingCount.add(batch.readings, ordering: .relaxed)
        lateCount.add(batch.late, ordering: .relaxed)
    }

    fileprivate struct Batch {
        var messages = 0
        var bytes = 0
        var readings = 0
        var late = 0
    }
}

/// Where applied readings are made durable before their messages are acknowledged.
///
/// The ingest calls it on its own thread: `append` for each applied reading, `commit` at the end of a batch.
public protocol CommitLog: AnyObject {
    /// Takes note of a reading that was applied.
    ///
    /// - Parameter name: The bay of a bay reading, the sensor of a counter's; valid during the call alone.
    func append(_ reading: Reading, facility: Int, name: Span<UInt8>, observed: Int64?, at: Moment)

    /// Makes durable what was appended since the last call, and tells whether its messages may be acknowledged.
    func commit() -> Bool
}

/// A log that keeps nothing: an acknowledged message counts in memory, until the process ends.
public final class VolatileLog: CommitLog {
    /// A log that keeps nothing.
    public init() {}

    /// Forgets the reading.
    public func append(
        _ reading: Reading,
        facility: Int,
        name: Span<UInt8>,
        observed: Int64?,
        at: Moment
    ) {}

    /// Lets the acknowledgements go.
    public func commit() -> Bool { true }
}

/// The way of every message: routed by its topic, decoded by its rule, applied by the ledger.
///
/// **Threads.** One: each broker connection has its own, and they share the plan, the occupancy and the incidents.
///
/// **Cost.** No allocation a message after the first of its size, no lock after the first of its bay, no log line.
public final class Ingest {
    private let plan: IngestPlan
    private let ledger: Ledger
    private let incidents: IncidentLog
    private let tally: IngestTally
    private let log: any CommitLog
    private var decoder: Decoder
    private var batch = IngestTally.Batch()

    /// An ingest of messages under this plan into this occupancy.
    public init(
        plan: IngestPlan,
        occupancy: LiveOccupancy,
        incidents: IncidentLog,
        tally: IngestTally = IngestTally(),
        log: any CommitLog = VolatileLog()
    ) {
        self.plan = plan
        ledger = Ledger(plan: plan, occupancy: occupancy)
        self.incidents = incidents
        self.tally = tally
        self.log = log
        decoder = Decoder(plan: plan)
    }

    /// Takes one message.
    ///
    /// - Returns: Whether it changed something; a refused message is counted among the incidents.
    @discardableResult
    public func receive(
        topic: Span<UInt8>,
        payload: Span<UInt8>,
        isRetained: Bool,
        at now: Moment
    ) -> Bool {
        batch.messages += 1
        batch.bytes += topic.count + payload.count
        var rule: Int?
        do {
            let number = try decoder.route(topic)
            rule = number
            let decoded = try decoder.decode(number, topic: topic, payload: payload, at: now)
            if let incident = decoded.clockIncident {
                incidents.record(incident, rule: rule, topic: topic)
            }
            let effect = try apply(decoded, topic, rule: number, isRetained: isRetained, at: now)
            batch.readings += 1
            if effect == .late { batch.late += 1 }
            return effect == .changed
        } catch {
            incidents.record(error, rule: rule, topic: topic)
            return false
        }
    }

    /// Ends a batch: makes durable what was received since the last call.
    ///
    /// - Returns: Whether the messages of the batch may be acknowledged.
    public func commit() -> Bool {
        tally.add(batch)
        batch = IngestTally.Batch()
        return log.commit()
    }

    private func apply(
        _ decoded: Decoded,
        _ topic: Span<UInt8>,
        rule: Int,
        isRetained: Bool,
        at now: Moment
    ) throws(Incident) -> LiveOccupancy.Effect {
        if case .bay = decoded.reading {
            // Taken out for the length of the call, so that its bytes can be lent while the rest is used.
            let name = decoder.bayName
            return try apply(decoded, name.span, topic, rule, isRetained: isRetained, at: now)
        }
        // A counting sensor is known by its topic.
        return try apply(decoded, topic, topic, rule, isRetained: isRetained, at: now)
    }

    private func apply(
        _ decoded: Decoded,
        _ name: Span<UInt8>,
        _ topic: Span<UInt8>,
        _ rule: Int,
        isRetained: Bool,
        at now: Moment
    ) throws(Incident) -> LiveOccupancy.Effect {
        let effect = try ledger.apply(decoded, name: name, isRetained: isRetained, at: now) {
            incidents.record($0, rule: rule, topic: topic)
        }
        log.append(
            decoded.reading,
            facility: decoded.facility,
            name: name,
            observed: decoded.observed,
            at: now
        )
        return effect
    }
}
