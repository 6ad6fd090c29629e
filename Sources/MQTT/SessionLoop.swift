internal import CMosquitto

/// The loop of a session: waits, reads a batch, has it committed, lets the acknowledgements leave.
///
/// Every return of libmosquitto that is not success ends the connection; the state machine decides
/// how to go on.
///
/// Threads: the one that runs the session.
final class SessionLoop {
    private let configuration: SessionConfiguration
    private let handler: any SessionHandler
    private let wakeUp: WakeUp
    private let options: ConnectionOptions
    private let start = ContinuousClock.now
    private var machine: SessionStateMachine
    private var endpoint: Endpoint
    private var attempt = SessionStateMachine.Attempt(endpoint: 0, version: .version5)

    /// What a callback asks to be sent: there it can't be.
    private enum Due {
        case nothing
        /// The CONNACK was positive: SUBSCRIBE and birth.
        case greeting
        /// The last SUBACK has come: UNSUBSCRIBE, so that old and new subscriptions overlap.
        ///
        /// An overlap delivers a message twice at worst, where a gap would lose it.
        case clearance
    }

    private var due = Due.nothing
    private var isSessionPresent = false
    private var subscriptions = FilterRequest()
    private var granted = 0
    private var unsubscriptions = FilterRequest()
    /// The former filters that the broker doesn't have any more.
    private var unsubscribed: [String] = []
    /// The packet identifiers of what was published on the status topic and isn't acknowledged.
    private var publications: Set<Int32> = []

    /// A batch of so many QoS 0 messages is a load, and under load a pause makes the next larger.
    ///
    /// At QoS 1 the broker waits for our acknowledgements once its window is full: a pause would
    /// only hold it up (measured: 45,000 messages a second instead of 240,000), and the time
    /// of a commit makes the batches large by itself.
    private static let loadedBatch = 64
    private static let loadedPause = Duration.milliseconds(2)

    /// What resolving a name and connecting to its addresses, one after the other for ten seconds each, hardly exceeds; without our
    /// transport the system takes as long as it likes.
    private static let longestConnecting =
        Session.isTransportInterposed ? Duration.seconds(300) : .seconds(1200)

    init(
        _ configuration: SessionConfiguration,
        _ timing: SessionStateMachine.Timing,
        _ handler: any SessionHandler,
        _ wakeUp: WakeUp
    ) {
        self.configuration = configuration
        self.handler = handler
        self.wakeUp = wakeUp
        endpoint = configuration.endpoints[0]
        machine = SessionStateMachine(
            endpointCount: configuration.endpoints.count,
            timing: timing
        )
        var options = ConnectionOptions()
        options.clientIdentifier = configuration.clientIdentifier
        options.userName = configuration.userName
        options.password = configuration.password
        options.tls = configuration.tls
        options.keepAliveSeconds = Int32(clamping: configuration.keepAlive.components.seconds)
        options.sessionExpirySeconds = UInt32(
            clamping: configuration.sessionExpiry.components.seconds
        )
        options.receiveMaximum = configuration.receiveMaximum
        options.maximumPacketBytes = configuration.maximumPacketBytes
        options.will = configuration.statusTopic.map { ($0, "offline") }
        self.options = options
    }

    private var now: Duration { ContinuousClock.now - start }

    /// Runs until it is stopped.
    func run() {
        var isGraceful = true
        var next = machine.start()
        while !wakeUp.isRaised {
            switch next {
            case .connect(let attempt):
                handler.comesRound(within: Self.longestConnecting)
                do throws(ConnectionFailure) {
                    isGraceful = try converse(attempt)
                } catch {
                    next = failed(error)
                }
            case .pause(let duration):
                handler.sessionChanged(.willRetry(after: duration))
                handler.comesRound(within: duration)
                if !wakeUp.wait(atMost: duration) { next = machine.pauseEnded() }
            case .finish:
                break
            }
        }
        machine.stop()
        handler.sessionChanged(.stopped(gracefully: isGraceful))
    }

    private func failed(_ failure: ConnectionFailure) -> SessionStateMachine.NextAction {
        if failure != .cancelled {
            handler.sessionChanged(
                machine.isConnected
                    ? .disconnected(endpoint, failure) : .connectFailed(endpoint, failure)
            )
        }
        return machine.failed(failure, at: now, chance: Double.random(in: 0..<1))
    }

