import Configuration
import LinuxSystem
import MQTT
import Parking
import Simulator

/// How the simulated sensors publish.
public struct SimulationOptions: Sendable {
    /// The seed of everything that is drawn by lot.
    public var seed: UInt64
    /// Messages a second on average; nil is as many as real sensors send.
    public var rate: Double?
    /// Publish as fast as the broker takes them.
    public var isFlood: Bool
    /// End after so many messages; nil is never.
    public var count: Int?
    /// The QoS of every message, 0 or 1.
    public var qualityOfService: UInt8
    /// Who the sensors are for the broker.
    public var username: String?
    /// Where their password stands.
    public var passwordFile: String?

    /// Options of these values.
    public init(
        seed: UInt64,
        rate: Double?,
        isFlood: Bool,
        count: Int?,
        qualityOfService: UInt8,
        username: String?,
        passwordFile: String?
    ) {
        self.seed = seed
        self.rate = rate
        self.isFlood = isFlood
        self.count = count
        self.qualityOfService = qualityOfService
        self.username = username
        self.passwordFile = passwordFile
    }
}

extension Commands {
    /// Publishes what real sensors would send to the first configured broker.
    public static func simulate(
        configurationPath: String,
        options: SimulationOptions
    ) -> ExitStatus {
        guard let configuration = load(configurationPath) else { return .configuration }
        do {
            try Simulation(configuration, options).run()
            return .success
        } catch let failure as ConnectionFailure {
            Console.error("the simulation ended: \(failure)")
            if let advice = failure.advice { Console.error("advice: \(advice)") }
        } catch {
            Console.error("the simulation ended: \(error)")
        }
        return .failure
    }
}

/// Simulated sensors and the broker that they publish to.
struct Simulation {
    /// More than any broker takes: the pace is then the broker's.
    private static let floodRate = 1_000_000.0

    private let options: SimulationOptions
    private let broker: PublisherConfiguration
    private var simulator: Simulator

    init(_ configuration: Configuration, _ options: SimulationOptions) throws {
        self.options = options
        guard let first = configuration.brokers.first else {
            fatalError("a checked configuration has no broker")
        }
        let session = try SessionConfiguration(first, filters: [], limits: configuration.limits)
        var broker = PublisherConfiguration(
            endpoints: session.endpoints,
            clientIdentifier: "carparkd-simulate-\(options.seed)"
        )
        broker.tls = session.tls
        broker.userName = options.username
        broker.password = try options.passwordFile.map { try Credential.file($0).read() }
        self.broker = broker
        var behaviour = Simulator.Options()
        behaviour.qualityOfService = options.qualityOfService
        behaviour.rate = options.isFlood ? Self.floodRate : options.rate
        simulator = Simulator(
            facilities: configuration.facilities,
            rules: configuration.rules,
            devices: configuration.devices?.devices ?? [],
            options: behaviour,
            seed: options.seed,
            startMilliseconds: SystemClock.wallMilliseconds()
        )
        for omission in simulator.omissions { Console.error("not simulated: \(omission)") }
    }

    consuming func run() throws {
        let publisher = try Publisher(broker)
        Console.error(
            "publishing to \(broker.endpoints.map(\.description).joined(separator: ", "))"
        )
        let start = SystemClock.monotonicMilliseconds()
        var published = 0
        var reportIsDue = start + 60_000
        // There is always a next message, unless nothing of the configuration can be simulated.
        while published < options.count ?? .max, let message = simulator.next() {
            let early = message.dueMilliseconds - SystemClock.wallMilliseconds()
            if early > 0, !options.isFlood { try publisher.idle(for: .milliseconds(early)) }
            try publisher.publish(
                topic: String(decoding: message.topic, as: UTF8.self),
                payload: message.payload,
                qos: message.qualityOfService == 0 ? .atMostOnce : .atLeastOnce,
                retain: message.isRetained
            )
            published += 1
            let now = SystemClock.monotonicMilliseconds()
            if now >= reportIsDue {
                reportIsDue = now + 60_000
                Console.error(Self.report(published, publisher.refused, now - start))
            }
        }
        try publisher.flush()
        publisher.close()
        let elapsed = SystemClock.monotonicMilliseconds() - start
        Console.error(Self.report(published, publisher.refused, elapsed))
        for (facility, occupied) in simulator.truth.sorted(by: { $0.key.text < $1.key.text }) {
            print("\(facility): \(occupied) inside")
        }
    }

    private static func report(_ published: Int, _ refused: Int, _ milliseconds: Int64) -> String {
        let rate = Int64(published) * 1000 / max(1, milliseconds)
        let refusal = refused > 0 ? ", \(refused) refused by the broker" : ""
        return "\(published) messages, \(rate) a second\(refusal)"
    }
}
