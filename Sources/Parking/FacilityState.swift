/// What a driver may expect of a facility.
///
/// The raw value is the word in the feed.
public enum FacilityState: String, Sendable, CaseIterable {
    /// Nothing has been heard yet.
    case unknown
    /// Vehicles can park.
    case open
    /// Vehicles can park, but few more of them.
    case almostFull = "almost_full"
    /// No bay is left.
    case full
    /// A sensor or an operator said that it is closed.
    case closed
    /// A sensor or an operator said that its counts can't be trusted.
    case fault
}

/// What a `state` reading says: a fact about the facility that no count can tell.
public enum OperatingState: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// It works, and vehicles may enter.
    case open = 1
    /// Vehicles may not enter.
    case closed = 2
    /// Its counts can't be trusted.
    case fault = 3
}

/// The direction in which the occupancy moves.
///
/// The raw value is the word in the feed.
///
/// Source: DATEX II, `ParkingOccupancyTrendEnum`.
public enum OccupancyTrend: String, Sendable, CaseIterable {
    /// More bays become occupied.
    case increasing
    /// More bays become vacant.
    case decreasing
    /// Neither.
    case stable

    /// The trend from an earlier occupancy to a later one.
    ///
    /// A difference counts from 1 % of the capacity on, and from two vehicles on in a small facility:
    /// one car that comes and goes is no trend.
    public init(earlier: Int, later: Int, capacity: Int) {
        let difference = later - earlier
        let tolerance = max(2, capacity / 100)
        self =
            difference >= tolerance ? .increasing : difference <= -tolerance ? .decreasing : .stable
    }
}

/// How full a facility is, with the hysteresis of its thresholds.
///
/// It follows from the occupancies so far and from nothing else: not from when a snapshot was taken.
public enum OccupancyBand: UInt8, Sendable, BitwiseCopyable {
    /// Below both thresholds.
    case vacant = 0
    /// Few bays are left.
    case almostFull = 1
    /// No bay is left.
    case full = 2
}

/// The thresholds between the bands of a facility.
public struct BandThresholds: Equatable, Sendable, BitwiseCopyable {
    /// When it counts as almost full.
    public let almostFull: Thresholds

    /// When it counts as full.
    public let full: Thresholds

    /// Bands between these thresholds.
    public init(almostFull: Thresholds, full: Thresholds) {
        self.almostFull = almostFull
        self.full = full
    }

    /// The band of an occupancy, given the band before.
    public func band(occupied: Int, before: OccupancyBand) -> OccupancyBand {
        if full.holds(occupied: occupied, before: before == .full) { return .full }
        return almostFull.holds(occupied: occupied, before: before != .vacant)
            ? .almostFull : .vacant
    }
}

extension Facility {
    /// The thresholds between its bands.
    public var thresholds: BandThresholds { BandThresholds(almostFull: almostFull, full: full) }

    /// The state that follows from an occupancy, its band and a reported operating state.
    ///
    /// - Parameters:
    ///   - occupied: The occupied bays, or nil before the first reading.
    ///   - operating: What a `state` reading said last, if anything.
    ///   - band: How full it is.
    public func state(
        occupied: Int?,
        operating: OperatingState?,
        band: OccupancyBand
    ) -> FacilityState {
        switch operating {
        case .closed: return .closed
        case .fault: return .fault
        case .open, nil: break
        }
        guard occupied != nil else { return operating == nil ? .unknown : .open }
        return switch band {
        case .vacant: .open
        case .almostFull: .almostFull
        case .full: .full
        }
    }
}
