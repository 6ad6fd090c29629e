import FaultProxy
import TestSupport

/// Something that goes wrong; each has a way back, in itself or as a later step.
enum Fault: Equatable {
    /// SIGKILL; it stays away until ``Step/daemonStarts``.
    case daemonIsKilled
    /// SIGTERM; it stays away until ``Step/daemonStarts``.
    case daemonIsStopped
    /// SIGSTOP, until ``Step/daemonGoesOn``.
    case daemonIsFrozen
    /// SIGKILL, some time after ``Step/brokerSaves(isDaemonShutOut:)``, and a start.
    case brokerIsKilled(away: Duration)
    /// SIGTERM, and a start.
    case brokerIsRestarted(away: Duration)
    case connectionEnds(FaultProxy.Ending)
    case connectionIsCut(after: Int, FaultProxy.Direction, FaultProxy.Ending)
    /// Nothing passes any more on this connection, and nobody is told: both sides find out by their keep-alive.
    case connectionIsAbandoned
    /// Half-open, until ``Step/networkIsMended``.
    case networkStalls(toServer: Bool, toClient: Bool)
    /// The next so many bytes pass to the broker, and then none until ``Step/networkIsMended``.
    case networkStallsSoon(after: Int)
    /// Until ``Step/networkIsMended``.
    case networkIsSlow(latency: Duration)
    /// Until ``Step/networkIsMended``.
    case networkGivesPieces(bytes: Int)

    /// The kind, for the statistics.
    var kind: String { words.kind }

    private var words: (kind: String, detail: String) {
        switch self {
        case .daemonIsKilled: ("daemon killed", "")
        case .daemonIsStopped: ("daemon stopped", "")
        case .daemonIsFrozen: ("daemon frozen", "")
        case .brokerIsKilled(let away): ("broker killed", " for \(away)")
        case .brokerIsRestarted(let away): ("broker restarted", " after \(away)")
        case .connectionEnds(let ending): ("connection ended", " by \(ending)")
        case .connectionIsCut(let count, let direction, let ending):
            ("connection cut", " after \(count) bytes \(direction) by \(ending)")
        case .connectionIsAbandoned: ("connection abandoned", "")
        case .networkStalls(let toServer, let toClient):
            ("network stalled", " toServer=\(toServer) toClient=\(toClient)")
        case .networkStallsSoon(let count):
            ("network stalled soon", " after \(count) bytes toServer")
        case .networkIsSlow(let latency): ("network slow", " by \(latency)")
        case .networkGivesPieces(let bytes): ("network in pieces", " of \(bytes) bytes")
        }
    }
}

extension Fault: CustomStringConvertible {
    var description: String { words.kind + words.detail }
}

/// A car that passes a gate.
struct Movement: Equatable {
    let gate: Int
    let isArrival: Bool
}

/// What the campaign does next.
enum Step: Equatable {
    /// Publishes, without waiting for anybody.
    case publish([Movement])
    case pause(Duration)
    case fault(Fault)
    case daemonStarts
    case daemonGoesOn
    case networkIsMended
    /// Ends the daemon's connection and lets none in, until the network is mended.
    case daemonIsShutOut
    /// The broker saves; where the daemon may hear of it afterwards, all messages must have been sent once.
    case brokerSaves(isDaemonShutOut: Bool)
    /// Waits until all that was published is counted.
    case everythingArrives
}

extension Step: CustomStringConvertible {
    var description: String {
        switch self {
        case .publish(let movements): "\(movements.count) messages published"
        case .pause(let duration): "pause of \(duration)"
        case .fault(let fault): "\(fault)"
        case .daemonStarts: "daemon starts"
        case .daemonGoesOn: "daemon goes on"
        case .networkIsMended: "network mended"
        case .daemonIsShutOut: "daemon shut out"
        case .brokerSaves: "broker saves"
        case .everythingArrives: "everything arrives"
        }
    }
}

/// What a campaign does, from one seed.
///
/// A phase is a burst of messages with faults in between; the counts are compared at its end. The plan keeps some rules,
/// which are those of the world and of mosquitto, and not weaknesses of the daemon that it hides:
///
/// - A gate that nobody has entered is left by nobody: a count never has to go below zero.
/// - A broker that is killed forgets what it did since it saved. So each message has been saved by then, or counted.
/// - What was saved before it was sent is not sent before the kill: after it the broker would send it again, with the same
///   packet identifier and without DUP, and nobody can tell that from another car.
/// - Where the broker forgets the packet identifiers of messages that were counted, no connection is lost until it has
///   given all of them to others: one that came with DUP, and never before, could not be told from the counted one.
/// - What was under way when the broker saved is at most a window of messages ago when it is killed.
///
/// After two lost connections the daemon is started anew before it loses the next: its pauses grow, and waiting proves nothing.
struct Plan {
    static let gateCount = 5

