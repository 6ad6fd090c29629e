import Parking
import Synchronization

/// The last refused messages, for the person who asks what they looked like: topic, reason and shape, never a value.
///
/// **Shape.** At most ``capacity`` messages. One that finds no room takes the place of the oldest of the kind (rule and reason) that has the
/// most: a flood of one kind does not wash away the others.
///
/// **Rate.** A message of each kind a second, ``perSecond`` in all: an attacker may have 100,000 refused in a
/// second, and their shapes are worth no processor. All of them are counted in ``IncidentLog``.
///
/// **Threads.** Any. A mutex: a refusal is not the stream, and nobody holds it while a shape is made.
public final class Quarantine: Sendable {
    /// A refused message.
    public struct Message: Equatable, Sendable {
        /// The number of the rule, or nil where no rule matched.
        public var rule: Int?
        /// Why it was refused.
        public var incident: Incident
        /// Its topic, as bytes from the network; cut to ``IncidentLog/topicBytes``.
        public var topic: [UInt8]
        /// Keys, types and lengths of its payload; nil where it was refused after it had been read.
        public var shape: String?
        /// When it was received, in milliseconds since 1970 (UTC).
        public var receivedMilliseconds: Int64
    }

    /// The most messages that are kept.
    public static let capacity = 64

    /// The most messages that are kept in one second.
    public static let perSecond = 32

    private struct Kind: Hashable {
        var rule: Int?
        var incident: Incident
    }

    private struct State {
        var messages: [Message] = []
        var second: Int64 = .min
        /// The kinds of which a message was kept in this second; as many as ``perSecond``.
        var kinds: [Kind] = []
        var skipped = 0
    }

    private let state = Mutex(State())

    /// An empty quarantine.
    public init() {}

    /// The messages, the newest first.
    public var messages: [Message] { state.withLock { $0.messages.reversed() } }

    /// How many refused messages came too fast to be kept.
    public var skipped: Int { state.withLock { $0.skipped } }

    /// Whether a message of this kind is to be kept now; asked before its shape is made.
    func admits(_ incident: Incident, rule: Int?, at now: Moment) -> Bool {
        state.withLock { state in
            let second = now.monotonicMilliseconds / 1000
            if second != state.second {
                state.second = second
                state.kinds.removeAll(keepingCapacity: true)
            }
            let kind = Kind(rule: rule, incident: incident)
            guard state.kinds.count < Self.perSecond, !state.kinds.contains(kind) else {
                state.skipped += 1
                return false
            }
            state.kinds.append(kind)
            return true
        }
    }

    /// Keeps a message.
    func keep(
        _ incident: Incident,
        rule: Int?,
        topic: Span<UInt8>,
        shape: String?,
        at now: Moment
    ) {
        let message = Message(
            rule: rule,
            incident: incident,
            topic: (0..<min(topic.count, IncidentLog.topicBytes)).map { topic[$0] },
            shape: shape,
            receivedMilliseconds: now.wallMilliseconds
        )
        state.withLock { state in
            if state.messages.count == Self.capacity { Self.makeRoom(in: &state.messages) }
            state.messages.append(message)
        }
    }

    private static func makeRoom(in messages: inout [Message]) {
        func kind(_ message: Message) -> Kind {
            Kind(rule: message.rule, incident: message.incident)
        }
        var counts: [Kind: Int] = [:]
        for message in messages { counts[kind(message), default: 0] += 1 }
        let most = counts.values.max()
        guard let oldest = messages.firstIndex(where: { counts[kind($0)] == most }) else { return }
        messages.remove(at: oldest)
    }
}
