import Occupancy
import Parking
import Testing

/// What a test does with a table of sensors.
private final class Ward {
    static let noon: Int64 = 1_795_435_200_000  // 2026-11-23T12:00:00Z

    let health: SensorHealth
    var now = Moment(wallMilliseconds: Ward.noon, monotonicMilliseconds: 5_000)

    init(_ limits: [HealthLimits], capacity: Int = 10) {
        health = SensorHealth(capacity: capacity, limits: limits, start: now)
    }

    @discardableResult
    func hear(
        _ name: String,
        rule: Int = 0,
        _ report: HealthReport = HealthReport(),
        isRetained: Bool = false
    ) -> Bool {
        let name = Array(name.utf8)
        return health.heard(name.span, rule: rule, report, isRetained: isRetained, at: now)
    }

    @discardableResult
    func expect(_ name: String, rule: Int = 0) -> Bool {
        let name = Array(name.utf8)
        return health.expect(name.span, rule: rule)
    }

    func wait(_ duration: Duration) {
        now.wallMilliseconds += duration.wholeMilliseconds
        now.monotonicMilliseconds += duration.wholeMilliseconds
    }

    var conditions: [SensorConditions] {
        (0..<health.count).map { health.conditions(of: health.state(of: $0), at: now) }
    }

    var names: [String] {
        (0..<health.count).map { sensor in
            health.withName(of: sensor) { name in
                String(decoding: name.indices.map { name[$0] }, as: UTF8.self)
            }
        }
    }
}

@Suite struct `Sensor health` {
    private let hourly = HealthLimits(silentAfter: .seconds(3600), stuckAfter: .seconds(7200))