    private var random: SeededRandom
    private var present = Array(repeating: 0, count: gateCount)
    private var isAway = false
    private var isFrozen = false
    private var lostConnections = 0
    private var steps: [Step] = []

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// The next phase.
    mutating func nextPhase() -> [Step] {
        steps = []
        switch random.within(0...99) {
        case ..<22: killSavedBroker()
        case ..<30: killBrokerInAbsence()
        case ..<38: killForgetfulBroker()
        case ..<46: flood()
        default: storm()
        }
        bringBack()
        return steps
    }

    // MARK: Phases

    /// Faults of every kind but the broker's death, one upon the other.
    private mutating func storm() {
        publish(atMost: 60)
        for _ in 0..<random.within(2...5) {
            pause(atMost: 20)
            disturb()
            publish(atMost: random.happens(percent: 25) ? 150 : 25)
            // More than the window of 1,000 that is under way at a time.
            if isAway, random.happens(percent: 17) { publish(random.within(900...2200)) }
            if random.happens(percent: 33) { pause(atMost: 150) }
            if random.happens(percent: 25) { steps.append(.networkIsMended) }
            if random.happens(percent: 50) { bringBack() }
        }
    }

    /// The broker sends a burst, saves, is killed, and sends again what was not acknowledged when it saved.
    ///
    /// Each message comes with DUP then, whether the daemon has counted it (its acknowledgements were held up), or
    /// never saw it (the messages were).
    private mutating func killSavedBroker() {
        // One that has been connected since the last phase ended.
        let isHeldUp = random.happens(percent: 25) ? nil : random.within(0...2)
        if let which = isHeldUp {
            steps.append(.fault(.networkStalls(toServer: which != 1, toClient: which != 0)))
        }
        publish(atMost: 300)
        steps.append(.brokerSaves(isDaemonShutOut: false))
        switch random.within(0...4) {
        case 0: steps.append(.networkIsMended)
        case 1: loseDaemon(.daemonIsKilled)
        case 2:
            lostConnections += 1
            steps.append(.fault(.connectionEnds(random.ending())))
        default: break
        }
        pause(atMost: 30)
        steps.append(.fault(.brokerIsKilled(away: random.milliseconds(atMost: 100))))
        lostConnections += 1
        if random.happens(percent: 50) { steps.append(.networkIsMended) }
        if random.happens(percent: 33), !isAway { loseDaemon(.daemonIsKilled) }
        publish(atMost: 50)
    }

    /// The broker is killed with messages in its queue that it has never sent.
    private mutating func killBrokerInAbsence() {
        publish(atMost: 100)
        pause(atMost: 10)
        steps.append(.daemonIsShutOut)
        lostConnections += 1
        publish(atMost: 100)
        if random.happens(percent: 33) { loseDaemon(.daemonIsKilled) }
        steps.append(.brokerSaves(isDaemonShutOut: true))
        steps.append(.fault(.brokerIsKilled(away: random.milliseconds(atMost: 100))))
        publish(atMost: 50)
        steps.append(.networkIsMended)
    }

    /// The broker is killed after it sent messages that it had not saved, and the daemon has counted.
    ///
    /// It gives their packet identifiers to the next messages: they come without DUP, and count.
    private mutating func killForgetfulBroker() {
        publish(atMost: 40)
        steps.append(.brokerSaves(isDaemonShutOut: false))
        let forgotten = random.within(1...100)
        publish(forgotten)
        steps.append(.everythingArrives)
        steps.append(.fault(.brokerIsKilled(away: random.milliseconds(atMost: 100))))
        lostConnections += 1
        if random.happens(percent: 50) { loseDaemon(.daemonIsKilled) }
        // The message that tells the daemon's arrival was forgotten, too.
        publish(forgotten + 1)
    }

