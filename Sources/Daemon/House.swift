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
            limits: configuration.rules.map { HealthLimits($0.health) },
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

    /// Has every device of the list watched, whether it was heard or not.
    ///
    /// Which rule will read a device is not known before its first message: until then the most patient one measures it.
    func expectDevices() {
        guard let devices = configuration.devices?.devices else { return }
        var patient: (rule: Int, silence: Duration)?
        for (number, rule) in configuration.rules.enumerated() {
            guard case .device = rule.subject, let silence = rule.health?.silentAfter,
                silence > patient?.silence ?? .zero
            else { continue }
            patient = (number, silence)
        }
        guard let patient else { return }
        for device in devices {
            let name = Array(device.identifier.utf8)
            sensors.expect(name.span, rule: patient.rule)
        }
    }

    /// Takes over what a former house knows of the sensors that are still asked for: since when they are silent is no question of ours.
    ///
    /// A sensor is still the same where a rule reads the same topics for the same subject, whatever else it says now; and a device where
    /// the list has it.
    ///
    /// - Parameters:
    ///   - rules: The rules of that house.
    ///   - told: What the log was told of its sensors, by their names.
    /// - Returns: A watch that says nothing of it again.
    @discardableResult
    func inherit(
        _ former: SensorHealth,
        measuredBy rules: [Rule],
        told: [[UInt8]: SensorConditions] = [:]
    ) -> SensorWatch {
        let numbers = rules.map { rule in
            configuration.rules.firstIndex { $0.saysTheSame(as: rule) }
                ?? configuration.rules.firstIndex {
                    $0.topic == rule.topic && $0.subject == rule.subject
                }
        }
        let devices = Set(configuration.devices?.devices.map(\.identifier) ?? [])
        var kept: [[UInt8]: SensorConditions] = [:]
        sensors.adopt(former) { sensor, rule in
            guard rules.indices.contains(rule), let number = numbers[rule] else { return nil }
            let name = sensor.indices.map { sensor[$0] }
            if case .device = rules[rule].subject {
                guard devices.contains(String(decoding: name, as: UTF8.self)) else { return nil }
            }
            kept[name] = told[name]
            return number
        }
        return SensorWatch(over: sensors, told: kept, at: .now())
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

extension Rule {
    /// Whether it is the same rule as another, wherever the configuration has either.
    fileprivate func saysTheSame(as other: Rule) -> Bool {
        var moved = other
        moved.place = place
        return self == moved
    }
}

extension HealthLimits {
    /// What a rule says of its sensors.
    init(_ health: Rule.Health?) {
        self.init(
            silentAfter: health?.silentAfter,
            stuckAfter: health?.stuckAfter,
            lowBatteryVolts: health?.lowBatteryVolts
        )
        if let percent = health?.lowBatteryPercent { lowBatteryPercent = percent }
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
