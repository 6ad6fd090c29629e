/// What happened in one step of a facility's history.
///
/// Units: occupied bays and vehicles. `occupied` is the last occupancy of the step, `lowest` and `highest` its bounds.
public struct HistorySlot: Equatable, Sendable, BitwiseCopyable {
    /// The occupancy at the end of the step; nil where only arrivals or departures are known.
    public var occupied: Int?
    /// The lowest occupancy of the step.
    public var lowest: Int?
    /// The highest occupancy of the step.
    public var highest: Int?
    /// The vehicles that arrived in the step.
    public var arrivals: Int
    /// The vehicles that departed in the step.
    public var departures: Int

    /// A slot of these values.
    public init(occupied: Int?, lowest: Int?, highest: Int?, arrivals: Int, departures: Int) {
        self.occupied = occupied
        self.lowest = lowest
        self.highest = highest
        self.arrivals = arrivals
        self.departures = departures
    }
}

/// The history of one facility, oldest step first, without gaps in time.
public struct HistorySeries: Equatable, Sendable {
    /// The beginning of the first step, in milliseconds since 1970 (UTC); a multiple of the step.
    public var startMilliseconds: Int64

    /// The length of a step.
    public var stepMilliseconds: Int64

    /// One slot a step; nil where nothing was heard in the step.
    public var slots: [HistorySlot?]

    /// A series of these steps.
    public init(startMilliseconds: Int64, stepMilliseconds: Int64, slots: [HistorySlot?]) {
        self.startMilliseconds = startMilliseconds
        self.stepMilliseconds = stepMilliseconds
        self.slots = slots
    }
}
