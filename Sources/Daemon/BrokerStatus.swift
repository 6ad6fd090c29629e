import MQTT
import Synchronization

/// How the connection to one broker is, for the readiness, the status line and the log.
///
/// **Threads.** Written by its session's thread, read by any. A mutex: it changes with a connection, not with a message.
final class BrokerStatus: Sendable {
    /// The state of a connection.
    enum Phase: Equatable, Sendable {
        /// No attempt has ended yet.
        case starting
        /// Connected and subscribed.
        case connected(Endpoint)
        /// Not connected, and why.
        case away(ConnectionFailure?)
    }

    /// The name of the broker in the configuration.
    let name: String

    private let state = Mutex<Phase>(.starting)

    init(name: String) {
        self.name = name
    }

    /// The present state.
    var phase: Phase { state.withLock { $0 } }

    /// Takes note of a change.
    func change(to phase: Phase) { state.withLock { $0 = phase } }

    /// Whether it is known how the connection is: made, or found impossible for now.
    var isSettled: Bool { phase != .starting }

    /// For the status line: the name, and what is wrong if something is.
    var line: String {
        switch phase {
        case .starting: "\(name) connecting"
        case .connected: "\(name) connected"
        case .away: "\(name) away"
        }
    }
}
