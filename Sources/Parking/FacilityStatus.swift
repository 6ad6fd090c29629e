/// What is known of a facility at one moment, as the feed publishes it.
///
/// Source: DATEX II, `ParkingRecordStatus`.
public struct FacilityStatus: Equatable, Sendable {
    /// The occupied bays; never negative, possibly above the capacity; nil before the first reading.
    public var occupied: Int?

    /// The sensor's time of the newest reading, in milliseconds since 1970 (UTC); nil before the first.
    public var observedMilliseconds: Int64?

    /// What a driver may expect.
    public var state: FacilityState

    /// Where the occupancy goes; nil while unknown or stale.
    public var trend: OccupancyTrend?

    /// Whether nothing has been heard for longer than the facility's `staleAfter`.
    public var isStale: Bool

    /// The bays that were not heard for the facility's `baySilence`: neither occupied nor free, as far as anybody knows.
    ///
    /// 0 where the facility has a count of its own, which knows of all vehicles.
    public var unknown: Int

    /// Its zones, in the configured order.
    public var zones: [PartStatus]

    /// Its classes of bays, in the order of ``BayClass``.
    public var classes: [PartStatus]

    /// The status of a facility of which nothing has been heard.
    public static let unknown = FacilityStatus(
        occupied: nil,
        observedMilliseconds: nil,
        state: .unknown,
        trend: nil,
        isStale: false
    )

    /// A status of these values.
    public init(
        occupied: Int?,
        observedMilliseconds: Int64?,
        state: FacilityState,
        trend: OccupancyTrend?,
        isStale: Bool,
        unknown: Int = 0,
        zones: [PartStatus] = [],
        classes: [PartStatus] = []
    ) {
        self.occupied = occupied
        self.observedMilliseconds = observedMilliseconds
        self.state = state
        self.trend = trend
        self.isStale = isStale
        self.unknown = unknown
        self.zones = zones
        self.classes = classes
    }

    /// The vacant bays in a facility of this capacity: 0 to the capacity, or nil while nothing is known.
    public func free(capacity: Int) -> Int? {
        PartStatus(occupied: occupied, unknown: unknown).free(capacity: capacity)
    }
}

/// What is known of a zone, or of the bays of one class, at one moment.
public struct PartStatus: Equatable, Sendable {
    /// The occupied bays; never negative, possibly above the capacity; nil while nothing is known.
    public var occupied: Int?

    /// The bays that were not heard for too long, where no count of the part's own tells of all vehicles.
    public var unknown: Int

    /// A zone's classes of bays that have a capacity there, in the order of ``BayClass``.
    public var classes: [PartStatus]

    /// A status of these values.
    public init(occupied: Int? = nil, unknown: Int = 0, classes: [PartStatus] = []) {
        self.occupied = occupied
        self.unknown = unknown
        self.classes = classes
    }

    /// The vacant bays in a part of this capacity: 0 to the capacity, or nil while nothing is known.
    public func free(capacity: Int) -> Int? {
        occupied.map { min(max(capacity - $0 - unknown, 0), capacity) }
    }
}
