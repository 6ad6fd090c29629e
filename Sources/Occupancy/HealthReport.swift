/// What one message says about the sensor itself; nil where it says nothing, and what was known stays.
public struct HealthReport: Equatable, Sendable {
    /// How much is left in its battery.
    public var battery: Battery?

    /// What it finds wrong with itself; empty where it says that all is well.
    public var faults: FaultFlags?

    /// A digest of what it says: another one where it says something else, to tell a sensor that is stuck.
    public var valueDigest: UInt64?

    /// How far the sensor's clock was ahead of ours when the message came, in milliseconds.
    ///
    /// Below zero it is behind, or the message was under way for so long: the two can't be told apart.
    public var clockError: Int64?

    /// A report of what a message says.
    public init(
        battery: Battery? = nil,
        faults: FaultFlags? = nil,
        valueDigest: UInt64? = nil,
        clockError: Int64? = nil
    ) {
        self.battery = battery
        self.faults = faults
        self.valueDigest = valueDigest
        self.clockError = clockError
    }
}

/// How much is left in a battery, in the unit that the sensor speaks.
public enum Battery: Equatable, Sendable {
    /// The share of its charge that is left: 0 to 100.
    case percent(Double)
    /// Its voltage; what is low depends on its chemistry, so a rule says it.
    case volts(Double)
    /// Whether the sensor itself calls it low.
    case low(Bool)
}

/// What a sensor finds wrong with itself.
public struct FaultFlags: OptionSet, Hashable, Sendable {
    /// The bits; at most eight.
    public let rawValue: UInt8

    /// The flags of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Somebody opened, moved or shielded it.
    public static let tamper = FaultFlags(rawValue: 1)

    /// It says that it doesn't work.
    public static let fault = FaultFlags(rawValue: 2)

    /// Something covers it: snow, leaves, water.
    public static let obstructed = FaultFlags(rawValue: 4)

    /// The words of the flags that are set, in a fixed order.
    public var names: [String] {
        [(Self.tamper, "tamper"), (.fault, "fault"), (.obstructed, "obstructed")]
            .filter { contains($0.0) }.map(\.1)
    }
}

/// What the sensors of one rule are measured by.
public struct HealthLimits: Equatable, Sendable {
    /// How long a sensor may say nothing; nil means for ever.
    public var silentAfter: Duration?

    /// How long a sensor may say the same; nil means for ever.
    public var stuckAfter: Duration?

    /// The charge at and below which a battery is low.
    public var lowBatteryPercent: Double

    /// The voltage at and below which a battery is low; nil means that no voltage is.
    public var lowBatteryVolts: Double?

    /// Limits of these values.
    public init(
        silentAfter: Duration? = nil,
        stuckAfter: Duration? = nil,
        lowBatteryPercent: Double = 15,
        lowBatteryVolts: Double? = nil
    ) {
        self.silentAfter = silentAfter
        self.stuckAfter = stuckAfter
        self.lowBatteryPercent = lowBatteryPercent
        self.lowBatteryVolts = lowBatteryVolts
    }

    /// Whether a battery wants to be replaced.
    public func isLow(_ battery: Battery) -> Bool {
        switch battery {
        case .percent(let percent): percent <= lowBatteryPercent
        case .volts(let volts): lowBatteryVolts.map { volts <= $0 } ?? false
        case .low(let isLow): isLow
        }
    }

    /// Whether a sensor can be silent or stuck by these limits.
    var areTimed: Bool { silentAfter != nil || stuckAfter != nil }
}

/// What is wrong with a sensor, as far as we can tell from here.
public struct SensorConditions: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// The conditions of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Not heard for longer than its rule allows.
    public static let silent = SensorConditions(rawValue: 1)

    /// Heard, but it has said the same for longer than its rule allows.
    public static let stuck = SensorConditions(rawValue: 2)

    /// Its battery is low.
    public static let lowBattery = SensorConditions(rawValue: 4)

    /// It reports a fault of its own.
    public static let faulty = SensorConditions(rawValue: 8)

    /// Its clock, or the way of its messages, is more than ``SensorHealth/clockTolerance`` off.
    public static let wrongClock = SensorConditions(rawValue: 16)
}
