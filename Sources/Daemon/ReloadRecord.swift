import LinuxSystem
import Synchronization

/// What became of the last order to reload, for whoever asks how the daemon is.
///
/// It outlives the applications: one that is built anew because the wanted one can't run has to tell of it.
///
/// **Threads.** Written by the supervisor's task, read by the health's thread. A mutex: it changes with a reload.
final class ReloadRecord: Sendable {
    private struct State {
        var effective: Int64
        var refused: Health.RefusedReload?
    }

    private let state: Mutex<State>

    /// The longest error that is kept: one quotes the file, whose paths may be long.
    private static let errorBytes = 1000

    /// A record that begins with a configuration that took effect.
    init() { state = Mutex(State(effective: SystemClock.wallMilliseconds())) }

    /// The last order, if it was refused.
    var refused: Health.RefusedReload? { state.withLock { $0.refused } }

    /// Takes note that a configuration took effect.
    func takeEffect() {
        state.withLock { $0 = State(effective: SystemClock.wallMilliseconds()) }
    }

    /// Takes note that a configuration was refused, and the one before stays in force.
    func refuse(_ error: String, advice: String?) {
        let now = SystemClock.wallMilliseconds()
        let error = String(decoding: Array(error.utf8.prefix(Self.errorBytes)), as: UTF8.self)
        state.withLock { state in
            state.refused = Health.RefusedReload(
                at: now,
                error: error,
                advice: advice,
                effective: state.effective
            )
        }
    }
}
