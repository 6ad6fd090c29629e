import Ingest
import Logging
import Logs
import Parking

/// Tells the log what was refused or noted: one line for each rule and reason, at a bounded rate, never with a payload.
struct IncidentReporter {
    private let rules: [Rule]
    private let incidents: IncidentLog
    private let logger: Logger
    private var rate = LogRate(eventsPerMinute: 30, burst: 15)
    private var pending: [IncidentLog.Entry] = []

    init(rules: [Rule], incidents: IncidentLog, logger: Logger) {
        self.rules = rules
        self.incidents = incidents
        self.logger = logger
    }

    /// Reports what happened since the last call; what the rate holds back is added to a later line of its kind.
    mutating func report(at now: Moment) {
        for entry in incidents.take() { merge(entry) }
        var held: [IncidentLog.Entry] = []
        for entry in pending {
            guard held.isEmpty, case .log = rate.admit(at: now.monotonicMilliseconds) else {
                held.append(entry)
                continue
            }
            say(entry)
        }
        pending = held
    }

    private mutating func merge(_ entry: IncidentLog.Entry) {
        // Sensors say many things that are not about parking, all day: that they do is said once.
        guard entry.incident.outcome != .ignored || entry.new == entry.total else { return }
        let twin = pending.firstIndex { $0.rule == entry.rule && $0.incident == entry.incident }
        guard let twin else { return pending.append(entry) }
        pending[twin].new += entry.new
        pending[twin].total = entry.total
        pending[twin].topic = entry.topic
    }

    private func say(_ entry: IncidentLog.Entry) {
        var metadata: Logger.Metadata = [
            "reason": "\(entry.incident.rawValue)",
            "topic": "\(String(decoding: entry.topic, as: UTF8.self))",
            "count": "\(entry.new)", "total": "\(entry.total)",
        ]
        if let rule = entry.rule {
            metadata["rule"] = "\(rules.place(of: rule)) \(rules[rule].topic)"
        }
        switch entry.incident.outcome {
        case .refused: logger.warning("messages refused", metadata: metadata)
        case .counted: logger.notice("messages counted with a remark", metadata: metadata)
        case .ignored: logger.info("messages ignored", metadata: metadata)
        }
    }
}
