import Glibc
import LinuxSystem
import Logging
import Logs

extension Commands {
    /// Prepares the process before anything else: a reader that went away, or a terminal, must not end it.
    public static func prepareProcess() {
        ignoreSignal(SIGPIPE)
        ignoreSignal(SIGHUP)
    }

    /// Runs the daemon until SIGTERM or SIGINT; SIGHUP reads the configuration again.
    public static func run(configurationPath: String, isVerbose: Bool) async -> ExitStatus {
        guard let configuration = load(configurationPath) else { return .configuration }
        LoggingSystem.bootstrap { _ in
            LineLogHandler.standardError(level: isVerbose ? .debug : .info)
        }
        let logger = Logger(label: "carparkd")
        do {
            let supervisor = await Supervisor(path: configurationPath, logger: logger)
            try await supervisor.run(configuration)
        } catch {
            let problem = StartProblem(error)
            logger.critical("\(problem.text)", metadata: problem.metadata)
            return problem.exit
        }
        logger.info("stopped")
        return .success
    }
}
