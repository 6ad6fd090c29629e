import ArgumentParser
import Daemon

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how the running daemon is: trouble first.",
        discussion: """
            Reads the health.json that the daemon keeps in its runtime directory; nothing is connected and nothing changes. \
            It is for root and the group carparkd to read.

            The exit status is 0 if all is well, 1 if it runs with trouble, 3 if it does not run, 4 if that can't be told.
            """
    )

    @OptionGroup var common: ConfigurationOption

    @Option(help: "The health.json to read. Default: where the configuration says.")
    var file: String?

    @Flag(help: "Print the file as it is, for a program.")
    var json = false

    func run() throws {
        try end(
            with: Commands.status(configurationPath: common.config, file: file, isJSON: json)
        )
    }
}
