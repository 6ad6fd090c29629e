import Journal
import LinuxSystem
import Logging
import MQTT

/// Why a configuration without a mistake can't be run, in the words of the log.
struct StartProblem {
    /// What is wrong.
    let text: String
    /// Where, and what to do.
    let metadata: Logger.Metadata
    /// With which status the process ends, if it can't run anything else.
    let exit: ExitStatus

    init(_ error: any Error) {
        var metadata: Logger.Metadata = ["error": "\(error)"]
        switch error {
        case is CredentialError:
            (text, exit) = ("a secret cannot be read", .configuration)
        case let error as JournalError:
            metadata["advice"] = "\(error.advice)"
            text = "the journal cannot be opened"
            exit = error.mayPass ? .failure : .configuration
        case is SessionConfiguration.Problem:
            (text, exit) = ("a broker's configuration is unusable", .configuration)
        default:
            (text, exit) = ("stopped by an error", .failure)
        }
        self.metadata = metadata
    }
}
