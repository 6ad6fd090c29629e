import Ingest
import LinuxSystem
import Logging
import MQTT
import Persistence
import ServiceLifecycle

/// A session with one broker, on a thread of its own, for as long as the group of services runs.
struct SessionService: Service, CustomStringConvertible {
    let status: BrokerStatus
    let configuration: SessionConfiguration
    let house: House
    let tally: IngestTally
    let journal: OccupancyJournal
    let logger: Logger

    var description: String { "session with broker \(status.name)" }

    /// Under which the journal keeps the session: the broker knows us by the client identifier, we know it by its name.
    private var sessionName: String { "\(configuration.clientIdentifier)@\(status.name)" }

    func run() async throws {
        var configuration = configuration
        let wanted = configuration.topicFilters
        let known = journal.filters(session: sessionName)
        configuration.formerTopicFilters = known.filter { !wanted.contains($0) }
        // Before they are asked for: a filter that the broker may have must never be forgotten.
        journal.keepFilters(wanted + configuration.formerTopicFilters, session: sessionName)
        let session = try Session(configuration)
        var thread: NamedThread?
        // Its last words are said: what is left of it is nothing to wait for.
        defer { thread?.join() }
        try await withGracefulShutdownHandler {
            try await withCheckedThrowingContinuation {
                (ended: CheckedContinuation<Void, any Error>) in
                do {
                    thread = try NamedThread(name: "ingest \(status.name)") {
                        session.run(listener(isExpected: !known.isEmpty))
                        ended.resume()
                    }
                } catch {
                    ended.resume(throwing: error)
                }
            }
        } onGracefulShutdown: {
            session.stop()
        }
    }

    private func listener(isExpected: Bool) -> SessionListener {
        let (journal, sessionName) = (journal, sessionName)
        let ingest = Ingest(
            plan: house.plan,
            occupancy: house.occupancy,
            incidents: house.incidents,
            tally: tally,
            health: house.sensors,
            log: journal.log(session: sessionName),
            window: journal.window(session: sessionName)
        )
        return SessionListener(
            ingest: ingest,
            status: status,
            isExpected: isExpected,
            forget: { filters in
                let left = journal.filters(session: sessionName).filter { !filters.contains($0) }
                journal.keepFilters(left, session: sessionName)
            },
            logger: logger
        )
    }
}
