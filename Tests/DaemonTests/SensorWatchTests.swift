import Occupancy
import Parking
import Testing

@testable import Daemon

@Suite struct `A watch over sensors` {
    private let sensors: SensorHealth
    private let start = Moment(recordedMilliseconds: 1_000_000)
    private let rules: [Rule]

    init() throws {
        let hour = HealthLimits(silentAfter: .seconds(3600), stuckAfter: .seconds(7200))
        sensors = SensorHealth(capacity: 500, limits: [hour, HealthLimits()], start: start)
        rules = try ["a/{facility}", "b/{facility}"].map {
            Rule(topic: try TopicPattern($0), format: .text, kind: .occupied(.pointer("")))
        }
    }

    private func later(_ seconds: Int64) -> Moment {
        Moment(recordedMilliseconds: start.monotonicMilliseconds + seconds * 1000)
    }

    private func hear(
        _ name: String,
        rule: Int = 0,
        _ report: HealthReport = HealthReport(),
        after seconds: Int64
    ) {
        let name = Array(name.utf8)
        sensors.heard(name.span, rule: rule, report, at: later(seconds))
    }

    @Test func `a gateway that dies is one line, and so is its return`() {
        let lines = Lines()
        var watch = SensorWatch()
        var reporter = SensorReporter(rules: rules, sensors: sensors, logger: lines.logger)
        for number in 0..<312 { hear("bay \(number)\n", after: 0) }
        reporter.report(watch.look(at: sensors, at: later(60)).changes, at: later(60))
        #expect(lines.take().isEmpty)
        let findings = watch.look(at: sensors, at: later(3601))
        #expect(findings.silent.total == 312)
        #expect(findings.silent.first == Array(0..<100))
        reporter.report(findings.changes, at: later(3601))
        #expect(
            lines.take() == [
                #"<4>sensors fell silent count=312 rule="rules[0] a/{facility}" sensors="bay 0\n bay 1\n bay 2\n bay 3\n bay 4\n …""#
                    + "\n"
            ]
        )
        reporter.report(watch.look(at: sensors, at: later(3700)).changes, at: later(3700))
        #expect(lines.take().isEmpty)
        for number in 0..<312 { hear("bay \(number)\n", after: 3800) }
        reporter.report(watch.look(at: sensors, at: later(3801)).changes, at: later(3801))
        #expect(lines.take().map { $0.prefix(35) } == ["<5>sensors are heard again count=31"])
    }

    @Test func `what begins and ends is told by rule and kind`() {
        var watch = SensorWatch()
        hear("a", HealthReport(battery: .percent(9), faults: .tamper), after: 0)
        hear("b", rule: 1, HealthReport(battery: .percent(9)), after: 0)
        let began = watch.look(at: sensors, at: later(1)).changes
        #expect(
            began == [
                SensorWatch.Change(kind: .lowBattery, rule: 0, count: 1, first: [0]),
                SensorWatch.Change(kind: .faulty, rule: 0, count: 1, first: [0]),
                SensorWatch.Change(kind: .lowBattery, rule: 1, count: 1, first: [1]),
            ]
        )
        hear("a", HealthReport(battery: .percent(90), faults: []), after: 2)
        let ended = watch.look(at: sensors, at: later(3)).changes
        #expect(ended.map(\.kind) == [.goodBattery, .faultless])
    }

    @Test func `a stuck sensor that falls silent does not say something else`() {
        var watch = SensorWatch()
        for seconds in stride(from: 0, to: 9000, by: 3000) as StrideTo<Int64> {
            hear("a", HealthReport(valueDigest: 7), after: seconds)
        }
        hear("a", HealthReport(valueDigest: 7), after: 9000)
        #expect(watch.look(at: sensors, at: later(9001)).changes.map(\.kind) == [.stuck])
        #expect(watch.look(at: sensors, at: later(20_000)).changes.map(\.kind) == [.silent])
        hear("a", HealthReport(valueDigest: 8), after: 20_001)
        #expect(watch.look(at: sensors, at: later(20_002)).changes.map(\.kind) == [.heard])
    }

    @Test func `after a reload nothing is said again, and what is allowed now ends in silence`() {
        var former = SensorWatch()
        for name in ["quiet", "back", "patient", "gone"] { hear(name, after: 0) }
        hear("empty", HealthReport(battery: .percent(9)), after: 4000)
        #expect(former.look(at: sensors, at: later(4000)).changes.map(\.count) == [4, 1])
        let told = former.told(of: sensors)
        #expect(told.count == 5)

        // Rule 0 allows an hour, rule 1 any silence; an expected sensor is another one than the one of that name before.
        let next = SensorHealth(
            capacity: 500,
            limits: [HealthLimits(silentAfter: .seconds(3600)), HealthLimits()],
            start: later(4000)
        )
        next.adopt(sensors) { name, _ in
            let name = String(decoding: name.indices.map { name[$0] }, as: UTF8.self)
            return name == "gone" ? nil : name == "patient" ? 1 : 0
        }
        var watch = SensorWatch(over: next, told: told, at: later(4000))
        #expect(watch.look(at: next, at: later(4001)).changes.isEmpty)
        #expect(watch.look(at: next, at: later(4001)).silent.total == 2)
        let back = Array("back".utf8)
        next.heard(back.span, rule: 0, at: later(4002))
        #expect(watch.look(at: next, at: later(4003)).changes.map(\.kind) == [.heard])
        #expect(watch.look(at: next, at: later(8000)).changes.map(\.count) == [2])
    }

    @Test func `a rate holds lines back and adds them to later ones`() {
        let lines = Lines()
        var reporter = SensorReporter(rules: rules, sensors: sensors, logger: lines.logger)
        hear("a", after: 0)
        let change = SensorWatch.Change(kind: .silent, rule: 0, count: 1, first: [0])
        for _ in 0..<100 { reporter.report([change], at: start) }
        #expect(lines.take().count == 15)
        reporter.report([], at: later(60))
        let said = lines.take()
        #expect(said.count == 1)
        #expect(said.first?.contains(" count=85 ") == true)
    }

    @Test func `sensors beyond the limit are said once`() {
        let lines = Lines()
        var reporter = SensorReporter(rules: rules, sensors: sensors, logger: lines.logger)
        for number in 0..<600 { hear("\(number)", after: 0) }
        for _ in 0..<3 { reporter.report([], at: start) }
        let said = lines.take()
        #expect(said.count == 1)
        #expect(said.first?.contains("limit=500") == true)
    }
}
