import ArgumentParser
import Daemon

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Feed recorded messages through the pipeline without a broker, then write the feed.",
        discussion: """
            Record with: mosquitto_sub -t '#' -F '%j' > messages.json
            The recorded time counts as the time of reception. ('%J' works for JSON payloads; mosquitto_sub leaves \
            out all others.)
            """
    )

    @OptionGroup var common: ConfigurationOption

    @Option(help: "Write the feed into this directory, not into the configured one.")
    var output: String?

    @Argument(help: "The recording, one JSON object a line; - for standard input.")
    var input: String

    func run() async throws {
        try end(
            with: await Commands.replay(
                configurationPath: common.config,
                input: input,
                output: output
            )
        )
    }
}
