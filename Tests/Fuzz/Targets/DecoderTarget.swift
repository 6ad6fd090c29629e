import Configuration
import Glibc
import Parking

@testable import Daemon
@testable import Ingest
@testable import Occupancy

/// Messages under the rules of a file in `Tests/Fuzz/Rules`, through the whole stream: routed, decoded, kept as records, applied,
/// shown by `explain`, and applied once more from the records as a restart would.
///
/// An input is what `mosquitto_sub -v` prints, a topic, a space and a payload on each line, where before the topic
/// `!` marks a retained message and `=` one that the broker may have delivered before; and a line of `@` and a number lets so
/// many seconds pass, backwards as well.
struct DecoderTarget: FuzzTarget {
    private static let start: Int64 = 1_795_435_200_000  // 2026-11-23T12:00:00Z

    /// The plan of the rules; its occupancy is not used, since each input begins with an empty one.
    private let house: House
    /// An empty one is large, and is shared by all inputs until a message is promised.
    private let window = DeliveryWindow()

    /// A target of the rules in a file of this name, without its extension.
    init(rules name: String) {
        self.init { () throws(ConfigurationError) in
            try Configuration.load(path: Folders.rules + "/\(name).yaml")
        }
    }

    /// A target of every profile that is delivered, each under a topic of its own: `profile/NAME/DEVICE`.
    static var profiles: DecoderTarget {
        DecoderTarget { () throws(ConfigurationError) in
            let rules = Folders.names(in: Folders.profiles).map { name in
                let profile = name.split(separator: ".")[0]
                return "  - {topic: \"profile/\(profile)/{device}\", profile: \(profile)}\n"
            }
            return try Configuration.parse(
                Folders.text(Folders.rules + "/profiles.yaml") + rules.joined(),
                file: Folders.rules + "/profiles.yaml",
                read: { path, _ throws(UnreadableFile) in
                    let name = path.split(separator: "/").last ?? ""
                    let isProfile = name.hasSuffix(".yaml")
                    return try Folders.bytes(isProfile ? "\(Folders.profiles)/\(name)" : path)
                }
            )
        }
    }

    private init(_ configuration: () throws(ConfigurationError) -> Configuration) {
        do throws(ConfigurationError) {
            house = House(try configuration())
        } catch {
            fatalError("\(error)")
        }
    }

    func run(_ input: [UInt8]) throws(Violation) {
        let occupancy = emptyOccupancy()
        let incidents = IncidentLog()
        let tally = IngestTally()
        let log = KeepingLog(occupancy)
        let ingest = Ingest(
            plan: house.plan,
            occupancy: occupancy,
            incidents: incidents,
            tally: tally,
            health: SensorHealth(
                capacity: house.configuration.limits.sensors,
                limits: house.configuration.rules.map { HealthLimits($0.health) },
                start: Moment(recordedMilliseconds: Self.start)
            ),
            log: log,
            window: window
        )
        var now = Moment(recordedMilliseconds: Self.start)
        var messages = 0
        var isSteady = true
        for line in input.split(separator: 0x0A).prefix(256) {
            if line.first == UInt8(ascii: "@") {
                let before = now
                now.wait(seconds: line.dropFirst())
                if now.wallMilliseconds < before.wallMilliseconds { isSteady = false }
                continue
            }
            let message = Message(line)
            messages += 1
            message.send(to: ingest, number: messages, at: now)
            if messages.isMultiple(of: 3) { ingest.commit() }
            if messages <= 2 { try message.explain(house.plan, at: now) }
        }
        ingest.commit()
        try require(tally.messages == messages, "\(tally.messages) of \(messages) messages")
        try OccupancyCheck(occupancy).run()
        try checkNames(occupancy)
        try checkIncidents(incidents)
        let again = emptyOccupancy()
        try log.apply(to: again, partCount: occupancy.parts.count, at: now)
        try OccupancyCheck(occupancy).compare(again, at: now, isSteady: isSteady)
        try checkBoard(occupancy, at: now)
    }

    private func emptyOccupancy() -> LiveOccupancy {
        let configuration = house.configuration
        return LiveOccupancy(
            facilities: configuration.facilities,
            bayLimit: configuration.limits.bays,
            sensorLimit: configuration.limits.sensors,
            history: house.occupancy.historyShape
        )
    }

    /// Names are within their bounds, and so is their number.
    private func checkNames(_ occupancy: LiveOccupancy) throws(Violation) {
        let limits = house.configuration.limits
        try require(
            occupancy.bays.count <= limits.bays * occupancy.facilityCount,
            "\(occupancy.bays.count) bays"
        )
        try require(occupancy.counters.count <= limits.sensors, "too many counting sensors")
        try require(occupancy.sequences.count <= limits.sensors, "too many numbering sensors")
        for bay in 0..<occupancy.bays.count {
            let count = occupancy.withName(ofBay: bay) { name, _ in name.count }
            let isName = (1...Decoder.maximumNameBytes).contains(count)
            try require(isName, "a bay's name of \(count) bytes")
        }
    }

