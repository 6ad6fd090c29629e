import Ingest
import LinuxSystem
import Occupancy
import Parking

/// Processor time of `Ingest.receive` alone: the stand-in broker's messages, without a broker and without MQTT.
///
/// Each of 20,000 bays changes once a round, a second later each time.
func measureReceive() -> [Figure] {
    let now = Moment.now()
    let plan: IngestPlan
    do {
        plan = try receivePlan()
    } catch {
        fatalError("the benchmark's own topic: \(error)")
    }
    let occupancy = LiveOccupancy(
        facilityCount: plan.facilities.count,
        bayLimit: BayMessages.bays,
        sensorLimit: 1,
        history: HistoryShape(stepMilliseconds: 60_000, stepCount: 1440)
    )
    let incidents = IncidentLog()
    let tally = IngestTally()
    let ingest = Ingest(plan: plan, occupancy: occupancy, incidents: incidents, tally: tally)
    var messages = BayMessages(startMilliseconds: now.wallMilliseconds - 3_600_000)
    // The first round makes the bays' names and every buffer.
    _ = receive(&messages, round: 0, ingest, tally, at: now)
    let figures = (0..<5).map { repetition in
        let rounds = 10
        let changed = (1...rounds).map { round in
            receive(&messages, round: repetition * rounds + round, ingest, tally, at: now)
        }
        let count = rounds * BayMessages.count
        precondition(changed.allSatisfy { $0.messages == BayMessages.count })
        return changed.reduce(0) { $0 + $1.microseconds } * 1000 / Double(count)
    }
    precondition(incidents.all.isEmpty, "\(incidents.all)")
    return [Figure(name: "nanoseconds_per_message", value: median(figures))]
}

private func receivePlan() throws -> IngestPlan {
    let rule = Rule(
        topic: try TopicPattern("bath/{facility}/bay/{bay}"),
        format: .json,
        facility: .capture("facility"),
        observed: .pointer("/time"),
        kind: .bay(bay: .capture("bay"), occupied: .pointer("/occupied"), words: .init([:]))
    )
    let facilities = facilities(count: BayMessages.facilities, capacity: BayMessages.bays)
    return IngestPlan(facilities: facilities, rules: [rule])
}

/// Hands over one round in batches of a thousand, and tells how many of its messages counted and how long that took.
private func receive(
    _ messages: inout BayMessages,
    round: Int,
    _ ingest: Ingest,
    _ tally: IngestTally,
    at now: Moment
) -> (messages: Int, microseconds: Double) {
    messages.begin(round: round)
    let before = ProcessUsage.now().processorMicroseconds
    let readings = tally.readings
    for number in 0..<BayMessages.count {
        ingest.receive(
            topic: messages.topics.span.extracting(messages.topicRange(number)),
            payload: messages.payloads.span.extracting(messages.payloadRange(number)),
            isRetained: false,
            at: now
        )
        if number % 1000 == 999 { ingest.commit() }
    }
    ingest.commit()
    return (tally.readings - readings, Double(ProcessUsage.now().processorMicroseconds - before))
}

/// One round of messages, side by side in memory.
private struct BayMessages {
    static let facilities = 40
    static let bays = 500
    static var count: Int { facilities * bays }

    private static let head = Array(#"{"occupied":"#.utf8)
    private static let middle = Array(#","time":""#.utf8)
    private static let tail = Array(#"","sensor":"xxxxxxxxxxxxxxxxxxx"}"#.utf8)

    private let startMilliseconds: Int64
    private(set) var topics: [UInt8] = []
    private(set) var payloads: [UInt8] = []
    private let topicBytes: Int
    private var payloadBytes = 0

    init(startMilliseconds: Int64) {
        self.startMilliseconds = startMilliseconds
        for number in 0..<Self.count {
            let facility = padded(number / Self.bays, digits: 5)
            let bay = padded(number % Self.bays, digits: 3)
            topics += Array("bath/f-\(facility)/bay/\(bay)".utf8)
        }
        topicBytes = topics.count / Self.count
    }

    mutating func begin(round: Int) {
        payloads.removeAll(keepingCapacity: true)
        for number in 0..<Self.count {
            payloads += Self.head
            payloads += Array(((round + number) % 2 == 0 ? "true " : "false").utf8)
            payloads += Self.middle
            RFC3339.append(startMilliseconds + Int64(round) * 1000, to: &payloads)
            payloads += Self.tail
        }
        payloadBytes = payloads.count / Self.count
    }

    /// Where the topic of a message stands in `topics`.
    func topicRange(_ number: Int) -> Range<Int> {
        number * topicBytes..<(number + 1) * topicBytes
    }

    /// Where the payload of a message stands in `payloads`.
    func payloadRange(_ number: Int) -> Range<Int> {
        number * payloadBytes..<(number + 1) * payloadBytes
    }
}
