/// The identifier of a zone: stable for ever, unique in its facility.
///
/// Shape: that of a ``FacilityIdentifier``.
public struct ZoneIdentifier: Hashable, Sendable, CustomStringConvertible {
    /// The characters.
    public let text: String

    /// The identifier of this text, or nil where the text has another shape.
    public init?(_ text: String) {
        guard FacilityIdentifier.isWellFormed(text) else { return nil }
        self.text = text
    }

    /// The characters.
    public var description: String { text }
}

/// A level, an area or another part of a facility in which bays have names of their own.
///
/// Source: DATEX II, `ParkingSite` and its levels and `GroupOfParkingSpaces`.
public struct Zone: Equatable, Sendable {
    /// Stable for ever.
    public let id: ZoneIdentifier

    /// What people call it: any text, since it is escaped wherever it ends up.
    public let name: String

    /// The number of its bays.
    public let capacity: Int

    /// The bays of each class that are counted apart, in the order of ``BayClass``.
    public let classes: [ClassCapacity]

    /// A zone of these values.
    public init(
        id: ZoneIdentifier,
        name: String,
        capacity: Int,
        classes: [ClassCapacity] = []
    ) {
        self.id = id
        self.name = name
        self.capacity = capacity
        self.classes = classes
    }
}
