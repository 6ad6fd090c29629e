import Journal
import Occupancy
import Parking
import Persistence
import SimulatedDisk
import TestSupport

@testable import Ingest

/// A deliberate bug, by which the simulation proves that it can fail.
enum Sabotage: String, CaseIterable {
    /// Acknowledgements leave before the batch is committed.
    case acknowledgesFirst = "acknowledge before commit"
    /// A new process knows nothing of what was delivered before.
    case forgetsWindow = "drop the digest window"
    /// A checkpoint forgets its batches first, and writes their pages then.
    case checkpointsInTwo = "checkpoint in two transactions"
}

/// What the simulation found to be wrong.
struct Wrong: Error, CustomStringConvertible {
    let description: String
}

/// Sensors, brokers, networks, a daemon, its disk and its clock, all from one seed.
///
/// The daemon's rooms are the real ones. Everything around them does what it is allowed to do at the worst moment: connections break with messages
/// and acknowledgements under way, brokers restart with and without their store, the process is killed, the machine loses power in the middle
/// of a write, the disk fails and fills up, the clock steps.
///
/// After each step what is counted equals the truth: the messages that counted, each once, in their order.
struct FaultyWorld {
    private let scenery: Scenery
    private let sabotage: Sabotage?
    private let place: SimulatedPlace
    private let clock = SimulatedClock()
    private var random: SeededRandom
    private var daemon: SimulatedDaemon?
    /// Where the feed is published: for one seed in eight, since that is a real disk.
    private let feedDirectory: ScratchDirectory?
    private var feed: SimulatedFeed?

    private var brokers: [SimulatedBroker]
    /// What is under way to the daemon and to the broker, for each session.
    private var toDaemon: [[Delivery]]
    private var toBroker: [[UInt16]]
    private var windows: [Int]

    private var truth: Truth
    /// What the disk may have, the likeliest last: more than one thing where a write failed, or the power did during one.
    private var durable: [[Truth.Counted]] = [[]]
    /// The truth's messages beyond these are not on the disk: there was none.
    private var isDegraded = false
    /// Sessions that began while there was no disk to say so.
    ///
    /// After a crash the journal has the window of the session before, and might take a message for one of that: an ambiguity that decision
    /// record 0007 admits. Here the broker then loses the session once more.
    private var unrecorded: Set<Int> = []
    private var published = 0
    private var promised: Set<Int> = []
    private var lostInOutage: Set<Int> = []
    private var sensors: Sensors
    private(set) var crashes = 0
    /// The last things that happened, for whoever has to find out why a seed fails.
    private(set) var trace: [String] = []

    init(seed: UInt64, sabotage: Sabotage? = nil) throws {
        self.sabotage = sabotage
        random = SeededRandom(seed: seed)
        scenery = try Scenery()
        feedDirectory = seed % 8 == 0 ? ScratchDirectory() : nil
        place = SimulatedPlace(
            seed: random.next(),
            makesTwoTransactions: sabotage == .checkpointsInTwo
        )
        let sessions = Int.random(in: 1...2, using: &random)
        let identifiers: SimulatedBroker.Identifiers =
            random.happens(percent: 70) ? .rotating : .lowest
        brokers = []
        for _ in 0..<sessions {
            brokers.append(SimulatedBroker(identifiers: identifiers, random: &random))
        }
        toDaemon = Array(repeating: [], count: sessions)
        toBroker = Array(repeating: [], count: sessions)
        windows = Array(repeating: 20, count: sessions)
        truth = Truth(scenery)
        sensors = Sensors(hasTwins: identifiers == .rotating)
        try start()
    }

