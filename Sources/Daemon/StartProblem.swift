import Journal
import LinuxSystem
import Logging
import MQTT

/// Why a configuration without a mistake can't be run, in the words of the log.
struct StartProblem {
    /// What is wrong.
    let text: String
    /// Where, and why.
    let error: String
    /// What to do, where the error doesn't say it.
    let advice: String?
    /// With which status the process ends, if it can't run anything else.
    let exit: ExitStatus

    init(_ error: any Error) {
        self.error = "\(error)"
        advice = (error as? JournalError)?.advice
        switch error {
        case is CredentialError:
            (text, exit) = ("a secret cannot be read", .configuration)
        case let error as JournalError:
            text = "the journal cannot be opened"
            exit = error.mayPass ? .failure : .configuration
        case is SessionConfiguration.Problem:
            (text, exit) = ("a broker's configuration is unusable", .configuration)
        default:
            (text, exit) = ("stopped by an error", .failure)
        }
    }

    /// The rest of its line in the log.
    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["error": "\(error)"]
        if let advice { metadata["advice"] = "\(advice)" }
        return metadata
    }
}
