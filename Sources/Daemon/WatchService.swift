import Ingest
import LinuxSystem
import Logging
import Parking
import ServiceLifecycle

/// Looks around once a second: tells the service manager how we are, and the log what came in.
struct WatchService: Service, CustomStringConvertible {
    let brokers: [BrokerStatus]
    let progress: FeedProgress
    let notifier: ServiceNotifier
    let readiness: Readiness
    let facilityCount: Int
    let logger: Logger
    let incidents: IncidentReporter
    let journal: JournalReporter
    let traffic: TrafficReporter
    let hangs: HangReporter

    var description: String { "watch" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var watch = Watch(self)
            while !Task.isCancelled {
                watch.look(at: .now())
                // Cancelled is the end of the wait, not a failure.
                try? await Task.sleep(for: .seconds(1))
            }
            watch.end(at: .now())
        }
    }

    /// What a look compares with the one before.
    private struct Watch {
        let service: WatchService
        var incidents: IncidentReporter
        var journal: JournalReporter
        var traffic: TrafficReporter
        var status = ""
        var notifierProblem: ServiceNotifier.Problem?
        var watchdogIsDue: Int64 = .min
        var hangs: HangReporter
        var looks = 0

        init(_ service: WatchService) {
            self.service = service
            incidents = service.incidents
            journal = service.journal
            traffic = service.traffic
            hangs = service.hangs
        }

        mutating func look(at now: Moment) {
            var messages: [ServiceNotifier.Message] = []
            // Ready when the first feed stands there and each broker answered, or is known not to.
            if !service.readiness.wasTold, service.progress.hasPublished,
                service.brokers.allSatisfy(\.isSettled)
            {
                service.readiness.tell()
                messages.append(.ready)
                service.logger.info("ready", metadata: ["status": "\(line())"])
            }
            if looks % 5 == 0 || messages.contains(.ready) {
                let line = line()
                if line != status { messages.append(.status(line)) }
                status = line
                incidents.report(at: now)
            }
            journal.report(at: now)
            if watchdog(at: now) { messages.append(.watchdog) }
            if looks > 0, looks % 60 == 0 { reportTraffic(at: now) }
            looks += 1
            send(messages)
        }

        mutating func end(at now: Moment) {
            incidents.report(at: now)
            reportTraffic(at: now)
        }

        private mutating func reportTraffic(at now: Moment) {
            traffic.report(
                stale: service.progress.stale,
                facilities: service.facilityCount,
                at: now
            )
        }

        /// Whether the manager is to hear now that we live, which it does as long as nothing hangs.
        private mutating func watchdog(at now: Moment) -> Bool {
            guard hangs.look(at: now), let interval = service.notifier.watchdogInterval else {
                return false
            }
            guard now.monotonicMilliseconds >= watchdogIsDue else { return false }
            watchdogIsDue = now.monotonicMilliseconds + interval.wholeMilliseconds
            return true
        }

        private func line() -> String {
            let brokers = service.brokers.map(\.line).joined(separator: ", ")
            let feed = service.progress.isBroken ? "FEED CANNOT BE PUBLISHED; " : ""
            let stale = service.progress.stale
            let memory = journal.isDurable ? "" : "JOURNAL CANNOT BE WRITTEN; "
            return
                "\(feed)\(memory)\(brokers); \(traffic.messages) messages; \(stale) of \(service.facilityCount) facilities stale"
        }

        private mutating func send(_ messages: [ServiceNotifier.Message]) {
            guard !messages.isEmpty else { return }
            do throws(ServiceNotifier.Problem) {
                try service.notifier.send(messages)
            } catch {
                if error != notifierProblem {
                    service.logger.warning("\(error)")
                }
                notifierProblem = error
            }
        }
    }
}
