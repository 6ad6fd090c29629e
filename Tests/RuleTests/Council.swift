import Configuration
import Glibc
import Ingest
import Occupancy
import Parking
import Testing

@testable import Daemon

/// A council with two car parks, configured as an operator does it: the rules, the list of devices and the profiles are texts.
final class Council {
    /// 2026-11-23T12:00:00Z.
    static let noon: Int64 = 1_795_435_200_000

    private let house: House
    let ingest: Ingest
    var now = Moment(recordedMilliseconds: Council.noon)

    /// - Parameters:
    ///   - devices: The list of devices, if there is one.
    ///   - profiles: Where profiles are, if any is used.
    ///   - former: The council before its configuration was reloaded.
    init(
        _ rules: String,
        devices: String? = nil,
        profiles: String? = nil,
        after former: Council? = nil
    ) throws {
        let configuration = try Configuration.parse(
            Self.text(rules, hasDevices: devices != nil, profiles: profiles),
            file: "carparkd.yaml",
            read: { path, maximumBytes throws(UnreadableFile) in
                if path == "devices.csv", let devices { return Array(devices.utf8) }
                return try content(of: path, maximumBytes)
            }
        )
        house = House(configuration)
        if let former {
            house.inherit(former.health, measuredBy: former.house.configuration.rules)
        }
        ingest = Ingest(
            plan: house.plan,
            occupancy: house.occupancy,
            incidents: house.incidents,
            health: house.sensors
        )
    }

    private static func text(_ rules: String, hasDevices: Bool, profiles: String?) -> String {
        """
        brokers: [{name: town, urls: ["mqtt://localhost"]}]
        feed: {directory: /srv/feed}
        \(hasDevices ? "devices: {file: devices.csv}" : "")
        \(profiles.map { "profile_directory: \($0)" } ?? "")
        facilities:
          - id: podium
            name: Podium
            capacity: 100
            zones: [{id: level-1, name: Level 1, capacity: 40}, {id: level-2, name: Level 2, capacity: 40}]
            classes: {disabled: 4}
          - {id: station, name: Station, capacity: 1000}
        rules:

        """ + rules + "\n"
    }

    // MARK: What happens

    func send(_ topic: String, _ payload: String, isRetained: Bool = false) {
        let topic = Array(topic.utf8)
        let payload = Array(payload.utf8)
        ingest.receive(
            topic: topic.span,
            payload: payload.span,
            isRetained: isRetained,
            at: now
        )
        ingest.commit()
    }

    /// Lets time pass.
    func wait(_ duration: Duration) {
        now.wallMilliseconds += duration.wholeMilliseconds
        now.monotonicMilliseconds += duration.wholeMilliseconds
    }

    // MARK: What is known then

    var occupancy: LiveOccupancy { house.occupancy }
    var plan: IngestPlan { house.plan }
    var health: SensorHealth { house.sensors }
    var unknownDevices: UnknownDevices { house.incidents.unknownDevices }

    /// The occupancy of the first car park.
    var occupied: Int? { occupied(0) }

    func occupied(_ facility: Int) -> Int? { house.occupancy.counts(of: facility).occupied }

    /// What is known of a bay of the first car park, or of a part of it.
    func bay(_ name: String, of part: Int = 0) -> Bool? {
        let name = Array(name.utf8)
        let number = house.occupancy.bays.find(name.span, facility: part)
        return number.flatMap { house.occupancy.bays.state(of: $0) }?.occupied
    }

    /// What is known of the sensor of a device or a topic.
    func sensor(_ name: String) -> SensorState? {
        (0..<health.count).first { number in
            health.withName(of: number) { text in
                String(decoding: (0..<text.count).map { text[$0] }, as: UTF8.self) == name
            }
        }.map { health.state(of: $0) }
    }

    /// What went wrong since the last time, most frequent first.
    func takeIncidents() -> [Incident] { house.incidents.take().map(\.incident) }

    func explain(_ topic: String, _ payload: String) -> [String] {
        let bytes = Array(topic.utf8)
        let payload = Array(payload.utf8)
        let explanation = house.plan.explain(topic: bytes.span, payload: payload.span, at: now)
        return Commands.lines(explanation, house.plan, topic: topic)
    }
}

/// What a rule complains of, as the operator sees it.
func complaints(_ rules: String, devices: String? = nil, profiles: String? = nil) -> [String] {
    do {
        _ = try Council(rules, devices: devices, profiles: profiles)
        return []
    } catch let error as ConfigurationError {
        return error.complaints.map(\.description)
    } catch {
        return ["\(error)"]
    }
}

/// The bytes of a file.
private func content(of path: String, _ maximumBytes: Int) throws(UnreadableFile) -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else {
        throw UnreadableFile(reason: unsafe String(cString: strerror(errno)))
    }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
}
