import LinuxSystem
import MQTT
import Parking
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

    /// How it is, and how it came to be so.
    struct Record: Equatable, Sendable {
        var phase = Phase.starting
        /// Since when it is connected, or is not, in milliseconds since 1970 (UTC).
        var since: Int64
        /// How often it was connected.
        var connections = 0
        /// Where it was connected last.
        var lastEndpoint: Endpoint?
        /// Why it last was not, whether it is now or not.
        var lastFailure: ConnectionFailure?

        fileprivate mutating func change(to phase: Phase, at milliseconds: Int64) {
            switch (self.phase, phase) {
            // Another reason to be away is no other state.
            case (.away, .away), (.starting, .starting): break
            default: since = milliseconds
            }
            switch phase {
            case .starting: break
            case .connected(let endpoint):
                connections += 1
                lastEndpoint = endpoint
            case .away(let failure): lastFailure = failure ?? lastFailure
            }
            self.phase = phase
        }
    }

    /// The name of the broker in the configuration.
    let name: String

    private let state: Mutex<Record>

    /// By when the session's thread says something, in milliseconds of the monotonic clock.
    private let nextSign = Atomic<Int64>(.max)

    init(name: String) {
        self.name = name
        state = Mutex(Record(since: SystemClock.wallMilliseconds()))
    }

    /// The present state and its history.
    var record: Record { state.withLock { $0 } }

    /// The present state.
    var phase: Phase { record.phase }

    /// Takes note of a change.
    func change(to phase: Phase) {
        state.withLock { $0.change(to: phase, at: SystemClock.wallMilliseconds()) }
    }

    /// Takes note that the session's thread is there, and comes round again within a time.
    func comesRound(within duration: Duration, at now: Moment) {
        let next = now.monotonicMilliseconds + duration.wholeMilliseconds
        nextSign.store(next, ordering: .relaxed)
    }

    /// For how long the session's thread should have said something.
    func overdue(at now: Moment) -> Duration {
        .milliseconds(max(0, now.monotonicMilliseconds - nextSign.load(ordering: .relaxed)))
    }

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
