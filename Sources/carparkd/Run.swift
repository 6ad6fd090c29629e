import ArgumentParser
import Daemon

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the daemon in the foreground.",
        discussion: """
            SIGTERM and SIGINT end it: a last feed is written and the brokers are told. The log goes to standard \
            error, in the form that suits who reads it: the journal, a terminal or a file.
            """
    )

    @OptionGroup var common: ConfigurationOption

    @Flag(help: "Log the attempts and details that are no news as well.")
    var verbose = false

    func run() async throws {
        try end(with: await Commands.run(configurationPath: common.config, isVerbose: verbose))
    }
}
