/// Decides where and when a session connects.
///
/// Endpoints are tried in order without a pause; when all of them have failed there is a pause with
/// full jitter, whose bound doubles from round to round. The bound starts anew only after a
/// connection that lasted: two programs that take over each other's session would otherwise do so
/// without end, at full speed.
///
/// Every try of an endpoint starts with MQTT 5.0 and falls back to 3.1.1 where the broker's answer
/// suggests it. Nothing is remembered of that: a broker that has been upgraded, or only hung up
/// because it was going down, gets MQTT 5.0 again, at the cost of one more connection to an old
/// broker.
///
/// Time (since any fixed moment) and chance (0 up to 1) come in as values.
struct SessionStateMachine {
    /// One try: an index into the endpoints, and the version to speak.
    struct Attempt: Equatable {
        var endpoint: Int
        var version: ProtocolVersion
    }

    /// The times by which it decides.
    struct Timing: Sendable {
        /// From TCP's connection to the CONNACK, the TLS handshake included.
        var greeting: Duration = .seconds(10)
        /// From the CONNACK to the last SUBACK.
        var subscribing: Duration = .seconds(30)
        /// A connection that lasted so long was a good one.
        ///
        /// Twice the longest pause, so that
        /// two programs in a take-over fight are both held to be bad ones.
        var stable: Duration = .seconds(120)
        /// The bound of the first pause.
        var firstPause: Duration = .seconds(1)
        /// The bound of every pause.
        var longestPause: Duration = .seconds(60)
        /// No pause is shorter.
        var shortestPause: Duration = .milliseconds(100)
    }

    /// What to do next without a connection.
    enum NextAction: Equatable {
        case connect(Attempt)
        case pause(Duration)
        case finish
    }

    /// What to do with a CONNACK.
    enum ConnackAction: Equatable {
        case subscribe
        case fail(ConnectionFailure)
    }

    /// What to do because time passed.
    enum TickAction: Equatable {
        case none
        case fail(ConnectionFailure)
    }

    private enum State: Equatable {
        case idle
        case connecting(Attempt)
        case greeting(Attempt, until: Duration)
        case subscribing(Attempt, since: Duration)
        case established(Attempt, since: Duration)
        case pausing
        case stopped
    }

    private let endpointCount: Int
    private let timing: Timing
    private var state: State = .idle
    private var failedRounds = 0

    init(endpointCount: Int, timing: Timing = Timing()) {
        self.endpointCount = endpointCount
        self.timing = timing
    }

    /// Whether the broker has accepted us.
    var isConnected: Bool {
        switch state {
        case .subscribing, .established: true
        case .idle, .connecting, .greeting, .pausing, .stopped: false
        }
    }

    /// The session begins.
    mutating func start() -> NextAction { begin() }

    /// TCP is connected; the greeting begins.
    mutating func connectSucceeded(at now: Duration) {
        guard case .connecting(let attempt) = state else { return }
        state = .greeting(attempt, until: now + timing.greeting)
    }

    /// The broker answered our CONNECT.
    mutating func connackReceived(_ reason: ReasonCode, at now: Duration) -> ConnackAction {
        switch state {
        case .greeting(let attempt, _):
            guard reason == .success else { return .fail(.refused(reason)) }
            state = .subscribing(attempt, since: now)
            return .subscribe
        case .idle, .connecting, .subscribing, .established, .pausing, .stopped:
            return .fail(.malformed(.protocolError))
        }
    }

    /// The broker answered the last of our subscriptions.
    mutating func subscriptionsAnswered() {
        guard case .subscribing(let attempt, let since) = state else { return }
        state = .established(attempt, since: since)
    }

    /// Time passed.
    func tick(at now: Duration) -> TickAction {
        switch state {
        case .greeting(_, let until):
            return now >= until ? .fail(.timedOut(.greeting)) : .none
        case .subscribing(_, let since):
            return now >= since + timing.subscribing ? .fail(.timedOut(.subscribing)) : .none
        case .idle, .connecting, .established, .pausing, .stopped:
            return .none
        }
    }

    /// The try failed, or the connection ended.
    mutating func failed(
        _ failure: ConnectionFailure,
        at now: Duration,
        chance: Double
    ) -> NextAction {
        switch state {
        case .connecting(let attempt):
            return tryNext(after: attempt, chance: chance)
        case .greeting(let attempt, _):
            if attempt.version == .version5, failure.suggestsOlderVersion {
                return connect(Attempt(endpoint: attempt.endpoint, version: .version311))
            }
            return tryNext(after: attempt, chance: chance)
        case .subscribing(let attempt, let since), .established(let attempt, let since):
            let isTakenOver = failure == .dismissed(.sessionTakenOver)
            if now - since >= timing.stable {
                failedRounds = 0
                if !isTakenOver { return begin() }
            }
            return isTakenOver ? pause(chance: chance) : tryNext(after: attempt, chance: chance)
        case .idle, .pausing:
            return begin()
        case .stopped:
            return .finish
        }
    }

    /// The pause is over.
    mutating func pauseEnded() -> NextAction {
        guard state == .pausing else { return .finish }
        return begin()
    }

    /// The session is to end.
    mutating func stop() { state = .stopped }

    private mutating func begin() -> NextAction {
        connect(Attempt(endpoint: 0, version: .version5))
    }

    private mutating func connect(_ attempt: Attempt) -> NextAction {
        state = .connecting(attempt)
        return .connect(attempt)
    }

    private mutating func tryNext(after attempt: Attempt, chance: Double) -> NextAction {
        let next = attempt.endpoint + 1
        guard next < endpointCount else { return pause(chance: chance) }
        return connect(Attempt(endpoint: next, version: .version5))
    }

    private mutating func pause(chance: Double) -> NextAction {
        var bound = timing.firstPause
        for _ in 0..<failedRounds where bound < timing.longestPause { bound = bound * 2 }
        bound = min(bound, timing.longestPause)
        // Once the bound is the longest the count says nothing more; it must not grow for years.
        if bound < timing.longestPause { failedRounds += 1 }
        state = .pausing
        return .pause(max(bound * chance, timing.shortestPause))
    }
}
