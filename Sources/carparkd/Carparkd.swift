import ArgumentParser
import Daemon

@main
struct Carparkd: AsyncParsableCommand {
    static func main() async {
        Commands.prepareProcess()
        await main(nil)
    }

    static let configuration = CommandConfiguration(
        commandName: "carparkd",
        abstract:
            "Live car-park occupancy, from MQTT sensors to files that any web host can serve.",
        version: Version.current,
        subcommands: [Run.self, Check.self, Explain.self, Replay.self, Simulate.self, Status.self]
    )
}

/// The option that every command has.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .shortAndLong, help: "The configuration to use.")
    var config = "/etc/carparkd/carparkd.yaml"
}

/// Ends the process with a command's status.
func end(with status: ExitStatus) throws {
    if status != .success { throw ExitCode(status.rawValue) }
}