    /// Holds one connection until the session is stopped; whether the broker took our goodbye.
    private func converse(
        _ attempt: SessionStateMachine.Attempt
    ) throws(ConnectionFailure) -> Bool {
        self.attempt = attempt
        endpoint = configuration.endpoints[attempt.endpoint]
        due = .nothing
        subscriptions = FilterRequest()
        granted = 0
        unsubscriptions = FilterRequest()
        unsubscribed = []
        publications = []
        handler.sessionChanged(.connecting(endpoint, attempt.version))
        let connection = try Connection(
            to: endpoint,
            version: attempt.version,
            options: options,
            sink: self,
            wakeUp: wakeUp
        )
        machine.connectSucceeded(at: now)
        let conversation = Conversation(connection)
        // The CONNECT.
        try connection.write()
        while !wakeUp.isRaised {
            try turn(conversation, wakeable: true)
        }
        return try leave(conversation)
    }

    /// What one connection's turns share.
    private final class Conversation {
        let connection: Connection
        var isLoaded = false
        var keepAliveIsDue = ContinuousClock.now + .seconds(1)

        init(_ connection: Connection) { self.connection = connection }
    }

    /// Waits, reads, commits and writes, once.
    private func turn(
        _ conversation: Conversation,
        wakeable: Bool
    ) throws(ConnectionFailure) {
        let connection = conversation.connection
        if conversation.isLoaded {
            conversation.isLoaded = false
            if wakeUp.wait(atMost: Self.loadedPause), wakeable { return }
        }
        let readiness = connection.wait(atMost: .seconds(1), wakeable: wakeable)
        if readiness.contains(.readable) || (connection.isShakingHands && !readiness.isEmpty) {
            let batch = connection.read()
            // Even what came before the end is made safe: the broker will send it again, and it
            // will be recognised.
            if batch.messages > 0 { handler.commit() }
            if let failure = batch.failure { throw failure }
            conversation.isLoaded =
                batch.messages - batch.promises >= Self.loadedBatch && !connection.mayReadAtOnce
        }
        try sendWhatIsDue(connection)
        if ContinuousClock.now >= conversation.keepAliveIsDue {
            conversation.keepAliveIsDue = ContinuousClock.now + .seconds(1)
            handler.comesRound(within: .seconds(1))
            try connection.keepAlive()
            if case .fail(let failure) = machine.tick(at: now) { throw failure }
        }
        if connection.hasOutput { try connection.write() }
    }

    // MARK: Greeting and leaving

    private func sendWhatIsDue(_ connection: Connection) throws(ConnectionFailure) {
        // Without filters there is no SUBACK to wait for: the second is due after the first at once.
        if due == .greeting { try greet(connection) }
        if due == .clearance { try clear(connection) }
    }

    /// Subscribes and says that we are there, after the CONNACK.
    private func greet(_ connection: Connection) throws(ConnectionFailure) {
        due = .nothing
        let tooLong = try subscriptions.send(configuration.topicFilters) {
            filters throws(ConnectionFailure) in try connection.subscribe(filters)
        }
        // Its messages would be missed: the operator must be told.
        guard tooLong.isEmpty else { throw .library(.oversizePacket) }
        if subscriptions.isAnswered { subscriptionsAnswered() }
        publishStatus("online", connection)
    }

    /// Unsubscribes from what is not wanted any more, after the subscriptions.
    ///
    /// Nothing waits for the answer: what is missing is tried again at the next connection.
    private func clear(_ connection: Connection) throws(ConnectionFailure) {
        due = .nothing
        guard isSessionPresent else {
            unsubscribed = configuration.formerTopicFilters
            unsubscriptionsAnswered()
            return
        }
        let tooLong = try unsubscriptions.send(configuration.formerTopicFilters) {
            filters throws(ConnectionFailure) in try connection.unsubscribe(filters)
        }
        for filter in tooLong {
            handler.sessionChanged(.unsubscriptionRefused(filter: filter, .packetTooLarge))
        }
    }

    private func publishStatus(_ status: String, _ connection: Connection) {
        guard let topic = configuration.statusTopic else { return }
        let (identifier, result) = unsafe Array(status.utf8).withUnsafeBytes { payload in
            unsafe connection.publish(
                topic: topic,
                payload: payload,
                qos: .atLeastOnce,
                retain: true
            )
        }
        switch result {
        case .success:
            publications.insert(identifier)
        case .oversizePacket:
            handler.sessionChanged(.statusRefused(topic: topic, .packetTooLarge))
        default:
            // The broker said in its CONNACK that it has no QoS 1.
            handler.sessionChanged(.statusRefused(topic: topic, ReasonCode(rawValue: 0x9B)))
        }
    }

