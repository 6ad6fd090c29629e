import Testing

@testable import MQTT

/// Decisions about connecting, without a network.
struct `Session state machine` {
    typealias Machine = SessionStateMachine

    private static func attempt(
        _ endpoint: Int,
        _ version: ProtocolVersion = .version5
    ) -> Machine.NextAction {
        .connect(Machine.Attempt(endpoint: endpoint, version: version))
    }

    /// A machine that has been connected since the beginning of time.
    private static func established(endpoints: Int = 1) -> Machine {
        var machine = Machine(endpointCount: endpoints)
        _ = machine.start()
        machine.connectSucceeded(at: .zero)
        _ = machine.connackReceived(.success, at: .zero)
        machine.subscriptionsAnswered()
        return machine
    }

    @Test func `It starts with the first endpoint and the newest version`() {
        var machine = Machine(endpointCount: 2)
        let action = machine.start()
        #expect(action == Self.attempt(0))
    }

    @Test func `Endpoints are tried in order without a pause`() {
        var machine = Machine(endpointCount: 3)
        _ = machine.start()
        let second = machine.failed(.unreachable("x"), at: .zero, chance: 0.5)
        let third = machine.failed(.unreachable("x"), at: .zero, chance: 0.5)
        let fourth = machine.failed(.unreachable("x"), at: .zero, chance: 0.5)
        #expect(second == Self.attempt(1))
        #expect(third == Self.attempt(2))
        #expect(fourth == .pause(.milliseconds(500)))
        let again = machine.pauseEnded()
        #expect(again == Self.attempt(0))
    }

