internal import LinuxSystem

/// A TCP relay on 127.0.0.1 that does to connections what networks do.
///
/// It accepts on a port of its own, which it keeps for as long as it lives, opens a connection to the server for
/// each that it accepts, and forwards the bytes of both directions, unchanged and in order. What it may do to them:
///
/// - ``Conditions`` hold from when they are set, for every connection, in one direction: latency, small pieces, and
///   a stall, which forwards neither bytes nor the end of a connection (half-open, as long as it lasts).
/// - ``cut(after:_:by:)`` ends a connection after so many bytes of one direction, and ``stall(after:_:)`` stalls the direction.
/// - ``end(by:)`` ends those that there are: orderly, or by a reset.
/// - ``abandon()`` forgets those that there are and keeps them open: nothing passes any more, for good, and neither
///   side is told. New ones are forwarded.
/// - ``isRefusing`` resets whoever connects.
///
/// When one of its functions has returned, nothing passes any more that it was to stop.
///
/// Threads: any may use it; one of its own forwards.
public final class FaultProxy: Sendable {
    /// Which way bytes go: the client is who connects to the proxy.
    public enum Direction: CaseIterable, Sendable {
        case toServer
        case toClient
    }

    /// How a connection ends.
    public enum Ending: Sendable {
        /// As by a process that ends: FIN.
        case close
        /// As by a machine that knows nothing of the connection: RST, whatever was under way.
        case reset
    }

    /// What bytes of one direction have to bear.
    public struct Conditions: Equatable, Sendable {
        /// How long each byte is kept at least.
        public var latency: Duration
        /// The most bytes that are sent at once.
        public var pieceBytes: Int
        /// Whether nothing passes, the end of the connection included.
        public var isStalled: Bool

        /// A network without faults, but for what is named.
        public init(
            latency: Duration = .zero,
            pieceBytes: Int = .max,
            isStalled: Bool = false
        ) {
            precondition(pieceBytes > 0, "a piece has at least one byte")
            self.latency = latency
            self.pieceBytes = pieceBytes
            self.isStalled = isStalled
        }
    }

    /// What was forwarded in one direction since the beginning, over all connections.
    public struct Traffic: Equatable, Sendable {
        /// The bytes.
        public var bytes = 0
        /// The calls of send(2) that took them.
        public var pieces = 0
    }

    /// Why there is no proxy: what the system said.
    public struct Failure: Error, CustomStringConvertible {
        /// What was tried.
        public let attempt: String
        /// The error number.
        public let code: Int32

        /// One line.
        public var description: String { "the fault proxy cannot \(attempt): error \(code)" }
    }

    /// The port that it listens on.
    public let port: UInt16

    private let relay: Relay
    private let thread: NamedThread

    /// Starts to forward to a port of 127.0.0.1, where nobody need listen yet.
    ///
    /// - Throws: ``Failure``: the system is out of something; give up.
    public init(forwardingTo server: UInt16) throws(Failure) {
        let relay = try Relay(server: server)
        do {
            thread = try NamedThread(name: "fault-proxy") { relay.run() }
        } catch {
            throw Failure(attempt: "start its thread", code: error.code.rawValue)
        }
        self.relay = relay
        port = relay.port
    }

    deinit {
        relay.stop()
        thread.join()
    }

    /// Sets what holds in a direction from now on; bytes under way keep the latency that they began with.
    public func set(_ conditions: Conditions, _ direction: Direction) {
        relay.change { $0.conditions[direction] = conditions }
    }

    /// Arms one cut: the connection that carries the last of the next `bytes` in this direction ends behind it.
    ///
    /// Where `bytes` is 0, the next byte ends its connection and doesn't pass. It takes the place of a cut or a stall that
    /// was armed before for this direction.
    public func cut(after bytes: Int, _ direction: Direction, by ending: Ending) {
        precondition(bytes >= 0)
        relay.change { $0.ambushes[direction] = Ambush(remaining: bytes, outcome: .end(ending)) }
    }

    /// Arms a stall: behind the last of the next `bytes` nothing passes in this direction any more.
    ///
    /// It takes the place of a cut or a stall that was armed before for this direction.
    public func stall(after bytes: Int, _ direction: Direction) {
        precondition(bytes >= 0)
        relay.change { $0.ambushes[direction] = Ambush(remaining: bytes, outcome: .stall) }
    }

    /// Whether a cut or stall that was armed for this direction has not come about yet.
    public func isArmed(_ direction: Direction) -> Bool {
        relay.change { $0.ambushes[direction] != nil }
    }

    /// Ends all connections that aren't abandoned, both sides of each.
    public func end(by ending: Ending) {
        relay.change { state in
            for index in state.connections.indices where !state.connections[index].isAbandoned {
                state.connections[index].end(by: ending)
            }
        }
    }

    /// Keeps all connections open, and forwards nothing of them any more.
    public func abandon() {
        relay.change { state in
            for index in state.connections.indices { state.connections[index].isAbandoned = true }
        }
    }

    /// Whether new connections are reset at once.
    public var isRefusing: Bool {
        get { relay.change { $0.isRefusing } }
        set { relay.change { $0.isRefusing = newValue } }
    }

    /// Ends all faults that last: conditions, refusals, and what is armed.
    public func heal() {
        relay.change { state in
            state.conditions = EachWay(repeating: Conditions())
            state.ambushes = EachWay(repeating: nil)
            state.isRefusing = false
        }
    }

    /// What was forwarded so far.
    public func traffic(_ direction: Direction) -> Traffic {
        relay.change { $0.traffic[direction] }
    }

    /// The connections that were ever accepted and not refused.
    public var accepted: Int { relay.change { $0.accepted } }

    /// The connections that are open and not abandoned.
    public var open: Int {
        relay.change { $0.connections.count { !$0.isClosed && !$0.isAbandoned } }
    }
}

/// A value for each direction.
struct EachWay<Value> {
    private var toServer: Value
    private var toClient: Value

    init(repeating value: Value) {
        toServer = value
        toClient = value
    }

    subscript(direction: FaultProxy.Direction) -> Value {
        get {
            switch direction {
            case .toServer: toServer
            case .toClient: toClient
            }
        }
        set {
            switch direction {
            case .toServer: toServer = newValue
            case .toClient: toClient = newValue
            }
        }
    }
}

extension EachWay: Sendable where Value: Sendable {}

/// A fault that waits for its byte.
struct Ambush {
    enum Outcome {
        case end(FaultProxy.Ending)
        case stall
    }

    var remaining: Int
    var outcome: Outcome
}
