import Configuration
import Glibc
import Ingest
import Journal
import LinuxSystem
import Logging
import Logs
import MQTT
import Parking
import ServiceLifecycle

extension Commands {
    /// Prepares the process before anything else: a reader that went away, or a terminal, must not end it.
    public static func prepareProcess() {
        ignoreSignal(SIGPIPE)
        ignoreSignal(SIGHUP)
    }

    /// Runs the daemon until SIGTERM or SIGINT.
    public static func run(configurationPath: String, isVerbose: Bool) async -> ExitStatus {
        guard let configuration = load(configurationPath) else { return .configuration }
        LoggingSystem.bootstrap { _ in
            LineLogHandler.standardError(level: isVerbose ? .debug : .info)
        }
        let logger = Logger(label: "carparkd")
        do {
            let application = try Application(configuration, logger: logger)
            application.logStart(configurationPath: configurationPath)
            try await application.run()
        } catch let error as CredentialError {
            logger.critical("a secret cannot be read", metadata: ["error": "\(error)"])
            return .configuration
        } catch let error as JournalError {
            logger.critical(
                "the journal cannot be opened; nothing was started",
                metadata: ["error": "\(error)", "advice": "\(error.advice)"]
            )
            return error.mayPass ? .failure : .configuration
        } catch let error as SessionConfiguration.Problem {
            logger.critical("a broker's configuration is unusable", metadata: ["error": "\(error)"])
            return .configuration
        } catch {
            logger.critical("stopped by an error", metadata: ["error": "\(error)"])
            return .failure
        }
        logger.info("stopped")
        return .success
    }
}
