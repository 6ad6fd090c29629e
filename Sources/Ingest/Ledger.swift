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

    /// What the number of the last record's message says.
    private var standing = Standing.new

    private enum Standing {
        /// Nothing else: it has none, or a new one.
        case new
        /// Newer messages of its sensor were there before.
        case late
        /// It was there before.
        case repeated
    }

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
        var record = record
        if !record.follows { standing = .new }
        if let sequence = record.sequence {
            let sensor = bytes.extracting(record.sensor)
            standing = try check(sequence, of: sensor, record, touched: &touched, note: note)
        }
        // Clocks are coarse: of two messages of one second this is the older one.
        if standing == .late { record.observed = record.observed.map { $0 - 1 } }
        touch(record, at: now, touched: &touched)
        guard standing != .repeated else {
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
            guard let sensor = occupancy.counter(name, facility: facility) else {
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
        if !record.follows { standing = .new }
    }

    /// A bay that is what it was.
    private func hold(
        _ record: ReadingRecord,
        _ name: Span<UInt8>,
        otherwise: Bool?,
        touched: inout Touched,
        at now: Moment
    ) throws(Incident) -> LiveOccupancy.Effect {
        let state = occupancy.occupied(bay: name, facility: record.facility, at: now)
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

    /// What the number of a message says of it.
    ///
    /// Numbers are the sensor's within its facility, whichever part of that a reading is about.
    private func check(
        _ sequence: SequenceNumber,
        of sensor: Span<UInt8>,
        _ record: ReadingRecord,
        touched: inout Touched,
        note: Note
    ) throws(Incident) -> Standing {
        let facility = occupancy.parts.facility(of: record.facility)
        guard let number = occupancy.sequence(sensor, facility: facility) else {
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
        case .first, .next: break
        case .gap(let missing): note(.missingMessages, missing)
        case .reset: note(.sequenceReset, 1)
        case .late: return .late
        case .repeated: return .repeated
        }
        return .new
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
            var known = known
            if let time = known?.observedMilliseconds, now.believed(time) == 0 {
                // Ours was the clock that was ahead. What passed since nobody knows: no more than passes in no time.
                known?.observedMilliseconds = record.observed ?? now.wallMilliseconds
            }
            // Without a time of its own a total is newer than the one before, even where our clock was set back.
            let observed =
                record.observed ?? max(now.wallMilliseconds, known?.observedMilliseconds ?? 1)
            var step = CounterStep(
                known: known,
                arrivals: arrivals,
                departures: departures,
                observedMilliseconds: observed,
                wrapsAt: record.wrapsAt
            )
            // Totals that fell because they are old are no new beginning: they came late, or the broker has kept them.
            let mayBeOld = standing == .late || record.isRetained && record.observed == nil
            if step == .reset, mayBeOld { step = .late }
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