    @Test func `a table takes over what another one knows, under its own rules`() {
        let former = Ward([hourly, HealthLimits()])
        former.expect("never heard")
        former.hear("a", HealthReport(battery: .percent(12), faults: .tamper, valueDigest: 7))
        former.hear("gone", rule: 1)
        former.hear("a", HealthReport(clockError: 200_000))
        former.wait(.seconds(4000))
        let ward = Ward([HealthLimits(), hourly])
        ward.now = former.now
        ward.expect("a", rule: 0)
        ward.expect("new", rule: 1)
        ward.health.adopt(former.health) { _, rule in rule == 0 ? 1 : nil }
        #expect(ward.names == ["a", "new", "never heard"])
        let (before, after) = (former.health.state(of: 1), ward.health.state(of: 0))
        #expect(after.rule == 1)
        #expect(after.heardWallMilliseconds == Ward.noon)
        #expect(after.waitingMilliseconds == before.waitingMilliseconds)
        #expect(after.changedMilliseconds == before.changedMilliseconds)
        #expect(after.battery == .percent(12))
        #expect(after.faults == .tamper)
        #expect(after.clockError == 200_000)
        #expect(
            ward.conditions == [
                [.silent, .lowBattery, .faulty, .wrongClock], [.silent], [.silent],
            ]
        )
    }

    @Test func `what doesn't fit of another table is counted`() {
        let former = Ward([hourly])
        for name in ["a", "b", "c"] { former.hear(name) }
        let ward = Ward([hourly], capacity: 2)
        ward.health.adopt(former.health) { _, rule in rule }
        #expect(ward.names == ["a", "b"])
        #expect(ward.health.untracked == 1)
    }

    @Test func `a sensor is silent after its rule's time, and heard again with its next message`() {
        let ward = Ward([hourly])
        ward.hear("a")
        ward.wait(.seconds(3600))
        #expect(ward.conditions == [[]])
        ward.wait(.milliseconds(1))
        #expect(ward.conditions == [.silent])
        ward.hear("a")
        #expect(ward.conditions == [[]])
        #expect(ward.health.state(of: 0).heardWallMilliseconds == ward.now.wallMilliseconds)
    }

    @Test func `a step of the wall clock makes no sensor silent`() {
        let ward = Ward([hourly])
        ward.hear("a")
        ward.now.wallMilliseconds += 30 * 86_400_000
        #expect(ward.conditions == [[]])
    }

    @Test func `an expected sensor that never says anything falls silent, too`() {
        let ward = Ward([hourly])
        ward.expect("a")
        #expect(ward.health.state(of: 0).heardWallMilliseconds == nil)
        #expect(ward.conditions == [[]])
        ward.wait(.seconds(3601))
        #expect(ward.conditions == [.silent])
    }

    @Test func `a retained message is no sign of life`() {
        let ward = Ward([hourly])
        ward.hear("a", isRetained: true)
        ward.wait(.seconds(3000))
        ward.hear("a", HealthReport(battery: .percent(40)), isRetained: true)
        ward.wait(.seconds(601))
        #expect(ward.conditions == [.silent])
        #expect(ward.health.state(of: 0).heardWallMilliseconds == nil)
        #expect(ward.health.state(of: 0).battery == .percent(40))
    }

    @Test func `a rule without a time never calls a sensor silent or stuck`() {
        let ward = Ward([HealthLimits(silentAfter: .seconds(Int64.max))])
        ward.hear("a", HealthReport(valueDigest: 1))
        ward.hear("b", rule: 7, HealthReport(valueDigest: 1))
        ward.wait(.seconds(10 * 365 * 86_400))
        #expect(ward.conditions == [[], []])
    }

    @Test func `a sensor that says the same for too long is stuck, unless it is silent`() {
        let ward = Ward([hourly])
        for _ in 0..<4 {
            ward.hear("a", HealthReport(valueDigest: 1))
            ward.wait(.seconds(2401))
        }
        #expect(ward.conditions == [.stuck])
        ward.wait(.seconds(1200))
        #expect(ward.conditions == [.silent])
        ward.hear("a", HealthReport(valueDigest: 2))
        #expect(ward.conditions == [[]])
    }

    @Test func `the first rule with a time measures a sensor, whichever message came first`() {
        let ward = Ward([
            HealthLimits(), HealthLimits(silentAfter: .seconds(60)),
            HealthLimits(silentAfter: .seconds(90_000)),
        ])
        for rule in [2, 0, 1, 0, 2] { ward.hear("a", rule: rule) }
        #expect(ward.health.state(of: 0).rule == 1)
        ward.wait(.seconds(61))
        #expect(ward.conditions == [.silent])
        ward.hear("a", rule: 0)
        #expect(ward.conditions == [[]])
    }

    @Test func `what another rule reads of the sensor does not make it look alive`() {
        let ward = Ward([hourly, HealthLimits()])
        for digest in 0..<5 as Range<UInt64> {
            ward.hear("a", rule: 0, HealthReport(valueDigest: 9))
            ward.hear("a", rule: 1, HealthReport(valueDigest: digest))
            ward.wait(.seconds(1801))
        }
        #expect(ward.conditions == [.stuck])
    }

    @Test(arguments: [
        (Battery.percent(100), false), (.percent(15.5), false), (.percent(15), true),
        (.percent(0), true), (.volts(3.6), false), (.volts(3.1), true), (.low(false), false),
        (.low(true), true),
    ]) func `a battery is low by the limits of its rule`(battery: Battery, isLow: Bool) {
        let ward = Ward([HealthLimits(lowBatteryVolts: 3.2)])
        ward.hear("a", HealthReport(battery: battery))
        #expect(ward.conditions == [isLow ? .lowBattery : []])
    }

    @Test func `what a message does not say stays as it was`() {
        let ward = Ward([HealthLimits()])
        ward.hear("a", HealthReport(battery: .volts(2.5), faults: [.tamper, .obstructed]))
        ward.hear("a")
        let state = ward.health.state(of: 0)
        #expect(state.battery == .volts(2.5))
        #expect(state.faults.names == ["tamper", "obstructed"])
        #expect(ward.conditions == [.faulty])
        ward.hear("a", HealthReport(faults: []))
        #expect(ward.conditions == [[]])
    }

    @Test func `a clock that runs fast is seen, and how fast`() {
        let ward = Ward([HealthLimits()])
        ward.hear("a", HealthReport(clockError: 1_000))
        #expect(ward.health.state(of: 0).clockDrift == nil)
        ward.wait(.seconds(43_200))
        ward.hear("a", HealthReport(clockError: 31_000))
        #expect(ward.health.state(of: 0).clockError == 31_000)
        #expect(ward.health.state(of: 0).clockDrift == 60_000)
        #expect(ward.conditions == [[]])
        ward.hear("a", HealthReport(clockError: -SensorHealth.clockTolerance - 1))
        #expect(ward.conditions == [.wrongClock])
        ward.hear("a", HealthReport(clockError: .min))
        #expect(ward.conditions == [.wrongClock])
    }

    @Test func `sensors beyond the capacity are counted and not kept`() {
        let ward = Ward([hourly], capacity: 3)
        for number in 0..<10 { #expect(ward.hear("sensor \(number)") == (number < 3)) }
        #expect(!ward.expect("one more"))
        #expect(ward.hear("sensor 1"))
        #expect(ward.health.count == 3)
        #expect(ward.health.untracked == 8)
        #expect(ward.names == ["sensor 0", "sensor 1", "sensor 2"])
    }

    @Test func `many threads hear the same sensors, and each message is noted`() async {
        let ward = Ward([hourly], capacity: 100)
        let health = ward.health
        let noon = ward.now
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    for round in 0..<500 {
                        let name = Array("sensor \(round % 100)".utf8)
                        let flag = FaultFlags(rawValue: UInt8(1 << (thread % 2)))
                        health.heard(
                            name.span,
                            rule: thread,
                            HealthReport(faults: flag, valueDigest: UInt64(round)),
                            at: noon
                        )
                    }
                }
            }
        }
        #expect(health.count == 100)
        #expect(health.untracked == 0)
        for sensor in 0..<100 {
            let state = health.state(of: sensor)
            #expect(state.rule == 0)
            #expect(state.heardWallMilliseconds == noon.wallMilliseconds)
            #expect([.tamper, .fault].contains(state.faults))
        }
    }
}
