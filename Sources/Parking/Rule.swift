/// How the messages of some topics become readings.
///
/// A rule is a value of the domain: the configuration makes it, the ingest compiles it, and neither knows the other.
public struct Rule: Equatable, Sendable {
    /// How a payload is read.
    public enum Format: String, Sendable, CaseIterable {
        /// One JSON text (RFC 8259).
        case json
        /// UTF-8 text; white space around it does not count.
        case text
    }

    /// Where a field of a reading comes from.
    public enum Source: Hashable, Sendable {
        /// Always this text.
        case constant(String)
        /// The level of the topic that the pattern keeps under this name.
        case capture(String)
        /// The value at this JSON Pointer (RFC 6901) in what the envelope holds; the empty pointer is the whole of it.
        ///
        /// In a text with a separator `/0` is the first field, `/1` the second.
        case pointer(String)
        /// The value at this JSON Pointer in the envelope itself.
        case envelope(String)
        /// The sum of several; for counts alone.
        case sum([Source])
    }

    /// What a network server puts around the payload of a sensor.
    public enum Envelope: String, Sendable, CaseIterable {
        /// Nothing: the payload is the sensor's own.
        case none
        /// An uplink message of The Things Stack, version 3.
        ///
        /// Source: The Things Stack documentation, "Data formats".
        case theThingsStack = "ttn"
        /// An event of ChirpStack, version 4.
        ///
        /// Source: ChirpStack documentation, "Event types".
        case chirpStack = "chirpstack"

        /// The pointer to what the sensor's decoder made of its payload.
        public var contents: String {
            switch self {
            case .none: ""
            case .theThingsStack: "/uplink_message/decoded_payload"
            case .chirpStack: "/object"
            }
        }
    }

    /// Something that must be so in a message.
    public struct Condition: Equatable, Sendable {
        /// How the field is tested.
        public enum Test: Equatable, Sendable {
            /// It is one of these words; a number is compared by its value, a boolean as JSON writes it.
            case isOneOf([String])
            /// It is none of these words; an absent field is none of them.
            case isNoneOf([String])
            /// It is there, and not null (true), or it is not (false).
            case isPresent(Bool)
        }

        /// Where the field stands.
        public let source: Source

        /// What must be so.
        public let test: Test

        /// A condition on a field.
        public init(_ source: Source, _ test: Test) {
            self.source = source
            self.test = test
        }
    }

    /// Which facility, or part of one, a reading is about.
    public enum Subject: Equatable, Sendable {
        /// The message names the facility.
        case facility(Source)
        /// The message names the device, which the registry knows.
        case device(Source)
    }

    /// A measured number that means that a bay is occupied.
    public struct Threshold: Equatable, Sendable {
        /// The side of the limit on which the bay is occupied.
        public enum Side: Sendable {
            /// Below it, as a distance to a car.
            case below
            /// Above it, as a disturbance of the earth's magnetic field.
            case above
        }

        /// The limit at which a vacant bay becomes occupied; a device may have its own.
        public let limit: Double

        /// How far back beyond the limit an occupied bay becomes vacant: what lies between changes nothing.
        public let hysteresis: Double

        /// Where it is occupied.
        public let side: Side

        /// A threshold of these values.
        public init(limit: Double, hysteresis: Double = 0, side: Side = .below) {
            self.limit = limit
            self.hysteresis = hysteresis
            self.side = side
        }
    }

    /// What a message says of the sensor itself.
    public struct Health: Equatable, Sendable {
        /// The battery in percent; `87`, or `"87%"`.
        public var batteryPercent: Source?
        /// The battery in volts.
        public var batteryVolts: Source?
        /// The battery is low if one of these holds.
        public var batteryLow: [Condition]
        /// The sensor is at fault if one of these holds.
        public var fault: [Condition]
        /// Somebody tampered with the sensor if one of these holds.
        public var tamper: [Condition]
        /// Something covers the sensor if one of these holds.
        public var obstructed: [Condition]
        /// The charge in percent at and below which a battery is low; nil leaves it to the daemon.
        public var lowBatteryPercent: Double?
        /// The voltage at and below which a battery is low; nil where no voltage is.
        public var lowBatteryVolts: Double?
        /// A sensor of this kind that was not heard for so long is silent; nil means never.
        public var silentAfter: Duration?
        /// A sensor of this kind that is heard and says the same for so long is stuck; nil means never.
        public var stuckAfter: Duration?

