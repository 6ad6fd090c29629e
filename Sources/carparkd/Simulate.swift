import ArgumentParser
import Daemon

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Publish what real sensors would send, to the configured broker.",
        discussion: """
            Bays that repeat their state, gates with bursts, counters that wrap and reset, a day's curve, messages that come twice \
            or late, sensors that die. The same seed gives the same town.
            """
    )

    @OptionGroup var common: ConfigurationOption

    @Option(help: "The seed of everything that is drawn by lot.")
    var seed: UInt64 = 1

    @Option(
        help:
            "Messages a second on average; the day then runs as fast as that takes. Default: real time."
    )
    var rate: Double?

    @Flag(help: "As fast as the broker takes them.")
    var flood = false

    @Option(help: "End after this many messages. Default: never.")
    var count: Int?

    @Option(help: "Publish with this QoS, 0 or 1.")
    var qos: UInt8 = 1

    @Option(help: "The user name to publish with. Default: none.")
    var username: String?

    @Option(help: "A file that holds the password.")
    var passwordFile: String?

    func validate() throws {
        guard qos <= 1 else { throw ValidationError("--qos is 0 or 1") }
        guard rate.map({ $0 > 0 && $0 <= 1_000_000 }) ?? true else {
            throw ValidationError("--rate is above 0 and at most 1000000")
        }
        guard rate == nil || !flood else { throw ValidationError("--rate or --flood, not both") }
        guard count.map({ $0 > 0 }) ?? true else { throw ValidationError("--count is above 0") }
    }

    func run() throws {
        try end(
            with: Commands.simulate(
                configurationPath: common.config,
                options: SimulationOptions(
                    seed: seed,
                    rate: rate,
                    isFlood: flood,
                    count: count,
                    qualityOfService: qos,
                    username: username,
                    passwordFile: passwordFile
                )
            )
        )
    }
}
