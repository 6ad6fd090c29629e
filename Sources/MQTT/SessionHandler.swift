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
    /// The broker refused what we said on the status topic.
    case statusRefused(topic: String, ReasonCode)
    /// All endpoints failed; the next try is after a pause.
    case willRetry(after: Duration)
    /// The session ended because it was asked to; `gracefully` tells whether the broker knows.
    case stopped(gracefully: Bool)
}

/// What becomes of the acknowledgements of the messages that were handed over.
public enum CommitDecision: Sendable {
    /// The messages are safe: let the acknowledgements leave.
    case acknowledge
    /// They are not: nothing leaves, and the question is asked again soon.
    ///
    /// If that goes on for longer than the keep alive the connection ends, and the broker delivers
    /// the messages again.
    case withhold
}

/// Takes what a session receives.
///
/// Threads: called on the thread that runs the session, and from nowhere else. The handler must not
/// block for longer than the keep alive.
public protocol SessionHandler: AnyObject {
    /// Takes one message; topic and payload are valid during the call alone.
    ///
    /// `packetIdentifier` is 0 at QoS 0. A message that was not acknowledged comes again after
    /// ``SessionEvent/connected(_:_:sessionPresent:)`` with the same identifier, in the same order
    /// (MQTT 5.0, section 4.4).
    func receive(
        topic: Span<UInt8>,
        payload: Span<UInt8>,
        qos: QoS,
        isRetained: Bool,
        packetIdentifier: UInt16
    )

    /// Makes everything received so far safe, once for each batch.
    func commit() -> CommitDecision

    /// Takes note of a change of the connection.
    func sessionChanged(_ event: SessionEvent)
}
