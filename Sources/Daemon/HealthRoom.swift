import Configuration
import Glibc
import Ingest
import Journal
import LinuxSystem
import Logging
import MQTT
import Occupancy
import Parking
import Persistence

/// Writes `health.json` every few seconds, and tells the log how the sensors are.
///
/// On a thread of its own: the directory may be on a disk after all, and a file that tells about hanging must not hang with the feed.
///
/// **Cost.** In proportion to the facilities and sensors, once in ``interval``; the file is bounded, see ``Health``.
actor HealthRoom {
    /// How often it is written: often enough for a person who looks, seldom enough to cost nothing.
    static let interval = Duration.seconds(5)

    /// What it looks at.
    struct Sources: Sendable {
        let house: House
        let brokers: [BrokerStatus]
        let tallies: [IngestTally]
        let journal: OccupancyJournal
        let progress: FeedProgress
        /// When the process began.
        let started: Moment
        /// When the present configuration took effect.
        let configured: Moment
        let reloads: ReloadRecord
    }

    private struct Sample {
        var milliseconds: Int64
        var messages: Int
        var processorMicroseconds: Int64
    }

    nonisolated let executor: ThreadExecutor
    private let sources: Sources
    private let logger: Logger
    private var file: RuntimeFile
    private var watch: SensorWatch
    private var reporter: SensorReporter
    private var samples: [Sample] = []
    private var failure: FileError?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(_ sources: Sources, watch: SensorWatch, logger: Logger) throws(ThreadError) {
        executor = try ThreadExecutor(name: "health")
        self.watch = watch
        self.sources = sources
        self.logger = logger
        file = RuntimeFile(
            directory: RuntimePlace.directory(sources.house.configuration),
            name: RuntimePlace.name
        )
        reporter = SensorReporter(
            rules: sources.house.configuration.rules,
            sensors: sources.house.sensors,
            logger: logger
        )
    }

    /// Its work, for as long as the others run.
    nonisolated var service: PeriodicService {
        PeriodicService(
            description: "health",
            interval: Self.interval,
            tick: { await self.tick() },
            end: { await self.end() }
        )
    }

    /// Looks at everything, tells the log what changed, and writes the file.
    func tick() {
        let now = Moment.now()
        let findings = watch.look(at: sources.house.sensors, at: now)
        reporter.report(findings.changes, at: now)
        write(health(findings, at: now).json)
    }

    /// Looks a last time, and removes the file: what is not running has no health.
    func end() {
        let now = Moment.now()
        reporter.report(watch.look(at: sources.house.sensors, at: now).changes, at: now)
        file.remove()
    }

    /// What the log was told last of each sensor that something is wrong with, by its name.
    var told: [[UInt8]: SensorConditions] { watch.told(of: sources.house.sensors) }

    private func write(_ content: [UInt8]) {
        do throws(FileError) {
            try file.replace(with: content)
            if failure != nil {
                failure = nil
                logger.notice(
                    "the health file is written again",
                    metadata: ["path": "\(file.path)"]
                )
            }
        } catch {
            // Once for each kind of failure: the next attempt comes in a few seconds.
            guard error != failure else { return }
            failure = error
            logger.warning(
                "the health file cannot be written; all else goes on, but 'carparkd status' knows nothing",
                metadata: [
                    "error": "\(error)",
                    "advice":
                        "give the service a RuntimeDirectory=, or name a runtime_directory that it may write to",
                ]
            )
        }
    }

    // MARK: What is written

    private func health(_ findings: SensorWatch.Findings, at now: Moment) -> Health {
        let house = sources.house
        var health = Health(
            version: Version.current,
            processIdentifier: Int(getpid()),
            started: sources.started.wallMilliseconds,
            configured: sources.configured.wallMilliseconds,
            generated: now.wallMilliseconds,
            interval: Int(Self.interval.wholeMilliseconds / 1000),
            feed: Health.Feed(
                directory: house.configuration.feed.directory,
                published: sources.progress.published,
                trouble: sources.progress.trouble.map {
                    // The advice is a part of its description.
                    Health.Trouble(error: "\($0)", advice: nil)
                }
            )
        )
        health.refusedReload = sources.reloads.refused
        health.brokers = sources.brokers.map { Health.Broker($0.name, $0.record) }
        health.traffic = traffic(at: now)
        health.journalTrouble = sources.journal.health.trouble.map {
            Health.Trouble(error: "\($0)", advice: $0.advice)
        }
        health.add(house, at: now)
        health.sensors = sensors(findings)
        health.add(house.incidents, limit: house.configuration.limits.unknownDevices)
        for rule in health.namedRules where house.configuration.rules.indices.contains(rule) {
            health.rules[rule] = Health.Rule(
                place: house.configuration.rules.place(of: rule),
                topic: Health.cut(house.configuration.rules[rule].topic.text.utf8)
            )
        }
        return health
    }

    private func traffic(at now: Moment) -> Health.Traffic {
        let tallies = sources.tallies
        let usage = ProcessUsage.now()
        var traffic = Health.Traffic()
        traffic.messages = tallies.reduce(0) { $0 + $1.messages }
        traffic.readings = tallies.reduce(0) { $0 + $1.readings }
        traffic.late = tallies.reduce(0) { $0 + $1.late }
        traffic.redelivered = tallies.reduce(0) { $0 + $1.redelivered }
        traffic.refused = sources.house.incidents.refusals
        traffic.bytes = tallies.reduce(0) { $0 + $1.bytes }
        traffic.memoryBytes = usage.residentBytes
        let sample = Sample(
            milliseconds: now.monotonicMilliseconds,
            messages: traffic.messages,
            processorMicroseconds: usage.processorMicroseconds
        )
        samples.append(sample)
        // The last of them that is a minute old, and those after it.
        while samples.count > 2, sample.milliseconds - samples[1].milliseconds >= 60_000 {
            samples.removeFirst()
        }
        guard let first = samples.first, sample.milliseconds > first.milliseconds else {
            return traffic
        }
        let seconds = Double(sample.milliseconds - first.milliseconds) / 1000
        let busy = Double(sample.processorMicroseconds - first.processorMicroseconds) / 1e4
        traffic.messagesPerSecond = Self.tenths(Double(sample.messages - first.messages) / seconds)
        traffic.processorPercent = Self.tenths(busy / seconds)
        return traffic
    }

    private func sensors(_ findings: SensorWatch.Findings) -> Health.Sensors {
        let table = sources.house.sensors
        func described(_ numbers: Health.Listing<Int>) -> Health.Listing<Health.Sensor> {
            Health.Listing(
                total: numbers.total,
                first: numbers.first.map { Health.Sensor(table.name(of: $0), table.state(of: $0)) }
            )
        }
        var sensors = Health.Sensors()
        sensors.count = table.count
        sensors.limit = table.capacity
        sensors.untracked = table.untracked
        sensors.silent = described(findings.silent)
        sensors.stuck = described(findings.stuck)
        sensors.lowBattery = described(findings.lowBattery)
        sensors.faulty = described(findings.faulty)
        sensors.wrongClock = described(findings.wrongClock)
        sensors.missing = gaps()
        return sensors
    }

    private func gaps() -> Health.Listing<Health.Gap> {
        let sequences = sources.house.occupancy.sequences
        let parts = sources.house.occupancy.parts
        var gaps = Health.Listing<Health.Gap>()
        for sensor in 0..<sequences.count {
            guard let missing = sequences.window(of: sensor)?.missing, missing > 0 else { continue }
            // One of a part that the configuration no longer has: its number is beyond all parts.
            let isConfigured = sequences.withName(of: sensor) { _, part in part < parts.count }
            guard isConfigured else { continue }
            gaps.add(
                sequences.withName(of: sensor) { name, part in
                    Health.Gap(
                        name: Health.cut(name.indices.map { name[$0] }),
                        facility: parts.identifier(of: part),
                        missing: missing
                    )
                }
            )
        }
        return gaps
    }

    private static func tenths(_ number: Double) -> Double { (number * 10).rounded() / 10 }
}

