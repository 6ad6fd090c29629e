import Configuration
import Logging
import Logs
import Occupancy
import Parking

/// Tells the log which facilities changed their state, fell silent or came back.
///
/// At a bounded rate: when a town of a thousand facilities comes back after an outage, one line says how many more there were.
struct FacilityAnnouncer {
    private let facilities: [Facility]
    private let logger: Logger
    private var rate = LogRate(eventsPerMinute: 120, burst: 60)

    init(facilities: [Facility], logger: Logger) {
        self.facilities = facilities
        self.logger = logger
    }

    mutating func announce(_ changes: [StatusBoard.Change], at now: Moment) {
        for change in changes {
            let before = change.before
            let after = change.after
            if after.isStale != before.isStale {
                if after.isStale {
                    say(.warning, "facility fell silent", change, at: now)
                } else {
                    say(.notice, "facility is heard again", change, at: now)
                }
            }
            if after.state != before.state { say(.info, "facility state changed", change, at: now) }
        }
    }

    private mutating func say(
        _ level: Logger.Level,
        _ message: Logger.Message,
        _ change: StatusBoard.Change,
        at now: Moment
    ) {
        guard case .log(let suppressed) = rate.admit(at: now.monotonicMilliseconds) else { return }
        let facility = facilities[change.facility]
        var metadata: Logger.Metadata = [
            "facility": "\(facility.id)",
            "state": "\(change.after.state.rawValue)",
            "was": "\(change.before.state.rawValue)",
        ]
        if let occupied = change.after.occupied {
            metadata["occupied"] = "\(occupied)/\(facility.capacity)"
        }
        if let observed = change.after.observedMilliseconds {
            metadata["observed"] = "\(RFC3339.text(observed))"
        }
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.log(level: level, message, metadata: metadata)
    }
}