    private func checkIncidents(_ incidents: IncidentLog) throws(Violation) {
        let entries = incidents.all
        let bound = (house.plan.rules.count + 1) * Incident.allCases.count
        try require(entries.count <= bound, "\(entries.count) entries of incidents")
        for entry in entries {
            try require(entry.topic.count <= IncidentLog.topicBytes, "a topic that is not cut")
            try require(entry.total > 0, "an incident that never happened")
        }
    }

    /// What a feed takes from it is within its bounds.
    private func checkBoard(_ occupancy: LiveOccupancy, at now: Moment) throws(Violation) {
        let facilities = house.plan.facilities
        var board = StatusBoard(
            facilities: facilities,
            occupancy: occupancy,
            trendWindow: house.configuration.history.trendWindow
        )
        _ = board.refresh(at: now)
        for (facility, status) in zip(facilities, board.statuses) {
            guard let free = status.free(capacity: facility.capacity) else { continue }
            let isFree = (0...facility.capacity).contains(free)
            try require(isFree, "\(free) of \(facility.capacity) free")
        }
        for facility in facilities.indices { _ = board.history(of: facility, at: now) }
    }
}

/// One line of an input.
private struct Message {
    let topic: [UInt8]
    let payload: [UInt8]
    let isRetained: Bool
    let mayBeRedelivery: Bool

    init(_ line: ArraySlice<UInt8>) {
        isRetained = line.first == UInt8(ascii: "!")
        mayBeRedelivery = line.first == UInt8(ascii: "=")
        let text = isRetained || mayBeRedelivery ? line.dropFirst() : line
        let end = text.firstIndex(of: UInt8(ascii: " ")) ?? text.endIndex
        topic = Array(text[..<end])
        payload = Array(text[end...].dropFirst())
    }

    func send(to ingest: Ingest, number: Int, at now: Moment) {
        // Few identifiers, so that they come again.
        let promise = Promise(
            packetIdentifier: UInt16(number % 3 + 1),
            mayBeRedelivery: mayBeRedelivery
        )
        ingest.receive(
            topic: topic.span,
            payload: payload.span,
            promise: mayBeRedelivery ? promise : nil,
            isRetained: isRetained,
            at: now
        )
    }

    /// What a person is told about the message stands on lines that a terminal shows.
    func explain(_ plan: IngestPlan, at now: Moment) throws(Violation) {
        let explanation = plan.explain(topic: topic.span, payload: payload.span, at: now)
        let isAnswer =
            explanation.incident != nil
            || explanation.attempts.contains { attempt in
                attempt.incident != nil || attempt.health != nil || !attempt.conditions.isEmpty
                    || attempt.isMeant
            }
        try require(isAnswer, "neither a reading nor a reason")
        let topic = String(decoding: topic, as: UTF8.self)
        for line in Commands.lines(explanation, plan, topic: topic) {
            let isVisible = line.unicodeScalars.allSatisfy { $0.isVisible }
            try require(isVisible, "a terminal can be disturbed: \(line.debugDescription)")
        }
    }
}

/// A log that keeps the records of every batch.
private final class KeepingLog: CommitLog {
    private(set) var batches: [[UInt8]] = []
    private var touched: Touched

    init(_ occupancy: LiveOccupancy) { touched = Touched(occupancy) }

    func commit(_ batch: borrowing Batch, apply: (inout Touched) -> Void) {
        batches.append(batch.records)
        apply(&touched)
    }

    func sessionBegan() {}

    /// What a restart makes of the records.
    func apply(
        to occupancy: LiveOccupancy,
        partCount: Int,
        at now: Moment
    ) throws(Violation) {
        var touched = Touched(occupancy)
        var applier = ReadingApplier(occupancy: occupancy)
        for records in batches {
            do {
                try applier.apply(
                    records.span,
                    facilities: Array(0..<partCount),
                    at: now,
                    touched: &touched
                )
            } catch {
                throw Violation("a record that was written can't be read: \(error)")
            }
        }
    }
}

extension Moment {
    /// Lets time pass on the wall clock, or steps it back; the other clock only goes on.
    fileprivate mutating func wait(seconds text: ArraySlice<UInt8>) {
        guard let seconds = Int64(String(decoding: text, as: UTF8.self)),
            abs(seconds) < 4_000_000_000
        else { return }
        wallMilliseconds = max(0, wallMilliseconds + seconds * 1000)
        monotonicMilliseconds += max(0, seconds) * 1000
    }
}
