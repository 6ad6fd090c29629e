internal import CTransport
internal import Synchronization

/// A session with one broker that lasts: connected, subscribed, and connected again, until it is
/// stopped.
///
/// ```swift
/// let session = try Session(configuration)
/// // On a thread of its own:
/// session.run(handler)
/// // Anywhere:
/// session.stop()
/// ```
///
/// Threads: ``run(_:)`` blocks the thread that calls it and calls the handler there; ``stop()`` is
/// for any thread.
public final class Session: Sendable {
    private let configuration: SessionConfiguration
    private let timing: SessionStateMachine.Timing
    private let wakeUp = WakeUp()
    private let hasRun = Atomic<Bool>(false)

    /// A session that is ready to run, once.
    ///
    /// - Throws: What is wrong with the configuration, without having asked a broker.
    public convenience init(
        _ configuration: SessionConfiguration
    ) throws(SessionConfiguration.Problem) {
        try self.init(configuration, timing: SessionStateMachine.Timing())
    }

    init(
        _ configuration: SessionConfiguration,
        timing: SessionStateMachine.Timing
    ) throws(SessionConfiguration.Problem) {
        try configuration.check()
        self.configuration = configuration
        self.timing = timing
    }

    /// Whether libmosquitto reaches the system through our transport, without which everything
    /// works, but slower, and connecting may take as long as the system likes.
    public static var isTransportInterposed: Bool { transport_is_interposed() }

    /// Holds the session until ``stop()``; then says goodbye to the broker and returns.
    ///
    /// A session runs once.
    public func run(_ handler: any SessionHandler) {
        let isFirst = !hasRun.exchange(true, ordering: .relaxed)
        precondition(isFirst, "a session runs once")
        SessionLoop(configuration, timing, handler, wakeUp).run()
    }

    /// Ends the session soon: connecting, waiting and pausing end at once, saying goodbye within
    /// three seconds.
    public func stop() { wakeUp.raise() }
}
