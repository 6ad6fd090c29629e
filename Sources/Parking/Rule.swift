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
        /// The value at this JSON Pointer (RFC 6901); the empty pointer is the whole payload.
        case pointer(String)
    }

    /// Which reading a message yields, and from which fields.
    public enum Kind: Equatable, Sendable {
        /// A bay is occupied or vacant.
        case bay(bay: Source, occupied: Source, words: Words<Bool>)
        /// Vehicles in and out since the last message; at least one of the two.
        case movement(arrivals: Source?, departures: Source?)
        /// Totals since the sensor was born; at least one of the two; they wrap to 0 at `wrapsAt`.
        case counter(arrivals: Source?, departures: Source?, wrapsAt: Int?)
        /// The number of occupied bays.
        case occupied(Source)
        /// The number of vacant bays.
        case vacant(Source)
        /// Open, closed, fault.
        case state(Source, words: Words<OperatingState>)
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

    /// The facility that a reading is about.
    public let facility: Source

    /// When the sensor observed it; nil means: when we received it.
    public let observed: Source?

    /// The number that the sensor gives each message, by which repeated and missing ones are told; nil where it gives none.
    public let sequence: Sequence?

    /// What it says.
    public let kind: Kind

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

    /// A rule of these parts.
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
        self.facility = facility
        self.observed = observed
        self.sequence = sequence
        self.kind = kind
    }
}
