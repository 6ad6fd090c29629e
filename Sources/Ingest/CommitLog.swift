public import ByteCoding
public import Occupancy
public import Parking

/// What a batch of messages brought, as a log keeps it.
public struct Batch: Sendable {
    /// The readings, one behind the other; opaque to all but ``ReadingApplier``.
    public internal(set) var records: [UInt8] = []

    /// The QoS 1 messages, in the order in which they came, those without a reading among them.
    public internal(set) var deliveries: [DeliveryMark] = []

    /// Whether messages wait for their acknowledgement until this is durable.
    public var isPromised: Bool { !deliveries.isEmpty }
}

/// Where batches are made durable before they count and before their messages are acknowledged.
///
/// **Threads.** The one of the ingest that it belongs to.
public protocol CommitLog: AnyObject {
    /// Makes a batch durable, then applies it; nothing else is applied to the same occupancy in between.
    ///
    /// When it returns the batch's messages may be acknowledged.
    ///
    /// - Parameter apply: Applies the batch to the live occupancy; called once.
    func commit(_ batch: borrowing Batch, apply: (inout Touched) -> Void)

    /// The broker has begun the session anew: durably forgets what was delivered before.
    func sessionBegan()
}

/// A log that keeps nothing: what was counted is in memory, until the process ends.
public final class VolatileLog: CommitLog {
    private var touched: Touched

    /// A log for this occupancy.
    public init(_ occupancy: LiveOccupancy) {
        touched = Touched(occupancy)
    }

    /// Applies the batch.
    public func commit(_ batch: borrowing Batch, apply: (inout Touched) -> Void) {
        apply(&touched)
    }

    /// Has nothing to forget.
    public func sessionBegan() {}
}

/// Applies the readings of batches that a log kept.
public struct ReadingApplier {
    private var ledger: Ledger

    /// An applier to this occupancy.
    public init(occupancy: LiveOccupancy) {
        ledger = Ledger(occupancy: occupancy)
    }

    /// Applies the readings of a batch as they were applied when they came.
    ///
    /// - Parameters:
    ///   - facilities: The number of each part as of now, by its number as of then.
    ///   - now: The present: a moment of the batch is as long ago as the wall clock says.
    /// - Throws: Where the bytes are no records; those before were applied.
    public mutating func apply(
        _ records: Span<UInt8>,
        facilities: [Int],
        at now: Moment,
        touched: inout Touched
    ) throws(UnreadableBytes) {
        var reader = RecordReader()
        while var record = try reader.next(in: records) {
            guard record.facility < facilities.count else { throw UnreadableBytes(offset: 0) }
            record.facility = facilities[record.facility]
            // One of a part that the configuration no longer has.
            guard record.facility < touched.parts.count else {
                ledger.skip(record)
                continue
            }
            // What was refused then is refused now, and has been reported.
            _ = try? ledger.apply(
                record,
                in: records,
                at: reader.moment.asOf(now),
                touched: &touched,
                note: { _, _ in }
            )
        }
    }
}

extension Moment {
    /// This moment of an earlier process, whose monotonic clock was another.
    fileprivate func asOf(_ now: Moment) -> Moment {
        let (age, overflow) = now.wallMilliseconds.subtractingReportingOverflow(wallMilliseconds)
        let silence = overflow ? 0 : max(0, age)
        return Moment(
            wallMilliseconds: wallMilliseconds,
            monotonicMilliseconds:
                now.monotonicMilliseconds.subtractingReportingOverflow(silence).partialValue
        )
    }
}
