/// A change of a session's connection, for the log and the status.
public enum SessionEvent: Equatable, Sendable {
    /// A connection is being made.
    case connecting(Endpoint, ProtocolVersion)
    /// The broker accepted us; `sessionPresent` tells whether it kept our session.
    case connected(Endpoint, ProtocolVersion, sessionPresent: Bool)
    /// A connection could not be made.
    case connectFailed(Endpoint, ConnectionFailure)
    /// An accepted connection ended.
    case disconnected(Endpoint, ConnectionFailure)
    /// The broker answered all subscriptions and granted so many.
    case subscribed(granted: Int)
    /// The broker refused a subscription: its messages will not come.
    case subscriptionRefused(filter: String, ReasonCode)
    /// The broker granted a subscription at QoS 0 only: its messages may be lost.
    case subscriptionDowngraded(filter: String)
    /// The broker has none of these former subscriptions any more.
    ///
    /// It confirmed that, or it had no session of ours. Said once a connection at most, after
    /// ``subscribed(granted:)``.
    case unsubscribed(filters: [String])
    /// The broker refused to end a former subscription: its messages still come.
    ///
    /// The next connection tries again.
    case unsubscriptionRefused(filter: String, ReasonCode)
    /// The broker refused what we said on the status topic.
    case statusRefused(topic: String, ReasonCode)
    /// All endpoints failed; the next try is after a pause.
    case willRetry(after: Duration)
    /// The session ended because it was asked to; `gracefully` tells whether the broker knows.
    case stopped(gracefully: Bool)
}

/// How a message came.
public struct Delivery: Equatable, Sendable {
    /// What the broker promised about it.
    public var qos: QoS
    /// Whether it is what the topic retains, rather than news.
    public var isRetained: Bool
    /// Whether it may have been handed over before: at QoS 1 the DUP flag, at QoS 0 and 2 never.
    ///
    /// Without the flag a message is a first delivery. With it, the broker sent the message before
    /// under the same packet identifier, but whether it reached anybody is not said (MQTT 5.0,
    /// sections 3.3.1.1 and 4.4). True also where the flag is unknown, since
    /// ``Session/isTransportInterposed`` is not. At QoS 2 the protocol itself hands a message over
    /// once at most (section 4.3.3).
    public var mayBeRedelivery: Bool
    /// The number under which the message waits for its acknowledgement; 0 at QoS 0.
    public var packetIdentifier: UInt16

    /// A delivery with these properties.
    public init(qos: QoS, isRetained: Bool, mayBeRedelivery: Bool, packetIdentifier: UInt16) {
        self.qos = qos
        self.isRetained = isRetained
        self.mayBeRedelivery = mayBeRedelivery
        self.packetIdentifier = packetIdentifier
    }
}

/// Takes what a session receives.
///
/// Threads: called on the thread that runs the session, and from nowhere else. The handler must not
/// block for longer than the keep alive.
public protocol SessionHandler: AnyObject {
    /// Takes one message; topic and payload are valid during the call alone.
    ///
    /// A message that was not acknowledged comes again after
    /// ``SessionEvent/connected(_:_:sessionPresent:)`` with the same identifier, in the same order
    /// (MQTT 5.0, sections 4.4 and 4.6).
    func receive(topic: Span<UInt8>, payload: Span<UInt8>, delivery: Delivery)

    /// Makes everything received so far safe, once for each batch: when it returns, the
    /// acknowledgements leave.
    func commit()

    /// Takes note that the session's thread comes round, and when it says so again at the latest.
    ///
    /// Said before each attempt to connect and each pause, and once a second of a connection. A thread that is later hangs.
    func comesRound(within duration: Duration)

    /// Takes note of a change of the connection.
    func sessionChanged(_ event: SessionEvent)
}
