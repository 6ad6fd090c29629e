import Configuration
import Logging
import Logs
import Occupancy
import Parking

/// Tells the log which facilities changed their state, fell silent or came back.
///
/// At a bounded rate: when a town of a thousand facilities comes back after an outage, one line says how many more there were.
struct FacilityAnnouncer {
    /// What the log was told last of a facility.
    struct Told: Equatable, Sendable {
        var state = FacilityState.unknown
        var isStale = false
    }

    /// By the numbers of the facilities.
    private var told: [Told]
    private let facilities: [Facility]
    private let logger: Logger
    private var isFirst = true
    private var rate = LogRate(eventsPerMinute: 120, burst: 60)

    /// - Parameter told: What was told before a reload.
    init(
        facilities: [Facility],
        told: [FacilityIdentifier: Told] = [:],
        logger: Logger
    ) {
        self.facilities = facilities
        self.told = facilities.map { told[$0.id] ?? Told() }
        self.logger = logger
    }

    /// What was told last, for the one after this.
    var legacy: [FacilityIdentifier: Told] {
        Dictionary(zip(facilities.map(\.id), told), uniquingKeysWith: { first, _ in first })
    }

    /// Tells what is another than was told before.
    ///
    /// - Parameter changed: The numbers of the facilities that may be; at the first call any may.
    mutating func announce(_ statuses: [FacilityStatus], changed: [Int], at now: Moment) {
        for facility in isFirst ? Array(statuses.indices) : changed {
            let status = statuses[facility]
            let before = told[facility]
            told[facility] = Told(state: status.state, isStale: status.isStale)
            if status.isStale != before.isStale {
                if status.isStale {
                    say(.warning, "facility fell silent", facility, status, before, at: now)
                } else {
                    say(.notice, "facility is heard again", facility, status, before, at: now)
                }
            }
            if status.state != before.state {
                say(.info, "facility state changed", facility, status, before, at: now)
            }
        }
        isFirst = false
    }

    private mutating func say(
        _ level: Logger.Level,
        _ message: Logger.Message,
        _ number: Int,
        _ status: FacilityStatus,
        _ before: Told,
        at now: Moment
    ) {
        guard case .log(let suppressed) = rate.admit(at: now.monotonicMilliseconds) else { return }
        let facility = facilities[number]
        var metadata: Logger.Metadata = [
            "facility": "\(facility.id)",
            "state": "\(status.state.rawValue)",
            "was": "\(before.state.rawValue)",
        ]
        if let occupied = status.occupied {
            metadata["occupied"] = "\(occupied)/\(facility.capacity)"
        }
        if let observed = status.observedMilliseconds {
            metadata["observed"] = "\(RFC3339.text(observed))"
        }
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.log(level: level, message, metadata: metadata)
    }
}
