import ArgumentParser
import Daemon

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the configuration: every complaint at once, or a summary.",
        discussion: "Complaints read file:line:column: path: message; the exit status is then 78."
    )

    @OptionGroup var common: ConfigurationOption

    func run() throws {
        try end(with: Commands.check(configurationPath: common.config))
    }
}