    /// Says `offline` and goodbye; whether the broker knows.
    private func leave(_ conversation: Conversation) throws(ConnectionFailure) -> Bool {
        guard machine.isConnected else { return false }
        let connection = conversation.connection
        publications = []
        publishStatus("offline", connection)
        // A turn waits before it writes: the answer would come a second late.
        try connection.write()
        let deadline = ContinuousClock.now + .seconds(2)
        while !publications.isEmpty, ContinuousClock.now < deadline {
            try turn(conversation, wakeable: false)
        }
        return connection.disconnect(atMost: .seconds(1))
    }

    private func subscriptionsAnswered() {
        machine.subscriptionsAnswered()
        handler.sessionChanged(.subscribed(granted: granted))
        due = .clearance
    }

    private func unsubscriptionsAnswered() {
        guard !unsubscribed.isEmpty else { return }
        handler.sessionChanged(.unsubscribed(filters: unsubscribed))
    }
}

extension SessionLoop: ConnectionSink {
    func connackReceived(_ reason: ReasonCode, sessionPresent: Bool) {
        switch machine.connackReceived(reason, at: now) {
        case .subscribe:
            due = .greeting
            isSessionPresent = sessionPresent
            handler.sessionChanged(
                .connected(endpoint, attempt.version, sessionPresent: sessionPresent)
            )
        case .fail:
            // A refusal ends the connection by itself; a second CONNACK says nothing new.
            break
        }
    }

    func received(_ message: borrowing mosquitto_message, mayBeRedelivery: Bool) {
        guard let topic = unsafe message.topic else { return }
        let topicBytes = unsafe UnsafeRawPointer(topic).assumingMemoryBound(to: UInt8.self)
        let topicSpan = unsafe Span(_unsafeStart: topicBytes, count: byteCount(of: topic))
        let delivery = Delivery(
            qos: QoS(rawValue: unsafe message.qos) ?? .atMostOnce,
            isRetained: unsafe message.retain,
            mayBeRedelivery: mayBeRedelivery,
            packetIdentifier: UInt16(truncatingIfNeeded: unsafe message.mid)
        )
        guard let payload = unsafe message.payload, unsafe message.payloadlen > 0 else {
            handler.receive(topic: topicSpan, payload: Span(), delivery: delivery)
            return
        }
        let payloadBytes = unsafe UnsafeRawPointer(payload).assumingMemoryBound(to: UInt8.self)
        let payloadSpan = unsafe Span(
            _unsafeStart: payloadBytes,
            count: Int(message.payloadlen)
        )
        handler.receive(topic: topicSpan, payload: payloadSpan, delivery: delivery)
    }

    func subackReceived(_ packetIdentifier: Int32, _ grants: [Int32]) {
        guard let filters = subscriptions.answered(packetIdentifier) else { return }
        for (index, filter) in filters.enumerated() {
            // A SUBACK that is too short says nothing about the rest.
            let grant = index < grants.count ? grants[index] : 0x80
            switch grant {
            case 1, 2: granted += 1
            case 0:
                granted += 1
                handler.sessionChanged(.subscriptionDowngraded(filter: filter))
            default:
                let reason = ReasonCode(rawValue: UInt8(truncatingIfNeeded: grant))
                handler.sessionChanged(.subscriptionRefused(filter: filter, reason))
            }
        }
        if subscriptions.isAnswered { subscriptionsAnswered() }
    }

    func unsubackReceived(_ packetIdentifier: Int32, _ bytes: [UInt8]?) {
        guard let filters = unsubscriptions.answered(packetIdentifier) else { return }
        // Where the reasons are unknown nothing is claimed, and the next connection tries again.
        let reasons = UnsubackReasons.read(bytes, attempt.version, filters: filters.count) ?? []
        for (filter, reason) in zip(filters, reasons) {
            if reason.isFailure {
                handler.sessionChanged(.unsubscriptionRefused(filter: filter, reason))
            } else {
                unsubscribed.append(filter)
            }
        }
        if unsubscriptions.isAnswered { unsubscriptionsAnswered() }
    }

    func acknowledged(_ packetIdentifier: Int32, _ reason: ReasonCode) {
        guard publications.remove(packetIdentifier) != nil else { return }
        if reason.isFailure, let topic = configuration.statusTopic {
            handler.sessionChanged(.statusRefused(topic: topic, reason))
        }
    }
}