    /// Does one thing that may happen, and checks what must be true.
    mutating func step() throws {
        clock.change { now in
            let milliseconds = Int64.random(in: 0...4000, using: &random)
            now.wallMilliseconds += milliseconds
            now.monotonicMilliseconds += milliseconds
        }
        switch Int.random(in: 0..<1000, using: &random) {
        case 0..<330: publish()
        case 330..<700: try receive()
        case 700..<800: acknowledge()
        case 800..<850: connect()
        case 850..<875: cutConnection()
        case 875..<885: restartBroker()
        case 885..<915: try kill()
        case 915..<935: try losePower()
        case 935..<955: place.failPower(within: UInt64.random(in: 1...12, using: &random))
        case 955..<962: failDisk()
        case 962..<975: mendDisk()
        case 975..<982: stepClock()
        case 982..<990: try feed?.flush(truth: truth.occupancy, at: clock.now)
        default: try tick()
        }
        try check(isThorough: random.happens(percent: 3))
    }

    /// Lets everything come to rest, and checks that nothing is missing.
    mutating func finish() throws {
        place.mend()
        place.failPower(within: 0)
        clock.change { $0.monotonicMilliseconds += 120_000 }
        try tick()
        for _ in 0..<10_000 where brokers.contains(where: { $0.waiting > 0 }) {
            connect()
            try receive()
            acknowledge()
            try check(isThorough: false)
        }
        guard !brokers.contains(where: { $0.waiting > 0 }) else {
            throw Wrong(description: "messages wait for ever")
        }
        let counted = truth.counted.map(\.message.number)
        guard Set(counted).count == counted.count else {
            throw Wrong(description: "a message counted twice")
        }
        let forgotten = Set(brokers.flatMap(\.forgotten).map(\.number))
        let missing = promised.subtracting(counted).subtracting(forgotten)
            .subtracting(lostInOutage)
        guard missing.isEmpty else {
            throw Wrong(description: "messages \(missing.sorted()) were lost")
        }
        // And once more from the disk.
        try kill()
        try check(isThorough: true)
    }

    private mutating func note(_ event: String) {
        if trace.count == 60 { trace.removeFirst() }
        trace.append(event)
    }

    // MARK: The daemon

    private mutating func start() throws {
        var limits = OccupancyJournal.Limits()
        limits.batchBytes = Int.random(in: 200...4000, using: &random)
        limits.pendingBytes = Int.random(in: 100...1000, using: &random)
        limits.checkpointMilliseconds = 60_000
        for _ in 0..<50 {
            do throws(JournalError) {
                daemon = try SimulatedDaemon(
                    scenery,
                    at: place,
                    clock: clock,
                    sessions: brokers.count,
                    limits: limits,
                    forgetsWindow: sabotage == .forgetsWindow
                )
            } catch {
                // The service manager starts it again; the power may have failed meanwhile.
                daemon = nil
                if place.isOff { losePowerNow() } else { place.mend() }
                continue
            }
            guard !place.isOff else {
                daemon = nil
                losePowerNow()
                continue
            }
            return try recovered()
        }
        throw Wrong(description: "the daemon does not start")
    }

    /// Finds out which of the possible states the disk had.
    private mutating func recovered() throws {
        guard let daemon else { return }
        if let damage = daemon.report.damage {
            throw Wrong(description: "the journal was damaged: \(damage)")
        }
        var differences: [String] = []
        for log in durable.reversed() {
            let candidate = truth.after(log)
            let difference =
                candidate.difference(to: daemon.occupancy, isThorough: true)
                ?? differenceOfMarks(of: log, to: daemon)
            guard let difference else {
                if isDegraded { lostInOutage.formUnion(truth.counted.map(\.message.number)) }
                truth = candidate
                for session in brokers.indices {
                    let marks = daemon.journal.window(session: "\(session)").marks.all
                    note("  session \(session) remembers \(marks.map(\.packetIdentifier))")
                }
                isDegraded = !daemon.journal.health.isDurable
                feed = feedDirectory.map {
                    SimulatedFeed(scenery, daemon.occupancy, in: $0)
                }
                // The first feed is the last committed state.
                try feed?.flush(truth: truth.occupancy, at: clock.now)
                note("recovered \(log.count) of \(durable.map(\.count)), degraded \(isDegraded)")
                // A disk that can't be written to may show what it doesn't have: an fsync that failed leaves it in the cache.
                durable = isDegraded ? durable + [log] : [log]
                return
            }
            differences.append("after \(log.count): \(difference)")
        }
        throw Wrong(
            description: "the first state after a crash is none that was committed; "
                + differences.joined(separator: "; ")
        )
    }

