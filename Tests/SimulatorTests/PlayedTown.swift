import Configuration
import Ingest
import Occupancy
import Parking
import Simulator
import Testing

/// Where the profiles lie.
let profileDirectory =
    #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Config/profiles"

/// Simulated sensors of a configuration, and what the daemon's own pipeline makes of their messages.
///
/// The rules, the list of devices and the profiles are texts, as an operator writes them.
struct PlayedTown {
    private let configuration: Configuration
    private let occupancy: LiveOccupancy
    private let incidents = IncidentLog(unknownDevices: 100)
    private let ingest: Ingest
    private(set) var simulator: Simulator
    private var next: SimulatedMessage?
    /// The messages that were published so far.
    private(set) var messages: [SimulatedMessage] = []

    /// - Parameters:
    ///   - rules: Items of the list.
    ///   - devices: The lines of the list of devices below `device,facility,zone,bay,class,threshold,direction,clock_offset`.
    init(
        _ rules: String,
        devices: [String] = [],
        capacity: Int = 40,
        facilityKeys: String = "",
        seed: UInt64 = 1,
        options: Simulator.Options = .faultless
    ) throws {
        let text = """
            brokers: [{name: town, urls: ["mqtt://localhost"]}]
            feed: {directory: /srv/feed}
            devices: {file: devices.csv}
            profile_directory: \(profileDirectory)
            facilities:
              - {id: podium, name: Podium, capacity: \(capacity)\(facilityKeys)}
            rules:

            """
        let header = "device,facility,zone,bay,class,threshold,direction,clock_offset"
        let list = ([header] + devices).map { $0 + "\n" }.joined()
        configuration = try Configuration.parse(
            text + rules + "\n",
            file: "carparkd.yaml",
            read: { path, maximumBytes throws(UnreadableFile) in
                path == "devices.csv"
                    ? Array(list.utf8)
                    : try Configuration.content(path, maximumBytes: maximumBytes)
            }
        )
        occupancy = LiveOccupancy(
            facilities: configuration.facilities,
            bayLimit: 1000,
            sensorLimit: 1000,
            history: HistoryShape(stepMilliseconds: 60_000, stepCount: 60)
        )
        let registry = configuration.devices ?? DeviceRegistry([])
        ingest = Ingest(
            plan: IngestPlan(
                facilities: configuration.facilities,
                rules: configuration.rules,
                devices: registry,
                limits: IngestLimits(payloadBytes: 65_536, jsonDepth: 64, topicBytes: 1024)
            ),
            occupancy: occupancy,
            incidents: incidents,
            health: nil
        )
        simulator = Simulator(
            facilities: configuration.facilities,
            rules: configuration.rules,
            devices: registry.devices,
            options: options,
            seed: seed,
            startMilliseconds: Town.morning
        )
        next = simulator.next()
    }

    /// Ends the simulation and begins another one a minute later.
    mutating func restart() {
        simulator = Simulator(
            facilities: configuration.facilities,
            rules: configuration.rules,
            devices: configuration.devices?.devices ?? [],
            options: .faultless,
            seed: 1,
            startMilliseconds: 60_000 + (messages.last?.dueMilliseconds ?? Town.morning)
        )
        next = simulator.next()
    }

    /// What the daemon knows.
    var counts: FacilityCounts { occupancy.counts(of: 0) }

    /// What went wrong since the last time.
    func takeIncidents() -> [Incident] { incidents.take().map(\.incident) }

    /// Which of the devices in the list speaks in a message.
    func device(of message: SimulatedMessage) -> String? {
        let levels = Set(message.topicText.split(separator: "/").map(String.init))
        return configuration.devices?.devices.map(\.identifier).first(where: levels.contains)
    }

    /// Has the daemon read the messages that are due next at one time, and tells how many vehicles were inside then.
    mutating func step() -> Int? {
        var inside: Int?
        while let message = next {
            ingest.receive(
                topic: message.topic.span,
                payload: message.payload.span,
                isRetained: message.isRetained,
                at: Moment(recordedMilliseconds: message.dueMilliseconds)
            )
            ingest.commit()
            messages.append(message)
            inside = simulator.truth.values.first
            next = simulator.next()
            if next?.dueMilliseconds != message.dueMilliseconds { break }
        }
        return inside
    }

    /// Plays three hours, and expects the daemon to know of every vehicle from the moment at which it has heard all bays.
    ///
    /// - Parameters:
    ///   - bays: How many there are with a sensor.
    ///   - tolerance: The vehicles that may have passed since the last report.
    ///   - ignored: What may go wrong.
    /// - Returns: The highest occupancy.
    @discardableResult
    mutating func playTruly(
        bays: Int = 0,
        tolerance: Int = 0,
        ignoring ignored: Set<Incident> = []
    ) throws -> Int {
        #expect(!simulator.truth.isEmpty, "\(simulator.omissions)")
        var highest = 0
        var lowest = Int.max
        while let due = next?.dueMilliseconds, due < Town.morning + 3 * Town.hour {
            let inside = try #require(step())
            let incidents = takeIncidents().filter { !ignored.contains($0) }
            try #require(incidents.isEmpty, "\(incidents): \(messages.last.map(\.text) ?? "")")
            guard counts.knownBays >= bays, let occupied = counts.occupied else { continue }
            try #require(
                abs(occupied - inside) <= tolerance,
                "\(occupied) for \(inside) after \(messages.count) messages"
            )
            highest = max(highest, inside)
            lowest = min(lowest, inside)
        }
        #expect(highest - lowest > 3, "hardly a vehicle moved")
        return highest
    }
}
