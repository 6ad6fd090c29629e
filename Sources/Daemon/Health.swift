import Ingest
import Occupancy
import Parking

/// How a running daemon is: what `health.json` holds and `carparkd status` prints.
///
/// Values only. ``HealthRoom`` takes them from the running parts, `Health+JSON.swift` writes and reads them, ``StatusPage`` shows them.
///
/// Times are in milliseconds since 1970 (UTC). Names of sensors, devices and topics are text from the network: escape them where they
/// end up.
struct Health: Equatable, Sendable {
    /// The beginning of a list that may be long, and how long it is.
    struct Listing<Element: Equatable & Sendable>: Equatable, Sendable {
        var total = 0
        var first: [Element] = []

        /// Adds one, and keeps it if it is among the first.
        mutating func add(_ element: @autoclosure () -> Element) {
            total += 1
            if first.count < Health.listLength { first.append(element()) }
        }
    }

    /// A connection to a broker.
    struct Broker: Equatable, Sendable {
        enum State: String, Sendable, CaseIterable { case connecting, connected, away }

        var name: String
        var url: String?
        var state: State
        var since: Int64
        var reconnects: Int
        var lastFailure: String?
        var advice: String?
    }

    /// What came in since the configuration took effect, and how fast it comes now.
    struct Traffic: Equatable, Sendable {
        var messages = 0
        var readings = 0
        var late = 0
        var redelivered = 0
        var refused = 0
        var bytes = 0
        /// Over the last minute, or since the configuration took effect where that is shorter.
        var messagesPerSecond = 0.0
        var processorPercent = 0.0
        var memoryBytes = 0
    }

    /// A changed configuration that was not taken.
    struct RefusedReload: Equatable, Sendable {
        /// When it was refused.
        var at: Int64
        /// Why: the first of its mistakes, or what it could not be run for.
        var error: String
        var advice: String?
        /// When the configuration that is in force took effect.
        var effective: Int64
    }

    /// Something that works or does not, and then why, and what to do.
    struct Trouble: Equatable, Sendable {
        var error: String
        var advice: String?
    }

    struct Feed: Equatable, Sendable {
        var directory: String
        var published: Int64?
        var trouble: Trouble?
    }

    /// A zone of a facility, or the bays of a class in either.
    struct Part: Equatable, Sendable {
        /// Nil for the facility as a whole.
        var zone: String?
        /// Nil for all classes.
        var bayClass: String?
        var capacity: Int
        var occupied: Int?
        var free: Int?
        var unknownBays: Int
    }

    struct Facility: Equatable, Sendable {
        var id: String
        var capacity: Int
        var occupied: Int?
        var free: Int?
        var state: String
        var isStale: Bool
        var heard: Int64?
        var knownBays: Int
        /// Those of them that have fallen silent.
        var unknownBays: Int
        var drift: Int
        /// Each zone before its classes, then the classes of the whole.
        var parts = Listing<Part>()
    }

    /// A sensor that something is wrong with.
    struct Sensor: Equatable, Sendable {
        var name: String
        var rule: Int?
        var heard: Int64?
        var battery: Battery?
        var faults: [String] = []
        /// How far its clock is ahead, and by how much it gains a day; in milliseconds.
        var clockError: Int64?
        var clockDrift: Int64?
    }

    /// A sensor of whose numbered messages some never came.
    struct Gap: Equatable, Sendable {
        var name: String
        /// The facility, or the part of one.
        var facility: String
        var missing: Int
    }

    struct Sensors: Equatable, Sendable {
        var count = 0
        var limit = 0
        /// The messages of sensors beyond the limit.
        var untracked = 0
        var silent = Listing<Sensor>()
        var stuck = Listing<Sensor>()
        var lowBattery = Listing<Sensor>()
        var faulty = Listing<Sensor>()
        var wrongClock = Listing<Sensor>()
        var missing = Listing<Gap>()
    }

    /// A rule as a person finds it.
    struct Rule: Equatable, Sendable {
        /// Where the configuration has it.
        var place: String
        var topic: String
    }

    struct UnknownDevice: Equatable, Sendable {
        var name: String
        var rule: Int
        var topic: String
        var messages: Int
        var heard: Int64
    }

    struct UnknownDevices: Equatable, Sendable {
        var limit = 0
        /// The messages of devices that gave way to others.
        var others = 0
        var devices = Listing<UnknownDevice>()
    }

    /// Messages that were refused, ignored, or counted with a remark, for one reason under one rule.
    struct Refusal: Equatable, Sendable {
        enum Outcome: String, Sendable { case refused, ignored, counted }

        var reason: String
        var outcome: Outcome
        var rule: Int?
        var count: Int
        var lastTopic: String
    }

    struct Quarantined: Equatable, Sendable {
        var received: Int64
        var reason: String
        var rule: Int?
        var topic: String
        var shape: String?
    }

    /// The most entries of a list: whoever has more of them wants the number, and a few names to begin with.
    static let listLength = 100

    /// The most facilities that are listed: those that are stale first.
    static let facilityLength = 1000

    /// The most zones and classes that are listed, of all facilities together.
    static let partLength = 3000

    /// The largest file that is read; three times what the bounds above allow.
    static let maximumBytes = 4 << 20

    var version: String
    var processIdentifier: Int
    /// When the process began.
    var started: Int64
    /// When its present configuration took effect: everything is counted from then on.
    var configured: Int64
    var generated: Int64
    /// How often it is written, in seconds.
    var interval: Int
    /// The last order to reload, where it changed nothing.
    var refusedReload: RefusedReload?
    var brokers: [Broker] = []
    var traffic = Traffic()
    var journalTrouble: Trouble?
    var feed: Feed
    var staleFacilities = 0
    var facilities = Listing<Facility>()
    var sensors = Sensors()
    var unknownDevices = UnknownDevices()
    /// The rules that are named by their numbers elsewhere.
    var rules: [Int: Rule] = [:]
    var refusals = Listing<Refusal>()
    var quarantine: [Quarantined] = []
    /// The refused messages that came too fast for the quarantine.
    var unquarantined = 0
}
