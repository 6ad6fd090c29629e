/// One message that a simulated sensor publishes.
public struct SimulatedMessage: Equatable, Sendable {
    /// When it is to be published, in milliseconds since 1970 (UTC); never earlier than the message before.
    public var dueMilliseconds: Int64

    /// The topic name, UTF-8.
    public let topic: [UInt8]

    /// The payload.
    public let payload: [UInt8]

    /// The quality of service to publish with: 0 or 1.
    public let qualityOfService: UInt8

    /// Whether the broker is asked to keep it for later subscribers.
    public let isRetained: Bool
}
