import Configuration
import LinuxSystem
import Logging
import ServiceLifecycle
import UnixSignals

/// Runs a configuration, and at each SIGHUP the one that its file holds by then.
///
/// To reload is to end in an orderly way and to begin anew, within the process: one way through the house for a first start and
/// for every change, whatever it is of. The brokers keep our sessions meanwhile, the journal the counts, the disk the feed. A
/// configuration that has mistakes, or can't be run, changes nothing. Decision 0012 says why.
///
/// **Threads.** One task.
struct Supervisor {
    private let path: String
    private let logger: Logger
    private let reloads = ReloadRecord()
    private let notifier = ServiceNotifier()
    private let signals: UnixSignalsSequence
    private let orders: AsyncStream<Order>
    private let continuation: AsyncStream<Order>.Continuation

    private static let consequence = "the configuration of before stays in force"

    private enum Order {
        case reload, stop
    }

    /// A supervisor of what a file configures; from here on the signals wait for it.
    init(path: String, logger: Logger) async {
        self.path = path
        self.logger = logger
        signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        // The last order counts: who asks ten times to reload means once, and who asks to stop means now.
        (orders, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: Where this configuration can't be run; where no later one can, nor the one before it any more; and what ended
    ///   a service.
    func run(_ configuration: Configuration) async throws {
        async let _ = forward()
        var application = try Application(configuration, reloads: reloads, logger: logger)
        application.log("starting", configurationPath: path)
        while true {
            let (former, next) = try await run(application)
            guard let wanted = next else { return }
            do {
                application = try build(wanted, after: former)
                reloads.takeEffect()
                application.log("reloaded", configurationPath: path)
            } catch {
                refuse(error)
                application = try build(former.configuration, after: former)
            }
        }
    }

    private func build(
        _ configuration: Configuration,
        after former: Application.Legacy
    ) throws -> Application {
        try Application(configuration, after: former, reloads: reloads, logger: logger)
    }

    /// Turns signals into orders until one is to stop.
    private func forward() async {
        for await signal in signals {
            guard signal == .sighup else { break }
            continuation.yield(.reload)
        }
        continuation.yield(.stop)
    }

    /// Runs an application to its end; what it leaves, and the configuration to go on with, or nil where that was all.
    private func run(
        _ application: consuming Application
    ) async throws -> (Application.Legacy, Configuration?) {
        let (group, readiness) = (application.group, application.readiness)
        async let next = wait(toEnd: group, readiness)
        try await group.run()
        return (await application.end(), await next)
    }

    private func wait(toEnd group: ServiceGroup, _ readiness: Readiness) async -> Configuration? {
        var wanted: Configuration?
        for await order in orders {
            switch order {
            case .reload: wanted = load(isReady: readiness.wasTold)
            case .stop: notify([.stopping, .status("stopping")])
            }
            if wanted != nil || order == .stop { break }
        }
        await group.triggerGracefulShutdown()
        return wanted
    }

    /// The configuration of now, or nil where it can't be used.
    ///
    /// - Parameter isReady: Whether the service manager knows that the running one is ready. Where it doesn't it waits for that, and
    ///   an end of reloading would be taken for it.
    private func load(isReady: Bool) -> Configuration? {
        if isReady { notify([.reloading]) }
        do {
            let wanted = try Commands.read(path, consequence: Self.consequence)
            // What can be known before the running one ends.
            _ = try Application.sessions(wanted)
            logger.info("reloading", metadata: ["configuration": "\(path)"])
            return wanted
        } catch let error as ConfigurationError {
            refuse(error)
        } catch {
            refuse(error)
        }
        if isReady { notify([.ready]) }
        return nil
    }

    /// Refuses a configuration whose mistakes were printed.
    private func refuse(_ error: ConfigurationError) {
        logger.error(
            "the configuration has mistakes: not reloaded; \(Self.consequence)",
            metadata: [
                "configuration": "\(path)",
                "advice": "correct what stands above and reload again",
            ]
        )
        let more = error.complaints.count - 1
        reloads.refuse(
            (error.complaints.first?.description ?? "") + (more > 0 ? " (and \(more) more)" : ""),
            advice: "'carparkd check' names every mistake; correct them and reload again"
        )
    }

    private func refuse(_ error: any Error) {
        let problem = StartProblem(error)
        reloads.refuse("\(problem.text): \(problem.error)", advice: problem.advice)
        logger.error(
            "\(problem.text): not reloaded; \(Self.consequence)",
            metadata: problem.metadata
        )
    }

    private func notify(_ messages: [ServiceNotifier.Message]) {
        do throws(ServiceNotifier.Problem) {
            try notifier.send(messages)
        } catch {
            logger.warning("\(error)")
        }
    }
}
