public import Parking

/// The status of every facility as it was last taken, and what changed since: the snapshot behind a feed.
///
/// A pure state machine over ``LiveOccupancy``: trend and staleness are decided here, once, for every document.
///
/// **Threads.** One: it belongs to whoever publishes.
///
/// **Cost.** In proportion to the facilities that changed. All of them are looked at once a step of the history,
/// since a trend fades while nothing happens, and when the next of them may have fallen silent. Once a minute it has silent bays
/// marked (``LiveOccupancy/markSilentBays(at:)``).
public struct StatusBoard {
    /// A facility whose status is another than before.
    public struct Change: Equatable, Sendable {
        /// The facility's number.
        public let facility: Int
        /// Its status before.
        public let before: FacilityStatus
        /// Its status now.
        public let after: FacilityStatus

        /// A change from one status to another.
        public init(facility: Int, before: FacilityStatus, after: FacilityStatus) {
            self.facility = facility
            self.before = before
            self.after = after
        }
    }

    /// The status of every facility, in the configured order.
    public private(set) var statuses: [FacilityStatus]

    private let facilities: [Facility]
    private let occupancy: LiveOccupancy
    private let trendWindowMilliseconds: Int64
    private var lastStep: Int64?
    private var nextSilence: Int64 = .min
    private var nextSweep: Int64 = .min

    /// The time between two looks at the bays.
    private static let sweepMilliseconds: Int64 = 60_000

    /// A board on which nothing is known.
    public init(facilities: [Facility], occupancy: LiveOccupancy, trendWindow: Duration) {
        precondition(facilities.count == occupancy.facilityCount)
        self.facilities = facilities
        self.occupancy = occupancy
        trendWindowMilliseconds = trendWindow.wholeMilliseconds
        statuses = Array(repeating: .unknown, count: facilities.count)
    }

    /// Takes a snapshot and tells which statuses changed.
    public mutating func refresh(at now: Moment) -> [Change] {
        if now.monotonicMilliseconds >= nextSweep {
            nextSweep = now.monotonicMilliseconds + Self.sweepMilliseconds
            occupancy.markSilentBays(at: now)
        }
        let step = occupancy.historyShape.step(now.wallMilliseconds)
        let changed = occupancy.takeChanged()
        let isNewStep = step != lastStep
        lastStep = step
        let mayBeSilent = now.monotonicMilliseconds >= nextSilence
        let candidates = isNewStep || mayBeSilent ? Array(facilities.indices) : changed
        if isNewStep || mayBeSilent { nextSilence = .max }
        return candidates.compactMap { facility in
            let before = statuses[facility]
            let after = status(of: facility, at: now)
            guard after != before else { return nil }
            statuses[facility] = after
            return Change(facility: facility, before: before, after: after)
        }
    }

    /// The history of a facility, in which its occupancy holds as long as the facility is not stale.
    public func history(of facility: Int, at now: Moment) -> HistorySeries {
        occupancy.history(
            of: facility,
            holdMilliseconds: facilities[facility].staleAfter?.wholeMilliseconds,
            at: now
        )
    }

    private mutating func status(of number: Int, at now: Moment) -> FacilityStatus {
        let facility = facilities[number]
        let counts = occupancy.counts(of: number)
        var isStale = false
        if let limit = facility.staleAfter?.wholeMilliseconds,
            let heard = counts.heardMonotonicMilliseconds
        {
            // Saturating: "for ever" is a legal silence.
            let (sum, overflow) = heard.addingReportingOverflow(limit)
            let deadline = overflow ? .max : sum
            isStale = now.monotonicMilliseconds > deadline
            if !isStale { nextSilence = min(nextSilence, deadline + (overflow ? 0 : 1)) }
        }
        var trend: OccupancyTrend?
        if !isStale, let occupied = counts.occupied,
            let earlier = occupancy.earlierOccupancy(
                of: number,
                agoMilliseconds: trendWindowMilliseconds,
                at: now
            )
        {
            trend = OccupancyTrend(earlier: earlier, later: occupied, capacity: facility.capacity)
        }
        return FacilityStatus(
            occupied: counts.occupied,
            observedMilliseconds: counts.observedMilliseconds,
            state: facility.state(
                occupied: counts.occupied,
                operating: counts.operating,
                band: counts.band
            ),
            trend: trend,
            isStale: isStale,
            unknown: counts.unknownBays,
            zones: counts.zones,
            classes: counts.classes
        )
    }
}