        /// What a message says of its sensor.
        public init(
            batteryPercent: Source? = nil,
            batteryVolts: Source? = nil,
            batteryLow: [Condition] = [],
            fault: [Condition] = [],
            tamper: [Condition] = [],
            obstructed: [Condition] = [],
            lowBatteryPercent: Double? = nil,
            lowBatteryVolts: Double? = nil,
            silentAfter: Duration? = nil,
            stuckAfter: Duration? = nil
        ) {
            self.batteryPercent = batteryPercent
            self.batteryVolts = batteryVolts
            self.batteryLow = batteryLow
            self.fault = fault
            self.tamper = tamper
            self.obstructed = obstructed
            self.lowBatteryPercent = lowBatteryPercent
            self.lowBatteryVolts = lowBatteryVolts
            self.silentAfter = silentAfter
            self.stuckAfter = stuckAfter
        }
    }

    /// Which reading a message yields, and from which fields.
    public enum Kind: Equatable, Sendable {
        /// A bay is occupied or vacant, by a word or by a number beyond a threshold.
        case bay(bay: Source, occupied: Source, words: Words<Bool>, threshold: Threshold? = nil)
        /// A bay's sensor lives, and the bay is what it was.
        case heartbeat(bay: Source)
        /// Vehicles in and out since the last message; at least one of the two.
        ///
        /// A number above `resetAbove` is no count: the sensor says by it that it began anew.
        case movement(arrivals: Source?, departures: Source?, resetAbove: Int? = nil)
        /// Totals since the sensor was born; at least one of the two; they wrap to 0 at `wrapsAt`.
        ///
        /// A sensor with several counters has a name for each.
        case counter(
            arrivals: Source?,
            departures: Source?,
            wrapsAt: Int?,
            name: String? = nil
        )
        /// The number of occupied bays, or how many percent of the capacity they are.
        case occupied(Source, unit: Unit = .bays)
        /// The number of vacant bays, or how many percent of the capacity they are.
        case vacant(Source, unit: Unit = .bays)
        /// Open, closed, fault.
        case state(Source, words: Words<OperatingState>)
        /// Nothing but what the message says of its sensor.
        case health
    }

    /// What a level is given in.
    public enum Unit: Sendable {
        /// A number of bays.
        case bays
        /// A share of the capacity in percent, `87` or `"87%"`, rounded to whole bays.
        case percent
    }

    /// What the words of a payload mean, compared byte by byte.
    public struct Words<Value: Hashable & Sendable>: Equatable, Sendable {
        /// The meaning of each word; empty means the words of the format itself.
        public let meanings: [String: Value]

        /// Words of these meanings.
        public init(_ meanings: [String: Value] = [:]) {
            self.meanings = meanings
        }
    }

    /// The topics that it reads.
    public let topic: TopicPattern

    /// How it reads their payloads.
    public let format: Format

    /// What stands between the fields of a text; nil where the text is one field.
    public var separator: String?

    /// What is around the sensor's payload.
    public var envelope = Envelope.none

    /// What must be so, all of it, for the rule to read a message; otherwise the next rule is tried.
    public var conditions: [Condition] = []

    /// The JSON Pointer of an array each element of which is a reading; the fields of the reading then stand in the element.
    public var elements: String?

    /// Which facility or device a reading is about.
    public var subject: Subject

    /// The zone of the facility; nil where the rule says nothing of one.
    public var zone: Source?

    /// The class of the bay; nil where the rule says nothing of one.
    public var bayClass: BayClass?

    /// When the sensor observed it; nil means: as the envelope says, or when we received it.
    public var observed: Source?

    /// How the sensor's time is read.
    public var clock = ObservationClock()

    /// The number that the sensor gives each message, by which repeated and missing ones are told; nil where it gives none,
    /// or where the envelope gives it.
    public var sequence: Sequence?

    /// Whether a field that the message leaves out means 0 or false.
    public var absentIsZero = false

    /// What it says.
    public let kind: Kind

    /// What it says of the sensor; nil where that is not kept.
    public var health: Health?

    /// Whether the next rules are tried as well after this one has read a message.
    public var continues = false

    /// Where the configuration has the rule, if not at the number that it has among all of them: `rules[1]`, or
    /// `rules[1] (bosch-tps110[2])` for the third of a profile.
    public var place: String?

    /// How a sensor numbers its messages.
    public struct Sequence: Equatable, Sendable {
        /// Where the number stands.
        public let number: Source

        /// After the largest number comes 0 and not this; nil where numbers never wrap.
        public let wrapsAt: Int?

        /// Numbers of this place.
        public init(number: Source, wrapsAt: Int? = nil) {
            self.number = number
            self.wrapsAt = wrapsAt
        }
    }

    /// A rule of these parts; the others are set behind it.
    public init(
        topic: TopicPattern,
        format: Format,
        facility: Source = .capture("facility"),
        observed: Source? = nil,
        sequence: Sequence? = nil,
        kind: Kind
    ) {
        self.topic = topic
        self.format = format
        subject = .facility(facility)
        self.observed = observed
        self.sequence = sequence
        self.kind = kind
    }
}
