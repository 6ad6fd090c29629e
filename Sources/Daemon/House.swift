import Configuration
import Feeds
import Ingest
import LinuxSystem
import Occupancy
import Parking

/// The rooms that a configuration furnishes, the same for the daemon and for a replay.
struct House {
    let configuration: Configuration
    let plan: IngestPlan
    let occupancy: LiveOccupancy
    let incidents: IncidentLog
    let sensors: SensorHealth

    init(_ configuration: Configuration) {
        self.configuration = configuration
        let limits = configuration.limits
        incidents = IncidentLog(unknownDevices: limits.unknownDevices)
        sensors = SensorHealth(
            capacity: limits.sensors,
            limits: configuration.rules.map { _ in HealthLimits() },
            start: .now()
        )
        plan = IngestPlan(
            facilities: configuration.facilities,
            rules: configuration.rules,
            devices: configuration.devices ?? DeviceRegistry([]),
            limits: IngestLimits(
                payloadBytes: limits.payloadBytes,
                jsonDepth: limits.jsonDepth,
                topicBytes: limits.topicBytes
            )
        )
        occupancy = LiveOccupancy(
            facilities: configuration.facilities,
            bayLimit: limits.bays,
            sensorLimit: limits.sensors,
            history: HistoryShape(
                stepMilliseconds: configuration.history.step.wholeMilliseconds,
                stepCount: configuration.history.stepCount
            )
        )
    }

    /// A board of the statuses of all facilities.
    func board() -> StatusBoard {
        StatusBoard(
            facilities: configuration.facilities,
            occupancy: occupancy,
            trendWindow: configuration.history.trendWindow
        )
    }
}

extension Moment {
    /// This moment, by the kernel's clocks.
    static func now() -> Moment {
        Moment(
            wallMilliseconds: SystemClock.wallMilliseconds(),
            monotonicMilliseconds: SystemClock.monotonicMilliseconds()
        )
    }
}