    @Test func `The bound of the pause doubles up to a minute`() {
        var machine = Machine(endpointCount: 1)
        _ = machine.start()
        var pauses: [Duration] = []
        for _ in 0..<9 {
            if case .pause(let duration) = machine.failed(.closed, at: .zero, chance: 1) {
                pauses.append(duration)
            }
            _ = machine.pauseEnded()
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
    }

    @Test(arguments: [
        (0.0, Duration.milliseconds(100)), (0.25, .milliseconds(250)), (1, .seconds(1)),
    ])
    func `A pause is a share of its bound, drawn by lot, but never none`(
        chance: Double,
        pause: Duration
    ) {
        var machine = Machine(endpointCount: 1)
        _ = machine.start()
        let action = machine.failed(.closed, at: .zero, chance: chance)
        #expect(action == .pause(pause))
    }

    @Test(
        arguments: [
            (ConnectionFailure.refused(.unsupportedProtocolVersion), true),
            (.closed, true),
            (.malformed(.protocolError), true),
            (.refused(.notAuthorized), false),
            (.timedOut(.greeting), false),
            (.tls(.expired), false),
            (.dismissed(.serverShuttingDown), false),
        ]
    )
    func `Some answers to a CONNECT suggest the older version`(
        failure: ConnectionFailure,
        suggests: Bool
    ) {
        var machine = Machine(endpointCount: 2)
        _ = machine.start()
        machine.connectSucceeded(at: .zero)
        let action = machine.failed(failure, at: .zero, chance: 0.5)
        #expect(action == (suggests ? Self.attempt(0, .version311) : Self.attempt(1)))
    }

    @Test func `The older version is tried once, then the next endpoint`() {
        var machine = Machine(endpointCount: 2)
        _ = machine.start()
        machine.connectSucceeded(at: .zero)
        _ = machine.failed(.closed, at: .zero, chance: 0.5)
        machine.connectSucceeded(at: .zero)
        let action = machine.failed(.closed, at: .zero, chance: 0.5)
        #expect(action == Self.attempt(1))
    }

    @Test func `A host that does not answer gets no older version`() {
        var machine = Machine(endpointCount: 1)
        _ = machine.start()
        let action = machine.failed(.closed, at: .zero, chance: 1)
        #expect(action == .pause(.seconds(1)))
    }

    @Test func `A CONNACK leads to the subscriptions`() {
        var machine = Machine(endpointCount: 1)
        _ = machine.start()
        #expect(!machine.isConnected)
        machine.connectSucceeded(at: .zero)
        let action = machine.connackReceived(.success, at: .zero)
        #expect(action == .subscribe)
        #expect(machine.isConnected)
    }

    @Test func `A second CONNACK is a broken protocol`() {
        var machine = Self.established()
        let action = machine.connackReceived(.success, at: .zero)
        #expect(action == .fail(.malformed(.protocolError)))
    }

    @Test func `A broker that does not answer the CONNECT is given up`() {
        var machine = Machine(endpointCount: 1)
        _ = machine.start()
        machine.connectSucceeded(at: .seconds(5))
        #expect(machine.tick(at: .seconds(14)) == .none)
        #expect(machine.tick(at: .seconds(15)) == .fail(.timedOut(.greeting)))
    }

    @Test func `A broker that does not answer the SUBSCRIBE is given up`() {
        var machine = Machine(endpointCount: 1)
        _ = machine.start()
        machine.connectSucceeded(at: .zero)
        _ = machine.connackReceived(.success, at: .seconds(5))
        #expect(machine.tick(at: .seconds(34)) == .none)
        #expect(machine.tick(at: .seconds(35)) == .fail(.timedOut(.subscribing)))
        machine.subscriptionsAnswered()
        #expect(machine.tick(at: .seconds(35)) == .none)
    }

    @Test func `A good connection that ends is made again at once, from the first endpoint`() {
        var machine = Self.established(endpoints: 2)
        let action = machine.failed(.closed, at: .seconds(3_600), chance: 0.5)
        #expect(action == Self.attempt(0))
    }

    @Test func `A short connection does not make the pauses short again`() {
        var machine = Machine(endpointCount: 1)
        _ = machine.start()
        _ = machine.failed(.closed, at: .zero, chance: 1)
        _ = machine.pauseEnded()
        machine.connectSucceeded(at: .zero)
        _ = machine.connackReceived(.success, at: .zero)
        let action = machine.failed(.closed, at: .seconds(1), chance: 1)
        #expect(action == .pause(.seconds(2)))
    }

    @Test func `A lasting connection makes the pauses short again`() {
        var machine = Machine(endpointCount: 1)
        _ = machine.start()
        for _ in 0..<5 {
            _ = machine.failed(.closed, at: .zero, chance: 1)
            _ = machine.pauseEnded()
        }
        machine.connectSucceeded(at: .zero)
        _ = machine.connackReceived(.success, at: .zero)
        _ = machine.failed(.closed, at: .seconds(120), chance: 1)
        let action = machine.failed(.closed, at: .seconds(120), chance: 1)
        #expect(action == .pause(.seconds(1)))
    }

    @Test func `Two programs that take over each other's session end in long pauses`() {
        var machine = Self.established()
        var now = Duration.zero
        var longest = Duration.zero
        for _ in 0..<12 {
            let action = machine.failed(.dismissed(.sessionTakenOver), at: now, chance: 1)
            guard case .pause(let pause) = action else {
                Issue.record("no pause but \(action)")
                return
            }
            longest = max(longest, pause)
            _ = machine.pauseEnded()
            now += pause
            machine.connectSucceeded(at: now)
            _ = machine.connackReceived(.success, at: now)
            // The other one comes back after a pause of its own.
            now += pause
        }
        #expect(longest == .seconds(60))
    }

    @Test func `Whatever comes after the stop, it is over`() {
        var machine = Self.established()
        machine.stop()
        let afterFailure = machine.failed(.closed, at: .seconds(500), chance: 0.5)
        let afterPause = machine.pauseEnded()
        #expect(afterFailure == .finish)
        #expect(afterPause == .finish)
        #expect(machine.tick(at: .seconds(1_000)) == .none)
    }
}
