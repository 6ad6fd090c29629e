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

    /// The CONNACK was positive, and SUBSCRIBE and birth are to be sent.
    private var greetingIsDue = false
    /// The filters of each SUBSCRIBE that waits for its SUBACK.
    private var subscriptions: [Int32: ArraySlice<String>] = [:]
    private var granted = 0
    /// The packet identifiers of what was published on the status topic and isn't acknowledged.
    private var publications: Set<Int32> = []
    /// Messages were handed over since the handler last committed.
    private var isUncommitted = false

    /// A batch of so many QoS 0 messages is a load, and under load a pause makes the next larger.
    ///
    /// At QoS 1 the broker waits for our acknowledgements once its window is full: a pause would
    /// only hold it up (measured: 45,000 messages a second instead of 240,000), and the time
    /// of a commit makes the batches large by itself.
    private static let loadedBatch = 64
    private static let loadedPause = Duration.milliseconds(2)
    /// How often a handler that withholds is asked again.
    private static let withheldPause = Duration.milliseconds(200)

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
                do throws(ConnectionFailure) {
                    isGraceful = try converse(attempt)
                } catch {
                    next = failed(error)
                }
            case .pause(let duration):
                handler.sessionChanged(.willRetry(after: duration))
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
        greetingIsDue = false
        subscriptions = [:]
        granted = 0
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
        var isWithheld = false
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
        let longest = conversation.isWithheld ? Self.withheldPause : .seconds(1)
        let readiness = connection.wait(atMost: longest, wakeable: wakeable)
        if readiness.contains(.readable) || (connection.isShakingHands && !readiness.isEmpty) {
            let batch = connection.read()
            if batch.messages > 0 { isUncommitted = true }
            conversation.isLoaded =
                batch.messages - batch.promises >= Self.loadedBatch && !connection.mayReadAtOnce
            // Even what came before the end is made safe: the broker will send it again, and it
            // will be recognised.
            if let failure = batch.failure {
                if isUncommitted { _ = commit(conversation) }
                throw failure
            }
        }
        try greet(connection)
        if ContinuousClock.now >= conversation.keepAliveIsDue {
            conversation.keepAliveIsDue = ContinuousClock.now + .seconds(1)
            try connection.keepAlive()
            if case .fail(let failure) = machine.tick(at: now) { throw failure }
        }
        // The queue is first come, first served: while acknowledgements are withheld, nothing can
        // leave.
        if isUncommitted || conversation.isWithheld, !commit(conversation) { return }
        if connection.hasOutput { try connection.write() }
    }

    private func commit(_ conversation: Conversation) -> Bool {
        switch handler.commit() {
        case .acknowledge:
            isUncommitted = false
            conversation.isWithheld = false
        case .withhold:
            conversation.isWithheld = true
        }
        return !conversation.isWithheld
    }

    // MARK: Greeting and leaving

    /// The most filters in one SUBSCRIBE, and the most bytes of them.
    private static let filtersInPacket = 100
    private static let filterBytesInPacket = 16_384

    /// Subscribes and says that we are there, after the CONNACK.
    private func greet(_ connection: Connection) throws(ConnectionFailure) {
        guard greetingIsDue else { return }
        greetingIsDue = false
        var rest = configuration.topicFilters[...]
        var most = Self.filtersInPacket
        while !rest.isEmpty {
            var bytes = 0
            let fitting = rest.prefix(most).prefix { filter in
                bytes += filter.utf8.count + 3
                return bytes <= Self.filterBytesInPacket
            }
            let chunk = rest.prefix(max(1, fitting.count))
            guard let identifier = try connection.subscribe(chunk) else {
                // The broker's own limit is smaller; where one filter is too long for it, it must
                // be told.
                guard chunk.count > 1 else { throw .library(.oversizePacket) }
                most = chunk.count / 2
                continue
            }
            subscriptions[identifier] = chunk
            rest = rest.dropFirst(chunk.count)
        }
        if configuration.topicFilters.isEmpty { subscriptionsAnswered() }
        publishStatus("online", connection)
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
            handler.sessionChanged(.statusRefused(topic: topic, ReasonCode(rawValue: 0x95)))
        default:
            // The broker said in its CONNACK that it has no QoS 1.
            handler.sessionChanged(.statusRefused(topic: topic, ReasonCode(rawValue: 0x9B)))
        }
    }

    /// Says `offline` and goodbye; whether the broker knows.
    private func leave(_ conversation: Conversation) throws(ConnectionFailure) -> Bool {
        // Behind acknowledgements that may not leave nothing else can: the will says it for us.
        guard machine.isConnected, !conversation.isWithheld else { return false }
        let connection = conversation.connection
        publications = []
        publishStatus("offline", connection)
        let deadline = ContinuousClock.now + .seconds(2)
        while !publications.isEmpty, !conversation.isWithheld, ContinuousClock.now < deadline {
            try turn(conversation, wakeable: false)
        }
        guard !conversation.isWithheld else { return false }
        return connection.disconnect(atMost: .seconds(1))
    }

    private func subscriptionsAnswered() {
        machine.subscriptionsAnswered()
        handler.sessionChanged(.subscribed(granted: granted))
    }
}

extension SessionLoop: ConnectionSink {
    func connackReceived(_ reason: ReasonCode, sessionPresent: Bool) {
        switch machine.connackReceived(reason, at: now) {
        case .subscribe:
            greetingIsDue = true
            handler.sessionChanged(
                .connected(endpoint, attempt.version, sessionPresent: sessionPresent)
            )
        case .fail:
            // A refusal ends the connection by itself; a second CONNACK says nothing new.
            break
        }
    }

    func received(_ message: borrowing mosquitto_message) {
        guard let topic = unsafe message.topic else { return }
        let topicBytes = unsafe UnsafeRawPointer(topic).assumingMemoryBound(to: UInt8.self)
        let topicSpan = unsafe Span(_unsafeStart: topicBytes, count: byteCount(of: topic))
        guard let payload = unsafe message.payload, unsafe message.payloadlen > 0 else {
            unsafe hand(over: message, topicSpan, Span())
            return
        }
        let payloadBytes = unsafe UnsafeRawPointer(payload).assumingMemoryBound(to: UInt8.self)
        let payloadSpan = unsafe Span(
            _unsafeStart: payloadBytes,
            count: Int(message.payloadlen)
        )
        unsafe hand(over: message, topicSpan, payloadSpan)
    }

    private func hand(
        over message: borrowing mosquitto_message,
        _ topic: Span<UInt8>,
        _ payload: Span<UInt8>
    ) {
        handler.receive(
            topic: topic,
            payload: payload,
            qos: QoS(rawValue: unsafe message.qos) ?? .atMostOnce,
            isRetained: unsafe message.retain,
            packetIdentifier: UInt16(truncatingIfNeeded: unsafe message.mid)
        )
    }

    func subackReceived(_ packetIdentifier: Int32, _ grants: [Int32]) {
        guard let filters = subscriptions.removeValue(forKey: packetIdentifier) else { return }
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
        if subscriptions.isEmpty { subscriptionsAnswered() }
    }

    func acknowledged(_ packetIdentifier: Int32, _ reason: ReasonCode) {
        guard publications.remove(packetIdentifier) != nil else { return }
        if reason.isFailure, let topic = configuration.statusTopic {
            handler.sessionChanged(.statusRefused(topic: topic, reason))
        }
    }
}
