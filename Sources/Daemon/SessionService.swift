import Ingest
import LinuxSystem
import Logging
import MQTT
import ServiceLifecycle

/// A session with one broker, on a thread of its own, for as long as the group of services runs.
struct SessionService: Service, CustomStringConvertible {
    let status: BrokerStatus
    let configuration: SessionConfiguration
    let makeIngest: @Sendable () -> Ingest
    let logger: Logger

    var description: String { "session with broker \(status.name)" }

    func run() async throws {
        let session = try Session(configuration)
        let (status, makeIngest, logger) = (status, makeIngest, logger)
        try await withGracefulShutdownHandler {
            try await withCheckedThrowingContinuation {
                (ended: CheckedContinuation<Void, any Error>) in
                do {
                    _ = try NamedThread(name: "ingest \(status.name)") {
                        let ingest = makeIngest()
                        session.run(SessionListener(ingest: ingest, status: status, logger: logger))
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
}
