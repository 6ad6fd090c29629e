import Occupancy
public import Parking

/// What a message may be at most.
public struct IngestLimits: Equatable, Sendable {
    /// The longest payload, in bytes.
    public var payloadBytes: Int
    /// The most levels of arrays and objects in a payload.
    public var jsonDepth: Int
    /// The longest topic, in bytes.
    public var topicBytes: Int

    /// Limits of these values; by default those of the configuration.
    public init(payloadBytes: Int = 65_536, jsonDepth: Int = 64, topicBytes: Int = 1024) {
        self.payloadBytes = payloadBytes
        self.jsonDepth = jsonDepth
        self.topicBytes = topicBytes
    }
}

/// The rules and facilities of a configuration, compiled for the stream.
///
/// **Threads.** Immutable; every ingest thread reads the same one.
public final class IngestPlan: Sendable {
    /// The facilities, in the configured order.
    public let facilities: [Facility]

    /// The rules, in the configured order.
    public let rules: [Rule]

    /// What a message may be at most.
    public let limits: IngestLimits

    /// The devices that rules may ask for.
    public let devices: DeviceRegistry

    /// What readings are about: facilities, their zones and classes.
    public let parts: FacilityParts

    let trie: TopicTrie
    let compiled: [CompiledRule]
    private let facilityNumbers: NameTable
    private let compiledDevices: CompiledDevices

    /// Compiles rules that were checked.
    ///
    /// - Precondition: As the configuration guarantees: constant facilities exist, captures are captured, pointers are
    ///   pointers, and the text format has none but the empty one.
    public init(
        facilities: [Facility],
        rules: [Rule],
        devices: DeviceRegistry = DeviceRegistry([]),
        limits: IngestLimits = IngestLimits()
    ) {
        self.facilities = facilities
        self.rules = rules
        self.devices = devices
        self.limits = limits
        parts = FacilityParts(facilities)
        compiledDevices = CompiledDevices(devices, facilities: facilities, parts: parts)
        facilityNumbers = NameTable(capacity: facilities.count)
        for facility in facilities {
            let id = Array(facility.id.text.utf8)
            _ = facilityNumbers.insert(id.span)
        }
        trie = TopicTrie(rules.map(\.topic))
        compiled = rules.enumerated().map { CompiledRule($1, number: $0) }
    }

    /// The number of the facility of this identifier.
    func facility(_ id: Span<UInt8>) -> Int? { facilityNumbers.find(id) }

    /// The devices of the registry.
    var listedDevices: [CompiledDevice] { compiledDevices.devices }

    /// The device of this name.
    func device(_ name: Span<UInt8>) -> CompiledDevice? { compiledDevices.find(name) }

    /// The bays of a facility or a part; nil where those of the part are not known.
    func capacity(of part: Int) -> Int? { parts.capacity(of: part) }
}
