import Occupancy

/// What a counter's new totals mean after the known ones: a pure decision.
///
/// A total only grows, but it wraps to 0 at the end of its register, and a sensor that restarts begins anew. A total
/// that went down is a wrap if so many vehicles could have passed in the time between, and a reset otherwise. A reset adds nothing: what the
/// sensor missed is unknown, and a restored old total would be a burst of vehicles that never were.
enum CounterStep: Equatable {
    /// The first totals of this sensor: where to count from.
    case first
    /// Older than what is known.
    case late
    /// So many vehicles passed since.
    case difference(arrivals: Int, departures: Int)
    /// The sensor began anew.
    case reset
    /// More vehicles than can have passed.
    case jump

    /// The most vehicles a second that pass one sensor: a lane passes one in two seconds, and some sensors
    /// watch several lanes.
    static let vehiclesPerSecond = 4

    /// So many vehicles are plausible in any time: clocks are coarse, and readings are delayed.
    static let slack = 256

    /// The step from known totals to new ones.
    ///
    /// - Parameters:
    ///   - arrivals: The new total, or nil where the sensor doesn't count this direction.
    ///   - wrapsAt: The total after the largest is 0 and not this; nil where totals never wrap.
    init(
        known: CounterTotals?,
        arrivals: Int?,
        departures: Int?,
        observedMilliseconds: Int64,
        wrapsAt: Int?
    ) {
        guard let known else {
            self = .first
            return
        }
        guard observedMilliseconds >= known.observedMilliseconds else {
            self = .late
            return
        }
        let seconds = Int((observedMilliseconds - known.observedMilliseconds) / 1000)
        let (product, overflow) = seconds.multipliedReportingOverflow(by: Self.vehiclesPerSecond)
        let plausible = overflow ? .max : product.addingReportingOverflow(Self.slack).partialValue
        func difference(_ old: Int, _ new: Int?) -> (vehicles: Int, isReset: Bool) {
            guard let new else { return (0, false) }
            if new >= old { return (new - old, false) }
            // A total that was beyond the wrap was read under another configuration.
            guard let wrapsAt, old < wrapsAt else { return (0, true) }
            let wrapped = new + wrapsAt - old
            return wrapped <= min(plausible, wrapsAt / 8) ? (wrapped, false) : (0, true)
        }
        let (arrived, arrivalsReset) = difference(known.arrivals, arrivals)
        let (departed, departuresReset) = difference(known.departures, departures)
        if arrivalsReset || departuresReset {
            self = .reset
        } else if max(arrived, departed) > plausible {
            self = .jump
        } else {
            self = .difference(arrivals: arrived, departures: departed)
        }
    }
}
