import Glibc
import Synchronization
import Testing

@testable import MQTT

/// A message as a handler saw it.
struct Message: Equatable, Sendable {
    var topic: String
    var payload: [UInt8]
    var delivery: Delivery

    var text: String { String(decoding: payload, as: UTF8.self) }
}

/// A handler that remembers everything; while it is held, its commits don't return.
///
/// A lock, since the test's thread looks while the session's thread writes; nothing here is hot.
final class Recorder: SessionHandler, Sendable {
    struct Record {
        var messages: [Message] = []
        var events: [SessionEvent] = []
        var commits = 0
        var signs: [Duration] = []
        var isHeld: Bool
    }

    private let record: Mutex<Record>

    init(isHeld: Bool = false) { record = Mutex(Record(isHeld: isHeld)) }

    func receive(topic: Span<UInt8>, payload: Span<UInt8>, delivery: Delivery) {
        let message = Message(
            topic: String(decoding: Self.copy(topic), as: UTF8.self),
            payload: Self.copy(payload),
            delivery: delivery
        )
        record.withLock { $0.messages.append(message) }
    }

    private static func copy(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

    func commit() {
        record.withLock { $0.commits += 1 }
        let deadline = ContinuousClock.now + patience
        while record.withLock({ $0.isHeld }), ContinuousClock.now < deadline { usleep(1_000) }
    }

    func comesRound(within duration: Duration) { record.withLock { $0.signs.append(duration) } }

    func sessionChanged(_ event: SessionEvent) { record.withLock { $0.events.append(event) } }

    var messages: [Message] { record.withLock { $0.messages } }
    var events: [SessionEvent] { record.withLock { $0.events } }
    var commits: Int { record.withLock { $0.commits } }
    var signs: [Duration] { record.withLock { $0.signs } }

    func release() { record.withLock { $0.isHeld = false } }

    /// Waits for an event.
    func expect(
        _ what: Comment,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ matches: (SessionEvent) -> Bool
    ) throws {
        let deadline = ContinuousClock.now + patience
        while !events.contains(where: matches) {
            let comment: Comment = "\(what); there were \(events)"
            try #require(ContinuousClock.now < deadline, comment, sourceLocation: sourceLocation)
            usleep(5_000)
        }
    }

    /// Waits until the subscriptions are answered.
    func expectSubscribed(times: Int = 1, sourceLocation: SourceLocation = #_sourceLocation) throws
    {
        try eventually("subscribed", sourceLocation: sourceLocation) {
            events.count { if case .subscribed = $0 { true } else { false } } >= times
        }
    }

    /// The first failure to connect.
    func firstFailure(sourceLocation: SourceLocation = #_sourceLocation) throws -> ConnectionFailure
    {
        var failure: ConnectionFailure?
        try eventually("a failure", sourceLocation: sourceLocation) {
            for case .connectFailed(_, let found) in events where failure == nil { failure = found }
            return failure != nil
        }
        return try #require(failure)
    }
}

/// A session on a thread of its own; it is stopped with this object at the latest.
final class RunningSession {
    let session: Session
    let recorder: Recorder
    private let thread: pthread_t
    private let clock: clockid_t
    private var isJoined = false

    init(
        _ configuration: SessionConfiguration,
        _ recorder: Recorder = Recorder(),
        timing: SessionStateMachine.Timing = .hasty
    ) throws {
        let session = try Session(configuration, timing: timing)
        self.session = session
        self.recorder = recorder
        thread = start { session.run(recorder) }
        var clock: clockid_t = 0
        try #require(unsafe pthread_getcpuclockid(thread, &clock) == 0)
        self.clock = clock
    }

    /// The processor time that the session's thread has taken.
    var processorTime: Duration {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// Stops the session and returns how long that took.
    @discardableResult
    func stop() -> Duration {
        guard !isJoined else { return .zero }
        let clock = ContinuousClock()
        return clock.measure {
            session.stop()
            pthread_join(thread, nil)
            isJoined = true
        }
    }

    deinit { stop() }
}

extension SessionStateMachine.Timing {
    /// Short pauses, so that a test need not wait.
    static var hasty: Self {
        var timing = Self()
        timing.firstPause = .milliseconds(200)
        timing.longestPause = .milliseconds(400)
        return timing
    }
}

/// Starts a thread.
func start(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var thread = pthread_t()
    let body = unsafe Unmanaged.passRetained(Body(body))
    let problem = unsafe pthread_create(
        &thread,
        nil,
        { body in
            if let body = unsafe body {
                unsafe Unmanaged<Body>.fromOpaque(body).takeRetainedValue().run()
            }
            return nil
        },
        body.toOpaque()
    )
    precondition(problem == 0)
    return thread
}

/// A configuration for a broker at a port of 127.0.0.1.
func configuration(
    ports: UInt16...,
    filters: [String] = ["test/#"],
    statusTopic: String? = nil
) -> SessionConfiguration {
    var configuration = SessionConfiguration(
        endpoints: ports.map { Endpoint(scheme: .mqtt, host: "127.0.0.1", port: $0) },
        clientIdentifier: "carparkd-test",
        topicFilters: filters
    )
    configuration.statusTopic = statusTopic
    return configuration
}

extension PublisherConfiguration {
    /// A publisher to the broker of a session.
    init(_ session: SessionConfiguration) {
        self.init(endpoints: session.endpoints, clientIdentifier: "carparkd-test-publisher")
        tls = session.tls
    }
}