    /// The daemon comes back to a long queue, and the broker hears of the first acknowledgements only.
    ///
    /// For each of these mosquitto 2.0.11 sends as many messages as the daemon's Receive Maximum, so that several times as many are
    /// under way: its `db__message_delete_outgoing` counts those before the acknowledged one as all that there are.
    private mutating func flood() {
        publish(atMost: 50)
        loseDaemon(
            random.happens(percent: 50) ? .daemonIsKilled : .daemonIsStopped,
            mayReturn: false
        )
        publish(random.within(1100...3500))
        steps.append(.fault(.networkStallsSoon(after: random.within(300...6000))))
        bringBack()
        steps.append(.pause(.milliseconds(random.within(200...700))))
        lostConnections += 1
        switch random.within(0...3) {
        case 0: steps.append(.fault(.connectionEnds(random.ending())))
        case 1: loseDaemon(.daemonIsKilled)
        case 2: steps.append(.fault(.brokerIsRestarted(away: random.milliseconds(atMost: 100))))
        default: steps.append(.fault(.connectionIsAbandoned))
        }
        if random.happens(percent: 50) { steps.append(.networkIsMended) }
        publish(atMost: 50)
    }

    // MARK: Faults

    private mutating func disturb() {
        if isAway { steps.append(.daemonStarts) }
        isAway = false
        let fault = nextFault()
        switch fault {
        case .daemonIsKilled: loseDaemon(fault)
        case .daemonIsStopped:
            // One that is frozen can't stop.
            if isFrozen { steps.append(.daemonGoesOn) }
            loseDaemon(fault)
        case .daemonIsFrozen:
            steps.append(.fault(fault))
            isFrozen = true
            publish(atMost: 30)
            steps.append(
                .pause(random.milliseconds(atMost: random.happens(percent: 20) ? 2500 : 400))
            )
        case .connectionEnds, .connectionIsCut, .connectionIsAbandoned, .brokerIsRestarted:
            lostConnections += 1
            steps.append(.fault(fault))
        case .networkStalls, .networkStallsSoon, .networkIsSlow, .networkGivesPieces,
            .brokerIsKilled:
            steps.append(.fault(fault))
        }
    }

    private mutating func nextFault() -> Fault {
        // Another loss would make its pauses long.
        switch random.within(0...(lostConnections >= 2 ? 39 : 99)) {
        case ..<30: return .daemonIsKilled
        case ..<40: return .daemonIsStopped
        case ..<47: return isFrozen ? .daemonIsKilled : .daemonIsFrozen
        case ..<59: return .connectionEnds(random.ending())
        case ..<73: return cut()
        case ..<77: return .connectionIsAbandoned
        case ..<85:
            let which = random.within(0...2)
            return .networkStalls(toServer: which != 1, toClient: which != 0)
        case ..<89: return .networkIsSlow(latency: random.milliseconds(atMost: 80))
        case ..<94: return .networkGivesPieces(bytes: random.within(1...3))
        default: return .brokerIsRestarted(away: random.milliseconds(atMost: 200))
        }
    }

    /// In a burst of messages, or of acknowledgements of 4 bytes; or in the greeting of the next connection.
    private mutating func cut() -> Fault {
        random.happens(percent: 50)
            ? .connectionIsCut(after: random.within(0...200), .toServer, random.ending())
            : .connectionIsCut(after: random.within(0...1500), .toClient, random.ending())
    }

    private mutating func loseDaemon(_ fault: Fault, mayReturn: Bool = true) {
        steps.append(.fault(fault))
        isAway = true
        isFrozen = false
        lostConnections = 0
        if mayReturn, random.happens(percent: 50) {
            steps.append(.daemonStarts)
            isAway = false
        }
    }

    private mutating func bringBack() {
        if isAway { steps.append(.daemonStarts) }
        if isFrozen { steps.append(.daemonGoesOn) }
        isAway = false
        isFrozen = false
    }

    // MARK: Burst

    private mutating func publish(atMost limit: Int) { publish(random.within(1...limit)) }

    private mutating func publish(_ count: Int) {
        let movements = (0..<count).map { _ in
            let gate = random.within(0...Self.gateCount - 1)
            // The first gate has an entry only.
            let isArrival = gate == 0 || present[gate] == 0 || random.within(0...99) < 55
            present[gate] += isArrival ? 1 : -1
            return Movement(gate: gate, isArrival: isArrival)
        }
        steps.append(.publish(movements))
    }

    private mutating func pause(atMost milliseconds: Int) {
        if random.happens(percent: 50) {
            steps.append(.pause(random.milliseconds(atMost: milliseconds)))
        }
    }
}

extension SeededRandom {
    fileprivate mutating func within(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &self)
    }

    fileprivate mutating func milliseconds(atMost limit: Int) -> Duration {
        .milliseconds(within(0...limit))
    }

    fileprivate mutating func ending() -> FaultProxy.Ending {
        happens(percent: 33) ? .close : .reset
    }
}
