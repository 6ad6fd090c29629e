import Occupancy
import Parking

/// Readings to occupancy: order, duplicates, wraps and resets are settled here.
///
/// What it does follows from the reading and from what is known, and from nothing else: the same readings in the same order lead to the
/// same occupancy, which is how a journal of readings brings it back.
///
/// **Threads.** Any: all that it keeps is kept in ``LiveOccupancy``.
struct Ledger {
    private let occupancy: LiveOccupancy

    /// Whether the message of the last record was there before.
    private var isRepeated = false

    /// What was noticed about a sensor while its reading counted, and how often.
    typealias Note = (Incident, Int) -> Void

    init(occupancy: LiveOccupancy) {
        self.occupancy = occupancy
    }

    /// Applies a reading.
    ///
    /// - Parameters:
    ///   - bytes: Where the record's names stand.
    ///   - touched: Takes note of what changes.
    mutating func apply(
        _ record: ReadingRecord,
        in bytes: Span<UInt8>,
        at now: Moment,
        touched: inout Touched,
        note: Note
    ) throws(Incident) -> LiveOccupancy.Effect {
        touch(record, at: now, touched: &touched)
        if !record.follows { isRepeated = false }
        if let sequence = record.sequence {
            let sensor = bytes.extracting(record.sensor)
            let isNew = try check(sequence, of: sensor, record, touched: &touched, note: note)
            isRepeated = !isNew
        }
        guard !isRepeated else {
            // A retained message comes again with every subscription: that is no fault. A message is told of once: where its number stands.
            guard record.isRetained || record.sequence == nil else { throw .repeatedMessage }
            return .late
        }
        let name = bytes.extracting(record.name)
        let facility = record.facility
        switch record.reading {
        case .bay(let occupied):
            return try set(record, name, occupied: occupied, touched: &touched, at: now)
        case .hold(let otherwise):
            return try hold(record, name, otherwise: otherwise, touched: &touched, at: now)
        case .movement(let arrivals, let departures):
            guard !record.isRetained else { throw .retainedMovement }
            return move(record, arrivals, departures, at: now)
        case .counter(let arrivals, let departures):
            guard let sensor = occupancy.counters.insert(name, facility: facility) else {
                throw .tooManySensors
            }
            touched.counter(sensor)
            return count(record, arrivals, departures, sensor: sensor, at: now, note: note)
        case .alive:
            return occupancy.recordSign(
                facility: record.facility,
                isRetained: record.isRetained,
                at: now
            )
        case .occupied(let occupied), .vacant(let occupied):
            return occupancy.recordLevel(
                facility: facility,
                occupied: occupied,
                observed: record.observed,
                isRetained: record.isRetained,
                at: now
            )
        case .state(let state):
            return occupancy.recordState(
                facility: facility,
                state,
                observed: record.observed,
                isRetained: record.isRetained,
                at: now
            )
        }
    }

    private func touch(_ record: ReadingRecord, at now: Moment, touched: inout Touched) {
        let step = occupancy.historyShape.step(now.wallMilliseconds)
        touched.facility(record.facility, step: step)
        guard let observed = record.observed else { return }
        touched.step(occupancy.movementStep(observed: observed, at: now), of: record.facility)
    }

    /// Takes note of a record that is not applied.
    mutating func skip(_ record: ReadingRecord) {
        if !record.follows { isRepeated = false }
    }

    /// A bay that is what it was.
    private func hold(
        _ record: ReadingRecord,
        _ name: Span<UInt8>,
        otherwise: Bool?,
        touched: inout Touched,
        at now: Moment
    ) throws(Incident) -> LiveOccupancy.Effect {
        let facility = record.facility
        let known = occupancy.bays.find(name, facility: facility)
        let state = known.flatMap { occupancy.bays.state(of: $0) }?.occupied
        guard let occupied = state ?? otherwise else { return .unchanged }
        return try set(record, name, occupied: occupied, touched: &touched, at: now)
    }

    /// A bay that is occupied or vacant.
    private func set(
        _ record: ReadingRecord,
        _ name: Span<UInt8>,
        occupied: Bool,
        touched: inout Touched,
        at now: Moment
    ) throws(Incident) -> LiveOccupancy.Effect {
        let facility = record.facility
        guard let bay = occupancy.bay(name, facility: facility) else { throw .tooManyBays }
        touched.bay(bay)
        for former in occupancy.retireNamesakes(of: bay, facility: facility, at: now) {
            touched.bay(former)
        }
        return occupancy.recordBay(
            bay,
            facility: facility,
            occupied: occupied,
            observed: record.observed,
            isRetained: record.isRetained,
            at: now
        )
    }

    /// Whether a numbered message is a new one.
    private func check(
        _ sequence: SequenceNumber,
        of sensor: Span<UInt8>,
        _ record: ReadingRecord,
        touched: inout Touched,
        note: Note
    ) throws(Incident) -> Bool {
        guard let number = occupancy.sequences.insert(sensor, facility: record.facility) else {
            throw .tooManySensors
        }
        touched.sequence(number)
        let step = occupancy.sequences.update(number) { known in
            let (window, step) = SequenceStep.step(
                known,
                number: sequence.number,
                wrapsAt: sequence.wrapsAt,
                identity: sequence.identity
            )
            return (window, step)
        }
        switch step {
        case .first, .next, .late: break
        case .gap(let missing): note(.missingMessages, missing)
        case .reset: note(.sequenceReset, 1)
        case .repeated: return false
        }
        return true
    }

    private func move(
        _ record: ReadingRecord,
        _ arrivals: Int,
        _ departures: Int,
        at now: Moment
    ) -> LiveOccupancy.Effect {
        occupancy.recordMovement(
            facility: record.facility,
            arrivals: arrivals,
            departures: departures,
            observed: record.observed,
            isRetained: record.isRetained,
            at: now
        )
    }

    private func count(
        _ record: ReadingRecord,
        _ arrivals: Int?,
        _ departures: Int?,
        sensor: Int,
        at now: Moment,
        note: Note
    ) -> LiveOccupancy.Effect {
        let step = occupancy.counters.update(sensor) { known in
            // Without a time of its own a total is newer than the one before, even where our clock was set back.
            let observed =
                record.observed ?? max(now.wallMilliseconds, known?.observedMilliseconds ?? 1)
            let step = CounterStep(
                known: known,
                arrivals: arrivals,
                departures: departures,
                observedMilliseconds: observed,
                wrapsAt: record.wrapsAt
            )
            guard step != .late else { return (nil, step) }
            let totals = CounterTotals(
                arrivals: arrivals ?? known?.arrivals ?? 0,
                departures: departures ?? known?.departures ?? 0,
                observedMilliseconds: observed
            )
            return (totals, step)
        }
        switch step {
        case .first: break
        case .late:
            _ = move(record, 0, 0, at: now)
            return .late
        case .reset: note(.counterReset, 1)
        case .jump: note(.counterJump, 1)
        case .difference(let arrivals, let departures):
            return move(record, arrivals, departures, at: now)
        }
        // Nothing passed that is known of; but the facility counts from now on.
        return move(record, 0, 0, at: now)
    }
}
