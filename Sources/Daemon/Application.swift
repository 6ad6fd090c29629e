import Configuration
import Ingest
import Journal
import LinuxSystem
import Logging
import MQTT
import Parking
import Persistence
import ServiceLifecycle
import UnixSignals

/// The composition root: builds the graph of a configuration and runs it.
///
/// The services start in this order and end in the opposite one: the sessions stop taking messages before the last feed is
/// written and the journal is closed, and the health is told of to the end.
struct Application {
    private let house: House
    private let logger: Logger
    private let services: [any Service]
    private let filters: [String]

    /// Builds everything that can be built without a broker.
    ///
    /// The occupancy is back from the journal when it returns.
    ///
    /// - Throws: ``CredentialError``, ``SessionConfiguration/Problem`` and ``JournalError`` for the operator; ``ThreadError`` where
    ///   the machine has no thread left.
    init(_ configuration: Configuration, logger: Logger) throws {
        let house = House(configuration)
        house.expectDevices()
        self.house = house
        self.logger = logger
        filters = configuration.topicFilters
        let progress = FeedProgress()
        let (journal, recovery) = try OccupancyJournal.open(
            JournalDirectory(path: configuration.stateDirectory),
            occupancy: house.occupancy,
            facilities: configuration.facilities.map(\.id),
            clock: { .now() }
        )
        JournalReporter.report(recovery, logger: logger)
        let statuses = configuration.brokers.map { BrokerStatus(name: $0.name) }
        let tallies = configuration.brokers.map { _ in IngestTally() }
        let sessions = try configuration.brokers.indices.map { index in
            SessionService(
                status: statuses[index],
                configuration: try Self.session(configuration, broker: index),
                house: house,
                tally: tallies[index],
                journal: journal,
                logger: logger
            )
        }
        let feed = FeedService(
            room: try FeedRoom(
                house: house,
                journal: journal,
                progress: progress,
                logger: logger
            ),
            interval: configuration.feed.interval
        )
        let watch = WatchService(
            brokers: statuses,
            progress: progress,
            notifier: ServiceNotifier(),
            facilityCount: configuration.facilities.count,
            logger: logger,
            incidents: IncidentReporter(
                rules: configuration.rules,
                incidents: house.incidents,
                logger: logger
            ),
            journal: JournalReporter(journal, logger: logger),
            traffic: TrafficReporter(
                tallies: tallies,
                incidents: house.incidents,
                logger: logger,
                at: .now()
            )
        )
        let health = HealthRoom.Sources(
            house: house,
            brokers: statuses,
            tallies: tallies,
            journal: journal,
            progress: progress
        )
        let healthService = HealthService(room: try HealthRoom(health, logger: logger))
        let journalService = JournalService(room: try JournalRoom(journal))
        services = [healthService, journalService, feed] + sessions + [watch]
    }

    private static func session(
        _ configuration: Configuration,
        broker index: Int
    ) throws -> SessionConfiguration {
        let session = try SessionConfiguration(
            configuration.brokers[index],
            filters: configuration.topicFilters,
            limits: configuration.limits
        )
        try session.check()
        return session
    }

    /// Says in the log what was configured.
    func logStart(configurationPath: String) {
        let configuration = house.configuration
        logger.info(
            "starting",
            metadata: [
                "version": "\(Version.current)",
                "configuration": "\(configurationPath)",
                "brokers": "\(configuration.brokers.map(\.name).joined(separator: ","))",
                "facilities": "\(configuration.facilities.count)",
                "rules": "\(configuration.rules.count)",
                "filters": "\(filters.joined(separator: " "))",
                "feed": "\(configuration.feed.directory)",
            ]
        )
        if !Session.isTransportInterposed {
            logger.warning(
                "the read-ahead is not in effect: ingest costs more, and a broker that does not answer delays the next one"
            )
        }
    }

    /// Runs until a signal ends it.
    func run() async throws {
        // The group's own lines are about itself.
        var quiet = logger
        quiet.logLevel = .error
        var configuration = ServiceGroupConfiguration(
            services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration = .seconds(15)
        try await ServiceGroup(configuration: configuration).run()
    }
}