/// Where the health of a daemon is found.
enum RuntimePlace {
    static let name = "health.json"

    /// The directory without a word about it in the configuration or from the service manager.
    static let standard = "/run/carparkd"

    /// The directory of a configuration.
    ///
    /// systemd names its `RuntimeDirectory=` in `$RUNTIME_DIRECTORY`, several of them with colons between.
    static func directory(_ configuration: Configuration?) -> String {
        configuration?.runtimeDirectory
            ?? Environment.value("RUNTIME_DIRECTORY")?.split(separator: ":").first.map(String.init)
            ?? standard
    }
}

// MARK: From the running parts

extension Health {
    /// A text from the network, cut to what a list needs of it.
    static func cut(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes.prefix(IncidentLog.topicBytes)), as: UTF8.self)
    }

    /// The rules that are named somewhere by their numbers.
    fileprivate var namedRules: Set<Int> {
        var named = Set(refusals.first.compactMap(\.rule))
        named.formUnion(quarantine.compactMap(\.rule))
        named.formUnion(unknownDevices.devices.first.map(\.rule))
        let lists = [
            sensors.silent, sensors.stuck, sensors.lowBattery, sensors.faulty, sensors.wrongClock,
        ]
        for list in lists { named.formUnion(list.first.compactMap(\.rule)) }
        return named
    }

    fileprivate mutating func add(_ house: House, at now: Moment) {
        var listed: [(facility: Facility, isLate: Bool)] = []
        for (number, facility) in house.configuration.facilities.enumerated() {
            let counts = house.occupancy.counts(of: number)
            let entry = Facility(facility, counts, at: now)
            if entry.isStale { staleFacilities += 1 }
            listed.append((entry, entry.isStale))
        }
        facilities.total = listed.count
        if listed.count > Self.facilityLength {
            listed = listed.filter(\.isLate) + listed.filter { !$0.isLate }
        }
        facilities.first = listed.prefix(Self.facilityLength).map(\.facility)
        var room = Self.partLength
        for number in facilities.first.indices {
            let parts = facilities.first[number].parts.first.prefix(room)
            facilities.first[number].parts.first = Array(parts)
            room -= parts.count
        }
    }

    fileprivate mutating func add(_ incidents: IncidentLog, limit: Int) {
        for entry in incidents.all.sorted(by: { $0.total > $1.total }) {
            refusals.add(
                Refusal(
                    reason: entry.incident.rawValue,
                    outcome: .init(entry.incident.outcome),
                    rule: entry.rule,
                    count: entry.total,
                    lastTopic: Self.cut(entry.topic)
                )
            )
        }
        quarantine = incidents.quarantine.messages.map { message in
            Quarantined(
                received: message.receivedMilliseconds,
                reason: message.incident.rawValue,
                rule: message.rule,
                topic: Self.cut(message.topic),
                shape: message.shape
            )
        }
        unquarantined = incidents.quarantine.skipped
        unknownDevices.limit = limit
        unknownDevices.others = incidents.unknownDevices.others
        for device in incidents.unknownDevices.devices {
            unknownDevices.devices.add(
                UnknownDevice(
                    name: Self.cut(device.name),
                    rule: device.rule,
                    topic: Self.cut(device.topic),
                    messages: device.messages,
                    heard: device.heardMilliseconds
                )
            )
        }
    }
}

