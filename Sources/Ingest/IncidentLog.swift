import Parking
import Synchronization

/// How many messages each thing went wrong with, by rule, with the last topic that it happened on.
///
/// **Shape.** One entry for each rule and incident that occurred: as many as the configuration allows and no message
/// can add to. The payload is never kept: it may hold a number plate.
///
/// **Threads.** `record` from the ingest threads, `take` from the one that logs. A mutex, since an incident is not the stream: a copy
/// of a topic and a search of a few entries, while nobody else but the logger once a second wants it.
public final class IncidentLog: Sendable {
    /// What happened since it was last told.
    public struct Entry: Equatable, Sendable {
        /// The number of the rule, or nil where no rule matched.
        public let rule: Int?
        /// What went wrong.
        public let incident: Incident
        /// The topic that it last happened on, as bytes from the network; cut to 200 bytes.
        public var topic: [UInt8]
        /// How often it happened since the process began.
        public var total: Int
        /// How often it happened since the last ``IncidentLog/take()``.
        public var new: Int
    }

    /// The most bytes of a topic that are kept.
    public static let topicBytes = 200

    /// The last messages that were refused.
    public let quarantine = Quarantine()

    /// The devices that the registry does not have.
    public let unknownDevices: UnknownDevices

    private let entries = Mutex<[Entry]>([])

    /// A log of nothing.
    ///
    /// - Parameter unknownDevices: The most devices that are kept of those that the registry does not have.
    public init(unknownDevices: Int = 1000) {
        self.unknownDevices = UnknownDevices(capacity: unknownDevices)
    }

    /// Counts an incident, or several of a kind at once.
    func record(_ incident: Incident, rule: Int?, topic: Span<UInt8>, count: Int = 1) {
        entries.withLock { entries in
            var place = entries.firstIndex { $0.incident == incident && $0.rule == rule }
            if place == nil {
                entries.append(Entry(rule: rule, incident: incident, topic: [], total: 0, new: 0))
                place = entries.count - 1
            }
            guard let place else { return }
            entries[place].total += count
            entries[place].new += count
            entries[place].topic.removeAll(keepingCapacity: true)
            for index in 0..<min(topic.count, Self.topicBytes) {
                entries[place].topic.append(topic[index])
            }
        }
    }

    /// Counts an incident, and keeps what the message looked like if it was refused and its like was not seen a moment ago.
    ///
    /// - Parameter shape: Makes the shape of its payload, where that is still at hand.
    func note(
        _ incident: Incident,
        rule: Int?,
        topic: Span<UInt8>,
        count: Int = 1,
        at now: Moment,
        shape: () -> String? = { nil }
    ) {
        record(incident, rule: rule, topic: topic, count: count)
        guard incident.isRefusal, quarantine.admits(incident, rule: rule, at: now) else { return }
        quarantine.keep(incident, rule: rule, topic: topic, shape: shape(), at: now)
    }

    /// What happened since the last call, the most frequent first.
    public func take() -> [Entry] {
        entries.withLock { entries in
            let news = entries.filter { $0.new > 0 }.sorted { $0.new > $1.new }
            for index in entries.indices { entries[index].new = 0 }
            return news
        }
    }

    /// Everything since the process began.
    public var all: [Entry] { entries.withLock { $0 } }

    /// How many messages were refused since the process began, wholly or in part.
    public var refusals: Int {
        entries.withLock { $0.reduce(0) { $0 + ($1.incident.isRefusal ? $1.total : 0) } }
    }
}
