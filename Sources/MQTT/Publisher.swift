internal import CMosquitto

/// What a publisher needs to know.
public struct PublisherConfiguration: Sendable {
    /// Where the broker listens; the first that answers is taken.
    public var endpoints: [Endpoint]
    /// The name under which the broker knows us while we are there.
    public var clientIdentifier: String
    /// Who we are for the broker's access control.
    public var userName: String?
    /// The password, without NUL.
    public var password: [UInt8]?
    /// Certificates and keys for endpoints with TLS.
    public var tls = TLSFiles()
    /// How many messages at QoS 1 may be under way; 1 to 65,535.
    public var window: UInt16 = 500

    /// A publisher with the defaults of this house.
    public init(endpoints: [Endpoint], clientIdentifier: String) {
        self.endpoints = endpoints
        self.clientIdentifier = clientIdentifier
    }
}

/// A plain publishing client: connects, publishes, and doesn't come back when the connection ends.
///
/// Threads: one, from the beginning to the end.
public final class Publisher {
    private let connection: Connection
    private let state: State
    private let window: Int
    private var keepAliveIsDue = ContinuousClock.now + .seconds(1)
    private var queued = 0

    /// So many messages are queued before they are written together.
    private static let messagesInWrite = 64

    /// What the broker said.
    private final class State: ConnectionSink {
        var connack: ReasonCode?
        var underWay = 0
        var refused = 0

        func connackReceived(_ reason: ReasonCode, sessionPresent: Bool) { connack = reason }

        func received(_ message: borrowing mosquitto_message, mayBeRedelivery: Bool) {}

        func subackReceived(_ packetIdentifier: Int32, _ grants: [Int32]) {}

        func unsubackReceived(_ packetIdentifier: Int32, _ bytes: [UInt8]?) {}

        func acknowledged(_ packetIdentifier: Int32, _ reason: ReasonCode) {
            underWay -= 1
            if reason.isFailure { refused += 1 }
        }
    }

    /// Connects to the first endpoint that takes us.
    ///
    /// - Throws: How the last of them failed.
    public init(_ configuration: PublisherConfiguration) throws(ConnectionFailure) {
        var options = ConnectionOptions()
        options.clientIdentifier = configuration.clientIdentifier
        options.startsClean = true
        options.userName = configuration.userName
        options.password = configuration.password
        options.tls = configuration.tls
        options.sendMaximum = configuration.window
        window = Int(configuration.window)
        var last = ConnectionFailure.cancelled
        for endpoint in configuration.endpoints {
            for version in [ProtocolVersion.version5, .version311] {
                let state = State()
                do throws(ConnectionFailure) {
                    connection = try Self.connect(endpoint, version, options, state)
                    self.state = state
                    return
                } catch {
                    last = error
                    if !error.suggestsOlderVersion { break }
                }
            }
        }
        throw last
    }

    private static func connect(
        _ endpoint: Endpoint,
        _ version: ProtocolVersion,
        _ options: ConnectionOptions,
        _ state: State
    ) throws(ConnectionFailure) -> Connection {
        let connection = try Connection(
            to: endpoint,
            version: version,
            options: options,
            sink: state,
            wakeUp: WakeUp()
        )
        try connection.write()
        let deadline = ContinuousClock.now + .seconds(10)
        while state.connack == nil {
            guard ContinuousClock.now < deadline else { throw .timedOut(.greeting) }
            if connection.wait(atMost: .milliseconds(100), wakeable: false).contains(.readable),
                let failure = connection.read().failure
            {
                throw failure
            }
            if connection.hasOutput { try connection.write() }
        }
        if let reason = state.connack, reason != .success { throw .refused(reason) }
        return connection
    }

    /// The messages that the broker refused, by its access control list for example (MQTT 5.0).
    public var refused: Int { state.refused }

    /// Publishes a message; waits while the window is full.
    ///
    /// - Throws: How the connection ended.
    public func publish(
        topic: String,
        payload: [UInt8],
        qos: QoS,
        retain: Bool
    ) throws(ConnectionFailure) {
        // libmosquitto would take it for the topic's end.
        guard !topic.utf8.contains(0) else { throw .library(.invalid) }
        while state.underWay >= window { try turn(atMost: .seconds(1)) }
        let (_, result) = unsafe payload.withUnsafeBytes { payload in
            unsafe connection.publish(topic: topic, payload: payload, qos: qos, retain: retain)
        }
        guard result == .success else { throw .library(result) }
        if qos != .atMostOnce { state.underWay += 1 }
        queued += 1
        if queued >= Self.messagesInWrite { try turn(atMost: .zero) }
    }

    /// Keeps the connection alive while there is nothing to publish.
    ///
    /// - Throws: How the connection ended.
    public func idle(for duration: Duration) throws(ConnectionFailure) {
        let end = ContinuousClock.now + duration
        repeat {
            try turn(atMost: min(max(.zero, end - ContinuousClock.now), .seconds(1)))
        } while ContinuousClock.now < end
    }

    /// Waits until the broker has acknowledged everything.
    ///
    /// - Throws: How the connection ended.
    public func flush() throws(ConnectionFailure) {
        repeat {
            try turn(atMost: .milliseconds(50))
        } while state.underWay > 0 || connection.hasOutput
    }

    /// Says goodbye; whether the broker knows.
    @discardableResult
    public func close() -> Bool { connection.disconnect(atMost: .seconds(1)) }

    private func turn(atMost duration: Duration) throws(ConnectionFailure) {
        queued = 0
        if connection.hasOutput { try connection.write() }
        if connection.wait(atMost: duration, wakeable: false).contains(.readable),
            let failure = connection.read().failure
        {
            throw failure
        }
        guard ContinuousClock.now >= keepAliveIsDue else { return }
        keepAliveIsDue = ContinuousClock.now + .seconds(1)
        try connection.keepAlive()
    }
}