extension Health.Broker {
    init(_ name: String, _ record: BrokerStatus.Record) {
        let state: State =
            switch record.phase {
            case .starting: .connecting
            case .connected: .connected
            case .away: .away
            }
        self.init(
            name: name,
            url: record.lastEndpoint?.description,
            state: state,
            since: record.since,
            reconnects: max(0, record.connections - 1),
            lastFailure: record.lastFailure?.description,
            advice: record.lastFailure?.advice
        )
    }
}

extension Health.Facility {
    init(_ facility: Facility, _ counts: FacilityCounts, at now: Moment) {
        let silence = counts.heardMonotonicMilliseconds.map { now.monotonicMilliseconds - $0 }
        let limit = facility.staleAfter?.wholeMilliseconds
        self.init(
            id: facility.id.text,
            capacity: facility.capacity,
            occupied: counts.occupied,
            free: PartStatus(occupied: counts.occupied, unknown: counts.unknownBays)
                .free(capacity: facility.capacity),
            state: facility.state(
                occupied: counts.occupied,
                operating: counts.operating,
                band: counts.band
            ).rawValue,
            isStale: limit.flatMap { limit in silence.map { $0 > limit } } ?? false,
            heard: silence.map { now.wallMilliseconds - $0 },
            knownBays: counts.knownBays,
            unknownBays: counts.unknownBays,
            drift: counts.drift,
            parts: Self.parts(facility, counts)
        )
    }

    private static func parts(
        _ facility: Facility,
        _ counts: FacilityCounts
    ) -> Health.Listing<Health.Part> {
        func part(
            _ status: PartStatus,
            zone: Zone? = nil,
            of bayClass: BayClass? = nil,
            _ capacity: Int
        ) -> Health.Part {
            Health.Part(
                zone: zone?.id.text,
                bayClass: bayClass?.rawValue,
                capacity: capacity,
                occupied: status.occupied,
                free: status.free(capacity: capacity),
                unknownBays: status.unknown
            )
        }
        var parts: [Health.Part] = []
        for (zone, status) in zip(facility.zones, counts.zones) {
            parts.append(part(status, zone: zone, zone.capacity))
            parts += zip(zone.classes, status.classes).map {
                part($1, zone: zone, of: $0.bayClass, $0.capacity)
            }
        }
        parts += zip(facility.classes, counts.classes).map {
            part($1, of: $0.bayClass, $0.capacity)
        }
        return Health.Listing(total: parts.count, first: parts)
    }
}

extension Health.Refusal.Outcome {
    /// The outcome of an incident.
    init(_ outcome: Incident.Outcome) {
        self =
            switch outcome {
            case .refused: .refused
            case .ignored: .ignored
            case .counted: .counted
            }
    }
}

extension Health.Sensor {
    /// A hundredth is as much as any battery's figure means, and the table keeps single precision.
    private static func rounded(_ battery: Battery) -> Battery {
        switch battery {
        case .percent(let percent): .percent((percent * 100).rounded() / 100)
        case .volts(let volts): .volts((volts * 100).rounded() / 100)
        case .low: battery
        }
    }

    init(_ name: String, _ state: SensorState) {
        self.init(
            name: name,
            rule: state.rule,
            heard: state.heardWallMilliseconds,
            battery: state.battery.map(Self.rounded),
            faults: state.faults.names,
            clockError: state.clockError,
            clockDrift: state.clockDrift
        )
    }
}
