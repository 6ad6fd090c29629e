import ArgumentParser
import Daemon

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say which rule reads a message, and what it would do.",
        discussion: """
            Nothing is connected and nothing changes. The exit status is 0 if the message yields a reading, 65 if \
            it is refused.

            Example: carparkd explain --topic bath/podium/bay/7 --payload '{"occupied": true}'
            """
    )

    @OptionGroup var common: ConfigurationOption

    @Option(help: "The topic that the message is published on.")
    var topic: String

    @Option(help: "The payload, as text.")
    var payload: String

    func run() throws {
        try end(
            with: Commands.explain(
                configurationPath: common.config,
                topic: topic,
                payload: Array(payload.utf8)
            )
        )
    }
}