    /// How what the journal remembers of the sessions differs from a log: messages that changed nothing differ in that alone.
    private func differenceOfMarks(
        of log: [Truth.Counted],
        to daemon: SimulatedDaemon
    ) -> String? {
        for session in brokers.indices {
            let newest = daemon.journal.window(session: "\(session)").marks.all.last
            let expected = log.last { $0.session == session && $0.identifier != 0 }
            if let newest, let expected, newest.packetIdentifier != expected.identifier {
                return "session \(session) remembers \(newest), not \(expected.identifier)"
            }
        }
        return nil
    }

    private mutating func end() {
        daemon = nil
        feed = nil
        for session in brokers.indices {
            drop(session)
            if unrecorded.remove(session) != nil { brokers[session].restart(keepsStore: false) }
        }
    }

    private mutating func kill() throws {
        note("kill")
        crashes += 1
        if place.isOff { return try losePower() }
        place.kill()
        end()
        try start()
    }

    private mutating func losePower() throws {
        if !place.isOff { crashes += 1 }
        losePowerNow()
        try start()
    }

    private mutating func losePowerNow() {
        note("power lost")
        if place.isOff { crashes += 1 }
        end()
        place.crash()
        clock.change { $0.monotonicMilliseconds = 5000 }
    }

    private mutating func tick() throws {
        daemon?.journal.tick()
        note("tick, trouble \(daemon?.journal.health.trouble.map { "\($0)" } ?? "none")")
        try settleAfterWriting(before: truth.counted)
    }

    /// What the disk may have after something was written to it, or was not.
    private mutating func settleAfterWriting(before: [Truth.Counted]) throws {
        guard let daemon else { return }
        if place.isOff {
            // Written or not: the disk knows.
            durable += [before, truth.counted]
            return try losePower()
        }
        if daemon.journal.health.isDurable, !hasPending {
            isDegraded = false
            unrecorded = []
            durable = [truth.counted]
        } else {
            durable += [before, truth.counted]
            isDegraded = isDegraded || !daemon.journal.health.isDurable
        }
    }

    /// Whether messages counted that nobody was promised, and that may not be written yet.
    private var hasPending: Bool {
        truth.counted.last.map { !$0.message.isPromised } ?? false
    }

    // MARK: Messages

