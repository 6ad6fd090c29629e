import Configuration
import Feeds
import Ingest
import LinuxSystem
import Occupancy
import Parking

extension Commands {
    /// Feeds recorded messages through the pipeline, then writes the feed.
    ///
    /// - Parameter output: The directory to write to; nil is the configured one.
    public static func replay(
        configurationPath: String,
        input: String,
        output: String?
    ) async -> ExitStatus {
        guard let configuration = load(configurationPath) else { return .configuration }
        var replay = Replay(configuration)
        do {
            try replay.read(input)
            try replay.publish(to: output)
        } catch {
            Console.error("\(error)")
            return .failure
        }
        for line in replay.summary { print(line) }
        if replay.lines == 0 {
            Console.error("\(input): has no messages; record with mosquitto_sub -F '%j'")
        }
        guard replay.problems == 0, replay.lines > 0 else { return .dataError }
        return .success
    }
}

/// Recorded messages through the same rooms as live ones, with the recorded time as the time of reception.
struct Replay {
    private let house: House
    private let ingest: Ingest
    private let tally = IngestTally()
    private var board: StatusBoard
    private var last: Moment?
    private(set) var lines = 0
    private(set) var problems = 0

    init(_ configuration: Configuration) {
        house = House(configuration)
        ingest = Ingest(
            plan: house.plan,
            occupancy: house.occupancy,
            incidents: house.incidents,
            tally: tally
        )
        board = house.board()
    }

    /// Reads a recording to its end; complains about the first ten lines that are none, and goes on.
    mutating func read(_ path: String) throws {
        let limits = house.configuration.limits
        // A byte of a payload is six at the most in JSON (\u00ff).
        let maximumBytes = 6 * (limits.payloadBytes + limits.topicBytes) + 1024
        var reader = try LineReader(path: path, maximumBytes: maximumBytes)
        let messages = RecordedMessage.Reader(
            maximumBytes: maximumBytes,
            maximumDepth: limits.jsonDepth
        )
        var number = 0
        while let line = try reader.next() {
            number += 1
            switch line {
            case .tooLong: complain(path, number, "is longer than \(maximumBytes) bytes")
            case .text(let text) where text.isEmpty: continue
            case .text(let text):
                lines += 1
                do {
                    take(try messages.message(text.span))
                } catch {
                    complain(path, number, "\(error)")
                }
            }
        }
    }

    private mutating func complain(_ path: String, _ line: Int, _ text: String) {
        problems += 1
        if problems <= 10 { Console.error("\(path):\(line): \(Console.visible(text))") }
    }

    private mutating func take(_ message: RecordedMessage) {
        let now = Moment(recordedMilliseconds: message.milliseconds)
        // Snapshots are taken as often as live, since states depend on those before.
        let interval = max(1, house.configuration.feed.interval.wholeMilliseconds)
        if let last, now.wallMilliseconds / interval != last.wallMilliseconds / interval {
            _ = board.refresh(at: last)
        }
        last = now
        ingest.receive(
            topic: message.topic.span,
            payload: message.payload.span,
            isRetained: message.isRetained,
            at: now
        )
        ingest.commit()
    }

    /// Writes the feed as it was at the last message.
    mutating func publish(to directory: String?) throws {
        let now = last ?? .now()
        _ = board.refresh(at: now)
        let settings = FeedSettings(house.configuration, directory: directory)
        var publisher = FeedPublisher(
            settings: settings,
            facilities: house.configuration.facilities
        )
        for (facility, status) in board.statuses.enumerated() {
            publisher.update(facility, status: status)
            publisher.markHistory(of: facility)
        }
        // A flush writes some of the histories only.
        var report: FlushReport
        repeat {
            report = publisher.flush(at: now) { board.history(of: $0, at: now) }
            if let problem = report.problems.first { throw problem }
        } while report.files > 0
    }

    /// What came of it, for a person.
    var summary: [String] {
        var lines = [
            "\(tally.messages) messages, \(tally.readings) readings, \(tally.late) late, \(house.incidents.refusals) refused"
        ]
        for entry in house.incidents.all.sorted(by: { $0.total > $1.total }) {
            let rule = entry.rule.map { house.configuration.rules.place(of: $0) } ?? "no rule"
            let topic = Console.visible(String(decoding: entry.topic, as: UTF8.self))
            let outcome = Health.Refusal.Outcome(entry.incident.outcome)
            let kind = outcome == .refused ? "" : " (\(outcome.rawValue))"
            lines.append(
                "  \(entry.total) × \(entry.incident.rawValue)\(kind), \(rule), last on \(topic)"
            )
        }
        for (facility, status) in zip(house.configuration.facilities, board.statuses) {
            let occupied = status.occupied.map(String.init) ?? "unknown"
            lines.append(
                "\(facility.id): \(occupied) of \(facility.capacity), \(status.state.rawValue)"
            )
        }
        return lines
    }
}
