/// The identifier of a facility: stable for ever, safe in a topic, a file name and a URL.
///
/// Shape: 1 to 64 characters of `a`-`z`, `0`-`9` and `-`, beginning with a letter or a digit.
public struct FacilityIdentifier: Hashable, Sendable, CustomStringConvertible {
    /// The characters.
    public let text: String

    /// The identifier of this text, or nil where the text has another shape.
    public init?(_ text: String) {
        guard Self.isWellFormed(text) else { return nil }
        self.text = text
    }

    /// The characters.
    public var description: String { text }

    /// Whether a text has the shape of an identifier.
    static func isWellFormed(_ text: String) -> Bool {
        let bytes = text.utf8
        return (1...64).contains(bytes.count) && bytes.first != UInt8(ascii: "-")
            && bytes.allSatisfy(isAllowed)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// A place where vehicles park and are counted: a car park, a street, an area.
///
/// Source: DATEX II, `ParkingRecord` and `ParkingSite`.
public struct Facility: Equatable, Sendable {
    /// Stable for ever; the name of everything that is published about this facility.
    public let id: FacilityIdentifier

    /// What people call it: any text, since it is escaped wherever it ends up.
    public let name: String

    /// The number of bays (DATEX II: `parkingNumberOfSpaces`); at most ``maximumCount``.
    public let capacity: Int

    /// Where it is, if that is known.
    public let location: Location?

    /// When it counts as almost full.
    public let almostFull: Thresholds

    /// When it counts as full.
    public let full: Thresholds

    /// How long nothing may be heard before the facility is stale; nil means for ever.
    public let staleAfter: Duration?

    /// The levels or areas that it consists of, in the order of the feed; at most ``maximumZones``.
    public let zones: [Zone]

    /// The bays of each class in the whole facility that are counted apart, in the order of ``BayClass``.
    public let classes: [ClassCapacity]

    /// How long a bay may not be heard before it counts as unknown; nil means for ever.
    public let baySilence: Duration?

    /// The most zones of a facility: more than any car park has levels.
    public static let maximumZones = 100

    /// The largest number of vehicles that a facility can be said to hold.
    ///
    /// Source: the 21 bits that a count has in a slot of the history.
    public static let maximumCount = (1 << 21) - 1

    /// A facility; thresholds that are not given are derived from the capacity.
    ///
    /// Full at the last bay, almost full at 95 % of them, each left again 2 % lower.
    public init(
        id: FacilityIdentifier,
        name: String,
        capacity: Int,
        location: Location? = nil,
        almostFull: Thresholds? = nil,
        full: Thresholds? = nil,
        staleAfter: Duration? = nil,
        zones: [Zone] = [],
        classes: [ClassCapacity] = [],
        baySilence: Duration? = nil
    ) {
        self.id = id
        self.name = name
        self.capacity = capacity
        self.location = location
        let full = full ?? Thresholds(rising: capacity, capacity: capacity)
        self.full = full
        self.almostFull =
            almostFull
            ?? Thresholds(rising: min(full.rising, (capacity * 95 + 99) / 100), capacity: capacity)
        self.staleAfter = staleAfter
        self.zones = zones
        self.classes = classes
        self.baySilence = baySilence
    }
}

/// A place on the earth.
///
/// Units: degrees of WGS 84; latitude -90 to 90, longitude -180 to 180.
public struct Location: Equatable, Sendable {
    /// Degrees north of the equator.
    public let latitude: Double

    /// Degrees east of Greenwich.
    public let longitude: Double

    /// A place of these coordinates.
    public init(latitude: Double, longitude: Double) {
        self.latitude = latitude
        self.longitude = longitude
    }
}

/// Two thresholds of one state, so that the state does not flutter around a single one.
///
/// Units: occupied bays. The state is entered at `rising` or above, and left below `falling`.
/// Source: UTMC car-park outstations (`fullIncreasing`, `fullDecreasing`).
public struct Thresholds: Equatable, Sendable, BitwiseCopyable {
    /// The state is entered when this many bays or more are occupied.
    public let rising: Int

    /// The state is left when fewer bays than this are occupied; at most `rising`.
    public let falling: Int

    /// The thresholds of a state that is entered at `rising` and left below `falling`.
    public init(rising: Int, falling: Int) {
        self.rising = rising
        self.falling = falling
    }

    /// Thresholds 2 % of the capacity apart, or one bay apart where that is more.
    init(rising: Int, capacity: Int) {
        let apart = max(1, capacity / 50)
        self.init(rising: rising, falling: max(0, rising - apart))
    }

    /// Whether the state holds now, given whether it held before.
    public func holds(occupied: Int, before: Bool) -> Bool {
        occupied >= (before ? falling : rising)
    }
}