    private mutating func publish() {
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let session = Int.random(in: brokers.indices, using: &random)
            let message = sensors.message(number: published, at: clock.now, &random)
            published += 1
            guard brokers[session].hasSession else { continue }
            if message.isPromised { promised.insert(message.number) }
            toDaemon[session] += brokers[session].publish(message)
        }
    }

    private mutating func receive() throws {
        guard let daemon else { return }
        let session = Int.random(in: brokers.indices, using: &random)
        let count = min(toDaemon[session].count, Int.random(in: 1...12, using: &random))
        guard count > 0 else { return }
        let batch = toDaemon[session].prefix(count)
        toDaemon[session].removeFirst(count)
        let now = clock.now
        for delivery in batch {
            let topic = Array(delivery.message.topic.utf8)
            let payload = Array(delivery.message.payload.utf8)
            let promise = Promise(
                packetIdentifier: delivery.identifier,
                mayBeRedelivery: delivery.isAgain
            )
            daemon.ingests[session].receive(
                topic: topic.span,
                payload: payload.span,
                promise: delivery.identifier == 0 ? nil : promise,
                at: now
            )
        }
        let acknowledgements = batch.map(\.identifier).filter { $0 != 0 }
        if sabotage == .acknowledgesFirst { leave(acknowledgements, session) }
        let before = truth.counted
        daemon.ingests[session].commit()
        let known = Set(truth.counted.map(\.message.number))
        var new: [Truth.Counted] = []
        for delivery in batch where !known.contains(delivery.message.number) {
            if new.contains(where: { $0.message.number == delivery.message.number }) { continue }
            new.append(
                Truth.Counted(
                    message: delivery.message,
                    moment: now,
                    session: session,
                    identifier: delivery.identifier
                )
            )
        }
        truth.count(new)
        let list = batch.map { "\($0.message.number):\($0.identifier)\($0.isAgain ? "d" : "")" }
        note("session \(session) received \(list), counted \(new.map(\.message.number))")
        try settleAfterWriting(before: before)
        // A process that has ended acknowledges nothing.
        if self.daemon === daemon, sabotage != .acknowledgesFirst {
            leave(acknowledgements, session)
        }
    }

    /// Acknowledgements leave; those that arrive before the connection breaks count for the broker.
    private mutating func leave(_ identifiers: [UInt16], _ session: Int) {
        if sabotage == .acknowledgesFirst {
            for identifier in identifiers { _ = brokers[session].acknowledge(identifier) }
        } else {
            toBroker[session] += identifiers
        }
    }

    private mutating func acknowledge() {
        for session in brokers.indices {
            let count = min(toBroker[session].count, Int.random(in: 1...20, using: &random))
            for identifier in toBroker[session].prefix(count) {
                toDaemon[session] += brokers[session].acknowledge(identifier)
            }
            toBroker[session].removeFirst(count)
        }
    }

    // MARK: Connections

    private mutating func connect() {
        guard let daemon else { return }
        for session in brokers.indices where !brokers[session].isConnected {
            let isOld = random.happens(percent: 10)
            windows[session] = isOld ? 20 : Int.random(in: 1...30, using: &random)
            let (sessionPresent, deliveries) = brokers[session].connect(window: windows[session])
            daemon.ingests[session].connected(
                sessionPresent: sessionPresent,
                isOrdered: !isOld
            )
            if !sessionPresent, !daemon.journal.health.isDurable { unrecorded.insert(session) }
            toDaemon[session] = deliveries
            note(
                "session \(session) connected, present \(sessionPresent), window \(windows[session]) \(isOld)"
            )
        }
    }

    /// The connection is gone, and with it what was under way.
    private mutating func drop(_ session: Int) {
        brokers[session].disconnect()
        toDaemon[session] = []
        // Some of it may have arrived.
        let count = Int.random(in: 0...toBroker[session].count, using: &random)
        for identifier in toBroker[session].prefix(count) {
            _ = brokers[session].acknowledge(identifier)
        }
        toBroker[session] = []
    }

    private mutating func cutConnection() {
        let session = Int.random(in: brokers.indices, using: &random)
        note("session \(session) cut")
        drop(session)
    }

    private mutating func restartBroker() {
        let session = Int.random(in: brokers.indices, using: &random)
        drop(session)
        let keepsStore = random.happens(percent: 80)
        note("broker \(session) restarts, keeps store \(keepsStore)")
        brokers[session].restart(keepsStore: keepsStore)
    }

    // MARK: Disk and clock

    private mutating func failDisk() {
        note("the disk fails")
        if random.happens(percent: 30) { return place.setFull(true) }
        let faults: [simulated_disk_fault] = [
            SIMULATED_DISK_IO_ERROR, SIMULATED_DISK_NO_SPACE, SIMULATED_DISK_SHORT_IO_ERROR,
            SIMULATED_DISK_SHORT_NO_SPACE,
        ]
        place.fail(
            after: UInt64.random(in: 1...20, using: &random),
            faults.randomElement(using: &random) ?? SIMULATED_DISK_IO_ERROR,
            count: random.happens(percent: 50) ? 1 : UInt64.random(in: 1...40, using: &random)
        )
    }

    private mutating func mendDisk() {
        note("the disk is mended")
        place.mend()
        clock.change { $0.monotonicMilliseconds += Int64.random(in: 0...70_000, using: &random) }
    }

    private mutating func stepClock() {
        clock.change { now in
            switch Int.random(in: 0..<10, using: &random) {
            case 0: now.wallMilliseconds = Int64.random(in: 0...3_600_000, using: &random)
            case 1: now.wallMilliseconds = 1_795_435_200_000
            case 2: now.wallMilliseconds = 4_000_000_000_000
            default:
                now.wallMilliseconds += Int64.random(in: -5_000_000...5_000_000, using: &random)
            }
            now.wallMilliseconds = max(0, now.wallMilliseconds)
        }
    }

    // MARK: What must be true

    /// - Parameter isThorough: Whether bays are recounted and histories compared, step by step.
    private func check(isThorough: Bool) throws {
        guard let daemon else { return }
        let difference = truth.difference(
            to: daemon.occupancy,
            isThorough: isThorough
        )
        if let difference {
            throw Wrong(description: difference)
        }
    }
}

