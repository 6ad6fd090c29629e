/// One sensor, as the operator's list of devices describes it.
///
/// A topic often says which device speaks and nothing else; where that device is, its direction and its faults
/// are facts of its installation.
public struct Device: Equatable, Sendable {
    /// Which way of a counter is in.
    public enum Direction: String, Sendable, CaseIterable {
        /// What the sensor calls in is in.
        case forward
        /// What the sensor calls in is out: it faces the other way, or counts at an exit.
        case reversed
    }

    /// What the sensor calls itself, compared byte by byte: 1 to ``maximumNameBytes`` bytes.
    public let identifier: String

    /// The facility that it watches.
    public let facility: FacilityIdentifier

    /// The zone of that facility; nil for the facility as a whole.
    public let zone: ZoneIdentifier?

    /// The bay that it watches, if it watches one: 1 to ``maximumNameBytes`` bytes.
    public let bay: String?

    /// For whom that bay is set aside; nil where the operator doesn't say.
    public let bayClass: BayClass?

    /// Where its values part, such as the distance in mm below which its bay is occupied; nil for that of the rule.
    public let threshold: Double?

    /// Which way is in.
    public let direction: Direction

    /// What is added to the times that its clock gives: negative where it is fast; nil where it is right.
    public let clockOffset: Duration?

    /// The longest identifier and the longest name of a bay, in bytes.
    public static let maximumNameBytes = 255

    /// A device of these facts.
    public init(
        identifier: String,
        facility: FacilityIdentifier,
        zone: ZoneIdentifier? = nil,
        bay: String? = nil,
        bayClass: BayClass? = nil,
        threshold: Double? = nil,
        direction: Direction = .forward,
        clockOffset: Duration? = nil
    ) {
        self.identifier = identifier
        self.facility = facility
        self.zone = zone
        self.bay = bay
        self.bayClass = bayClass
        self.threshold = threshold
        self.direction = direction
        self.clockOffset = clockOffset
    }
}

/// Every device that the operator knows.
public struct DeviceRegistry: Equatable, Sendable {
    /// The devices, in the order of the file; no identifier twice, and no bay.
    public let devices: [Device]

    /// A registry of these devices.
    public init(_ devices: [Device]) {
        self.devices = devices
    }
}
