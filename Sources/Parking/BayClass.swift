/// Whom or what a bay is meant for.
///
/// The raw value is the word in the configuration and in the feed; the order is that of the feed.
///
/// Source: DATEX II, `ParkingSpaceAndGroup` (vehicle and person characteristics), as far as councils mark bays.
public enum BayClass: String, Sendable, CaseIterable, BitwiseCopyable {
    /// For everybody.
    case standard
    /// For the badge of disabled people.
    case disabled
    /// With a charger.
    case electric
    /// For parents with small children.
    case parent
    /// For motorcycles.
    case motorcycle
    /// For coaches.
    case coach

    /// The number that stands for it in a bay's word: 1 to 6, the same for ever.
    ///
    /// It is kept in the journal; 0 there is a bay of no class.
    public var number: UInt8 {
        switch self {
        case .standard: 1
        case .disabled: 2
        case .electric: 3
        case .parent: 4
        case .motorcycle: 5
        case .coach: 6
        }
    }

    /// The class of this number, or nil where it stands for none.
    public init?(number: UInt8) {
        switch number {
        case 1: self = .standard
        case 2: self = .disabled
        case 3: self = .electric
        case 4: self = .parent
        case 5: self = .motorcycle
        case 6: self = .coach
        default: return nil
        }
    }
}

/// How many bays of a class there are.
public struct ClassCapacity: Equatable, Sendable, BitwiseCopyable {
    /// The class.
    public let bayClass: BayClass

    /// Its bays.
    public let capacity: Int

    /// So many bays of a class.
    public init(_ bayClass: BayClass, capacity: Int) {
        self.bayClass = bayClass
        self.capacity = capacity
    }
}
