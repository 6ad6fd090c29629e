import Occupancy
import Parking

/// Readings to occupancy: order, duplicates, wraps and resets are settled here.
///
/// **Threads.** Any: all that it keeps is kept in ``LiveOccupancy``.
struct Ledger {
    private let plan: IngestPlan
    private let occupancy: LiveOccupancy

    init(plan: IngestPlan, occupancy: LiveOccupancy) {
        self.plan = plan
        self.occupancy = occupancy
    }

    /// Applies a reading.
    ///
    /// - Parameters:
    ///   - name: The bay of a bay reading; the topic, and so the sensor, of a counter's.
    ///   - note: Called with what was noticed about the sensor while the reading counted.
    func apply(
        _ decoded: Decoded,
        name: Span<UInt8>,
        isRetained: Bool,
        at now: Moment,
        note: (Incident) -> Void
    ) throws(Incident) -> LiveOccupancy.Effect {
        let facility = decoded.facility
        switch decoded.reading {
        case .bay(let occupied):
            guard let bay = occupancy.bay(name, facility: facility) else { throw .tooManyBays }
            return occupancy.recordBay(
                bay,
                facility: facility,
                occupied: occupied,
                observed: decoded.observed,
                isRetained: isRetained,
                at: now
            )
        case .movement(let arrivals, let departures):
            guard !isRetained else { throw .retainedMovement }
            return move(decoded, arrivals, departures, isRetained: false, at: now)
        case .counter(let arrivals, let departures):
            return try count(
                decoded,
                arrivals,
                departures,
                sensor: name,
                isRetained: isRetained,
                at: now,
                note: note
            )
        case .occupied(let occupied):
            return level(decoded, occupied, isRetained: isRetained, at: now)
        case .vacant(let vacant):
            let capacity = plan.facilities[facility].capacity
            return level(decoded, capacity - vacant, isRetained: isRetained, at: now)
        case .state(let state):
            return occupancy.recordState(
                facility: facility,
                state,
                observed: decoded.observed,
                isRetained: isRetained,
                at: now
            )
        }
    }

    private func level(
        _ decoded: Decoded,
        _ occupied: Int,
        isRetained: Bool,
        at now: Moment
    ) -> LiveOccupancy.Effect {
        occupancy.recordLevel(
            facility: decoded.facility,
            occupied: occupied,
            observed: decoded.observed,
            isRetained: isRetained,
            at: now
        )
    }

    private func move(
        _ decoded: Decoded,
        _ arrivals: Int,
        _ departures: Int,
        isRetained: Bool,
        at now: Moment
    ) -> LiveOccupancy.Effect {
        occupancy.recordMovement(
            facility: decoded.facility,
            arrivals: arrivals,
            departures: departures,
            observed: decoded.observed,
            isRetained: isRetained,
            at: now
        )
    }

    private func count(
        _ decoded: Decoded,
        _ arrivals: Int?,
        _ departures: Int?,
        sensor: Span<UInt8>,
        isRetained: Bool,
        at now: Moment,
        note: (Incident) -> Void
    ) throws(Incident) -> LiveOccupancy.Effect {
        guard let number = occupancy.counters.insert(sensor, facility: decoded.facility) else {
            throw .tooManySensors
        }
        let wrapsAt = decoded.wrapsAt
        let step = occupancy.counters.update(number) { known in
            // Without a time of its own a total is newer than the one before, even where our clock was set back.
            let observed =
                decoded.observed ?? max(now.wallMilliseconds, known?.observedMilliseconds ?? 1)
            let step = CounterStep(
                known: known,
                arrivals: arrivals,
                departures: departures,
                observedMilliseconds: observed,
                wrapsAt: wrapsAt
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
            _ = move(decoded, 0, 0, isRetained: isRetained, at: now)
            return .late
        case .reset: note(.counterReset)
        case .jump: note(.counterJump)
        case .difference(let arrivals, let departures):
            return move(decoded, arrivals, departures, isRetained: isRetained, at: now)
        }
        // Nothing passed that is known of; but the facility counts from now on.
        return move(decoded, 0, 0, isRetained: isRetained, at: now)
    }
}
