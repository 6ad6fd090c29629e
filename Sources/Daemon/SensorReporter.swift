import Logging
import Logs
import Occupancy
import Parking

/// Tells the log which sensors fell silent, got stuck, have a low battery or a fault, and which are well again.
///
/// When a gateway dies, hundreds of sensors fall silent at once: that is one line, with their number and a few of their names. What the
/// rate holds back is added to a later line of its kind.
struct SensorReporter {
    private let rules: [Rule]
    private let sensors: SensorHealth
    private let logger: Logger
    private var rate = LogRate(eventsPerMinute: 30, burst: 15)
    private var pending: [SensorWatch.Change] = []
    private var isFull = false

    init(rules: [Rule], sensors: SensorHealth, logger: Logger) {
        self.rules = rules
        self.sensors = sensors
        self.logger = logger
    }

    /// Reports what changed.
    mutating func report(_ changes: [SensorWatch.Change], at now: Moment) {
        for change in changes { merge(change) }
        var held: [SensorWatch.Change] = []
        for change in pending {
            guard held.isEmpty, case .log = rate.admit(at: now.monotonicMilliseconds) else {
                held.append(change)
                continue
            }
            say(change)
        }
        pending = held
        if !isFull, sensors.untracked > 0 {
            isFull = true
            logger.warning(
                "no more sensors can be watched; the others are read, but nobody sees them fall silent",
                metadata: ["limit": "\(sensors.capacity)", "advice": "raise limits.sensors"]
            )
        }
    }

    private mutating func merge(_ change: SensorWatch.Change) {
        let twin = pending.firstIndex { $0.kind == change.kind && $0.rule == change.rule }
        guard let twin else { return pending.append(change) }
        pending[twin].count += change.count
        let room = SensorWatch.Change.named - pending[twin].first.count
        pending[twin].first += change.first.prefix(room)
    }

    private func say(_ change: SensorWatch.Change) {
        let names = change.first.map { sensors.name(of: $0) }
        let more = change.count > names.count ? " …" : ""
        var metadata: Logger.Metadata = [
            "count": "\(change.count)", "sensors": "\(names.joined(separator: " "))\(more)",
        ]
        if let rule = change.rule, rule < rules.count {
            metadata["rule"] = "\(rules.place(of: rule)) \(rules[rule].topic)"
        }
        logger.log(level: change.kind.level, change.kind.message, metadata: metadata)
    }
}

extension SensorWatch.Change.Kind {
    fileprivate var level: Logger.Level {
        switch self {
        case .silent, .stuck, .lowBattery, .faulty: .warning
        case .heard, .moving, .goodBattery, .faultless: .notice
        }
    }

    fileprivate var message: Logger.Message {
        switch self {
        case .silent: "sensors fell silent"
        case .heard: "sensors are heard again"
        case .stuck: "sensors say the same for too long"
        case .moving: "sensors say something else again"
        case .lowBattery: "batteries are low"
        case .goodBattery: "batteries are good again"
        case .faulty: "sensors report a fault"
        case .faultless: "sensors report no fault any more"
        }
    }
}

extension SensorHealth {
    /// The name of a sensor as text, cut.
    func name(of sensor: Int) -> String {
        withName(of: sensor) { name in
            Health.cut(name.indices.map { name[$0] })
        }
    }
}
