import TestSupport

/// A message as a sensor published it.
struct Message: Equatable {
    /// Its place among all messages of a run: what no client ever sees.
    let number: Int
    let topic: String
    let payload: String
    var isPromised = true
}

/// A message on its way to the client.
struct Delivery {
    let message: Message
    /// 0 at QoS 0.
    var identifier: UInt16 = 0
    var isAgain = false
}

/// A broker as MQTT 5.0 describes it, with one session.
///
/// What it doesn't promise it doesn't do: it keeps the order of its messages, gives each an identifier, has no more under way than the client
/// allows (or some more), and delivers again only what was not acknowledged, only at a new connection, flagged as such.
struct SimulatedBroker {
    /// How packet identifiers are handed out.
    enum Identifiers: CaseIterable {
        /// In turn, as mosquitto does.
        case rotating
        /// The lowest that is free, as others do.
        case lowest
    }

    private struct Outgoing {
        let message: Message
        let identifier: UInt16
        /// Ever; the next time it is flagged.
        var wasSent = false
        /// On this connection.
        var isSent = false
    }

    let identifiers: Identifiers
    /// Whether it sends up to a window more with each acknowledgement, as mosquitto 2.0.11 does while it has a backlog.
    let overruns: Bool
    private(set) var hasSession = false
    private(set) var isConnected = false
    private var window = 0
    private var underWay: [Outgoing] = []
    private var queue: [Message] = []
    private var last: UInt16
    /// Messages that it took, and lost with its store.
    private(set) var forgotten: [Message] = []

    init(identifiers: Identifiers, random: inout SeededRandom) {
        self.identifiers = identifiers
        overruns = identifiers == .rotating && random.happens(percent: 50)
        // Near the end, so that they wrap.
        last = UInt16.random(in: 65_000...65_535, using: &random)
    }

    /// What no client has acknowledged.
    var waiting: Int { underWay.count + queue.count }

    /// A client connects; whether its session is still there.
    mutating func connect(window: Int) -> (sessionPresent: Bool, deliveries: [Delivery]) {
        let wasPresent = hasSession
        hasSession = true
        isConnected = true
        self.window = window
        for index in underWay.indices { underWay[index].isSent = false }
        return (wasPresent, sendMore())
    }

    mutating func disconnect() { isConnected = false }

    /// Takes a message from a sensor, and delivers it if it may.
    mutating func publish(_ message: Message) -> [Delivery] {
        guard hasSession else { return [] }
        guard message.isPromised else {
            return isConnected ? [Delivery(message: message)] : []
        }
        queue.append(message)
        return isConnected ? sendMore() : []
    }

    /// The client acknowledged a message.
    mutating func acknowledge(_ identifier: UInt16) -> [Delivery] {
        underWay.removeAll { $0.identifier == identifier }
        return isConnected ? sendMore(overrunning: overruns) : []
    }

    /// It ends and starts again.
    mutating func restart(keepsStore: Bool) {
        isConnected = false
        guard !keepsStore else { return }
        forgotten += underWay.map(\.message) + queue
        underWay = []
        queue = []
        hasSession = false
        last = 0
    }

    /// Sends what has its identifier already, then what waits for one; never more at a time than the client allows.
    private mutating func sendMore(overrunning: Bool = false) -> [Delivery] {
        var deliveries: [Delivery] = []
        var room = overrunning ? window : window - underWay.count { $0.isSent }
        for index in underWay.indices where room > 0 && !underWay[index].isSent {
            deliveries.append(
                Delivery(
                    message: underWay[index].message,
                    identifier: underWay[index].identifier,
                    isAgain: underWay[index].wasSent
                )
            )
            underWay[index].wasSent = true
            underWay[index].isSent = true
            room -= 1
        }
        while room > 0, !queue.isEmpty {
            let message = queue.removeFirst()
            let identifier = nextIdentifier()
            underWay.append(
                Outgoing(message: message, identifier: identifier, wasSent: true, isSent: true)
            )
            deliveries.append(Delivery(message: message, identifier: identifier))
            room -= 1
        }
        return deliveries
    }

    private mutating func nextIdentifier() -> UInt16 {
        let taken = Set(underWay.map(\.identifier))
        switch identifiers {
        case .rotating:
            repeat { last = last == 65_535 ? 1 : last + 1 } while taken.contains(last)
            return last
        case .lowest:
            return (1...65_535).first { !taken.contains($0) } ?? 0
        }
    }
}
