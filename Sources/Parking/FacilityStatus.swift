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
        isStale: Bool
    ) {
        self.occupied = occupied
        self.observedMilliseconds = observedMilliseconds
        self.state = state
        self.trend = trend
        self.isStale = isStale
    }

    /// The vacant bays in a facility of this capacity: 0 to the capacity, or nil before the first reading.
    public func free(capacity: Int) -> Int? {
        occupied.map { min(max(capacity - $0, 0), capacity) }
    }
}
