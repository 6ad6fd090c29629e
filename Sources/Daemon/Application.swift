import Configuration
import Ingest
import Journal
import LinuxSystem
import Logging
import MQTT
import Occupancy
import Parking
import Persistence
import ServiceLifecycle

/// The composition root: builds the graph of a configuration and runs it.
///
/// The services start in this order and end in the opposite one: the sessions stop taking messages before the last feed is
/// written and the journal is closed, and the health is told of to the end.
///
/// Not copyable, so that nothing of it is left when the next one begins.
struct Application: ~Copyable {
    /// All its services; it runs once.
    let group: ServiceGroup
    /// Whether the service manager knows that it is ready.
    let readiness = Readiness()
    private let house: House
    private let started: Moment
    private let logger: Logger
    private let healthRoom: HealthRoom
    private let feedRoom: FeedRoom
    private let threads: [ThreadExecutor]

    /// Builds everything that can be built without a broker.
    ///
    /// The occupancy is back from the journal when it returns.
    ///
    /// - Parameters:
    ///   - former: What is left of the application before, in the same process.
    ///   - reloads: What became of the last order to reload.
    /// - Throws: ``CredentialError``, ``SessionConfiguration/Problem`` and ``JournalError`` for the operator; ``ThreadError`` where
    ///   the machine has no thread left.
    init(
        _ configuration: Configuration,
        after former: Legacy? = nil,
        reloads: ReloadRecord,
        logger: Logger
    ) throws {
        let house = House(configuration)
        house.expectDevices()
        let watch =
            former.map {
                house.inherit(
                    $0.sensors,
                    measuredBy: $0.configuration.rules,
                    told: $0.toldOfSensors
                )
            } ?? SensorWatch()
        self.house = house
        self.logger = logger
        let now = Moment.now()
        started = former?.started ?? now
        // Before the journal: they may fail, and it is locked.
        let configurations = try Self.sessions(configuration)
        let progress = FeedProgress()
        let journal = try Self.openJournal(of: house, logger: logger)
        let statuses = configuration.brokers.map { BrokerStatus(name: $0.name) }
        let tallies = configuration.brokers.map { _ in IngestTally() }
        let sessions = configuration.brokers.indices.map { index in
            SessionService(
                status: statuses[index],
                configuration: configurations[index],
                house: house,
                tally: tallies[index],
                journal: journal,
                logger: logger
            )
        }
        let feedRoom = try FeedRoom(
            house: house,
            journal: journal,
            progress: progress,
            told: former?.toldOfFacilities ?? [:],
            logger: logger
        )
        let sources = HealthRoom.Sources(
            house: house,
            brokers: statuses,
            tallies: tallies,
            journal: journal,
            progress: progress,
            started: started,
            configured: now,
            reloads: reloads
        )
        let healthRoom = try HealthRoom(sources, watch: watch, logger: logger)
        let journalRoom = try JournalRoom(journal)
        self.healthRoom = healthRoom
        self.feedRoom = feedRoom
        threads = [healthRoom.executor, journalRoom.executor, feedRoom.executor]
        let feed = FeedService(room: feedRoom, interval: configuration.feed.interval)
        let first: [any Service] = [healthRoom.service, journalRoom.service, feed]
        let last = Self.watch(sources, readiness, logger: logger)
        group = Self.group(of: first + sessions + [last], logger: logger)
    }

    /// Opens the journal of a house, which knows then what is in it.
    private static func openJournal(
        of house: House,
        logger: Logger
    ) throws(JournalError) -> OccupancyJournal {
        let (journal, recovery) = try OccupancyJournal.open(
            JournalDirectory(path: house.configuration.stateDirectory),
            occupancy: house.occupancy,
            facilities: house.configuration.facilities.map(\.id),
            counted: house.plan.countedParts,
            clock: { .now() }
        )
        JournalReporter.report(recovery, logger: logger)
        return journal
    }

    /// What the sessions with all brokers need, their secrets read.
    ///
    /// - Throws: ``CredentialError`` and ``SessionConfiguration/Problem``.
    static func sessions(_ configuration: Configuration) throws -> [SessionConfiguration] {
        try configuration.brokers.map { broker in
            let session = try SessionConfiguration(
                broker,
                filters: configuration.topicFilters,
                limits: configuration.limits
            )
            try session.check()
            return session
        }
    }

    private static func watch(
        _ sources: HealthRoom.Sources,
        _ readiness: Readiness,
        logger: Logger
    ) -> WatchService {
        let (house, configuration) = (sources.house, sources.house.configuration)
        return WatchService(
            brokers: sources.brokers,
            progress: sources.progress,
            notifier: ServiceNotifier(),
            readiness: readiness,
            facilityCount: configuration.facilities.count,
            logger: logger,
            incidents: IncidentReporter(
                rules: configuration.rules,
                incidents: house.incidents,
                logger: logger
            ),
            journal: JournalReporter(sources.journal, logger: logger),
            traffic: TrafficReporter(
                tallies: sources.tallies,
                incidents: house.incidents,
                logger: logger,
                at: .now()
            ),
            hangs: HangReporter(
                progress: sources.progress,
                brokers: sources.brokers,
                flushInterval: configuration.feed.interval,
                logger: logger
            )
        )
    }

    private static func group(of services: [any Service], logger: Logger) -> ServiceGroup {
        // The group's own lines are about itself.
        var quiet = logger
        quiet.logLevel = .error
        var configuration = ServiceGroupConfiguration(
            services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration = .seconds(15)
        return ServiceGroup(configuration: configuration)
    }

    /// Ends the threads, after the group, and tells what it leaves to the next one.
    consuming func end() async -> Legacy {
        let legacy = Legacy(
            configuration: house.configuration,
            sensors: house.sensors,
            toldOfSensors: await healthRoom.told,
            toldOfFacilities: await feedRoom.told,
            started: started
        )
        for thread in threads { thread.stop() }
        return legacy
    }

    /// What the next application may want of this one.
    struct Legacy {
        let configuration: Configuration
        /// The journal doesn't have them.
        let sensors: SensorHealth
        /// What the log was told, and is not to be told again: conditions by the names of sensors, and how each facility is.
        let toldOfSensors: [[UInt8]: SensorConditions]
        let toldOfFacilities: [FacilityIdentifier: FacilityAnnouncer.Told]
        /// When the first of them began, and with it the process.
        let started: Moment
    }

    /// Says in the log what was configured.
    func log(_ event: Logger.Message, configurationPath: String) {
        let configuration = house.configuration
        logger.info(
            event,
            metadata: [
                "version": "\(Version.current)",
                "configuration": "\(configurationPath)",
                "brokers": "\(configuration.brokers.map(\.name).joined(separator: ","))",
                "facilities": "\(configuration.facilities.count)",
                "rules": "\(configuration.rules.count)",
                "filters": "\(configuration.topicFilters.joined(separator: " "))",
                "feed": "\(configuration.feed.directory)",
            ]
        )
        if !Session.isTransportInterposed {
            logger.warning(
                "the read-ahead is not in effect: ingest costs more, and a broker that does not answer delays the next one"
            )
        }
    }
}