/// Sensors that publish all kinds of readings.
struct Sensors {
    /// Whether messages of a gate are all alike, so that only the session tells a redelivery from another car.
    let hasTwins: Bool
    private var total = 0
    private var numbered = 0

    init(hasTwins: Bool) {
        self.hasTwins = hasTwins
    }

    mutating func message(
        number: Int,
        at now: Moment,
        _ random: inout SeededRandom
    ) -> Message {
        let mark = hasTwins ? "" : #""mark":\#(number)"#
        let comma = hasTwins ? "" : ","
        var message: Message
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<34: message = Message(number: number, topic: "gates/in", payload: "{\(mark)}")
        case 34..<36:
            numbered = (numbered + Int.random(in: 0...2, using: &random)) % 256
            let counts = #"[{"in":1},{"in":"?"},{"in":3}]"#
            let payload = #"{"counts":\#(counts),"n":\#(numbered)\#(comma)\#(mark)}"#
            message = Message(number: number, topic: "gates/several", payload: payload)
        case 36..<38:
            let distance = Int.random(in: 70...150, using: &random)
            let bay = Int.random(in: 0..<3, using: &random)
            let payload = #"{"o":\#(distance)\#(comma)\#(mark)}"#
            message = Message(number: number, topic: "zoned/distance/\(bay)", payload: payload)
        case 38..<44:
            let zone = ["north", "south", "east"].randomElement(using: &random) ?? "north"
            let bay = Int.random(in: 0..<5, using: &random)
            let badge = random.happens(percent: 30) ? #","d":1"# : ""
            let payload = #"{"o":\#(Bool.random(using: &random))\#(badge)\#(comma)\#(mark)}"#
            message = Message(number: number, topic: "zoned/zone/\(zone)/\(bay)", payload: payload)
        case 44..<55: message = Message(number: number, topic: "gates/out", payload: "{\(mark)}")
        case 55..<75:
            let delay =
                random.happens(percent: 20) ? Int64.random(in: 0...900_000, using: &random) : 0
            let bay = Int.random(in: 0..<34, using: &random)
            let time = max(0, now.wallMilliseconds - delay)
            let payload = #"{"o":\#(Bool.random(using: &random)),"t":\#(time)\#(comma)\#(mark)}"#
            message = Message(number: number, topic: "bays/bay/\(bay)", payload: payload)
        case 75..<85:
            total = (total + Int.random(in: 0...9, using: &random)) % 4096
            if random.happens(percent: 3) { total = 0 }
            let lane = Int.random(in: 0..<7, using: &random)
            let payload = #"{"in":\#(total),"out":\#(total / 2)\#(comma)\#(mark)}"#
            message = Message(number: number, topic: "counted/count/\(lane)", payload: payload)
        case 85..<90:
            let level = Int.random(in: -3...45, using: &random)
            let payload = #"{"o":\#(level),"t":\#(now.wallMilliseconds)\#(comma)\#(mark)}"#
            message = Message(number: number, topic: "levels/level", payload: payload)
        case 90..<94:
            let state = ["open", "closed", "fault", "?"].randomElement(using: &random) ?? "open"
            let payload = #"{"s":"\#(state)"\#(comma)\#(mark)}"#
            message = Message(number: number, topic: "levels/state", payload: payload)
        default:
            numbered = (numbered + Int.random(in: 0...2, using: &random)) % 256
            let payload = #"{"in":2,"n":\#(numbered)\#(comma)\#(mark)}"#
            message = Message(number: number, topic: "counted/numbered", payload: payload)
        }
        message.isPromised = random.happens(percent: 90)
        return message
    }
}
