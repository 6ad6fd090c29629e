import Ingest
import Logging
import Logs
import Occupancy
import Parking
import Synchronization
import Testing

@testable import Daemon

/// What was logged, line by line.
final class Lines: Sendable {
    // A mutex, since a logger may be called from any thread.
    private let lines = Mutex<[String]>([])

    var logger: Logger {
        Logger(label: "test") { _ in
            LineLogHandler(style: .journal, wallMilliseconds: { 0 }) { line in
                self.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
        }
    }

    func take() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}

@Suite struct Reporters {
    private func facility(_ id: String = "podium") throws -> Facility {
        Facility(id: try #require(FacilityIdentifier(id)), name: "Podium", capacity: 10)
    }

    private func at(_ milliseconds: Int64) -> Moment { Moment(recordedMilliseconds: milliseconds) }

    @Test func `a change of state is one line, and a change of count none`() throws {
        let lines = Lines()
        var announcer = FacilityAnnouncer(facilities: [try facility()], logger: lines.logger)
        var after = FacilityStatus.unknown
        after.occupied = 3
        after.state = .open
        after.observedMilliseconds = 1_795_414_365_000
        announcer.announce([after], changed: [0], at: at(0))
        #expect(
            lines.take() == [
                "<6>facility state changed facility=podium observed=2026-11-23T06:12:45Z occupied=3/10 state=open was=unknown\n"
            ]
        )
        var more = after
        more.occupied = 4
        announcer.announce([more], changed: [0], at: at(0))
        #expect(lines.take().isEmpty)
    }

    @Test func `after a reload only what is another than before is said`() throws {
        let lines = Lines()
        let facilities = try ["same", "other", "lost", "new"].map { try facility($0) }
        func status(_ state: FacilityState, isStale: Bool = false) -> FacilityStatus {
            FacilityStatus(
                occupied: nil,
                observedMilliseconds: nil,
                state: state,
                trend: nil,
                isStale: isStale
            )
        }
        var former = FacilityAnnouncer(
            facilities: Array(facilities.prefix(3)),
            logger: lines.logger
        )
        let before = [status(.open, isStale: true), status(.open), status(.open)]
        former.announce(before, changed: [0, 1, 2], at: at(0))
        _ = lines.take()
        var announcer = FacilityAnnouncer(
            facilities: facilities.reversed(),
            told: former.legacy,
            logger: lines.logger
        )
        let after: [FacilityStatus] = [
            status(.open), .unknown, status(.full), status(.open, isStale: true),
        ]
        // What is as it was on an empty board has not changed there.
        announcer.announce(after, changed: [0, 2, 3], at: at(0))
        #expect(
            lines.take() == [
                "<6>facility state changed facility=new state=open was=unknown\n",
                "<6>facility state changed facility=lost state=unknown was=open\n",
                "<6>facility state changed facility=other state=full was=open\n",
            ]
        )
    }

    @Test func `silence is said once, and its end`() throws {
        let lines = Lines()
        var announcer = FacilityAnnouncer(facilities: [try facility()], logger: lines.logger)
        var silent = FacilityStatus.unknown
        silent.isStale = true
        announcer.announce([silent], changed: [0], at: at(0))
        announcer.announce([.unknown], changed: [0], at: at(0))
        let said = lines.take()
        #expect(said.count == 2)
        #expect(said.first?.hasPrefix("<4>facility fell silent ") == true)
        #expect(said.last?.hasPrefix("<5>facility is heard again ") == true)
    }

    @Test func `a thousand facilities at once are a few lines and a number`() throws {
        let lines = Lines()
        let facilities = try (0..<1000).map { try facility("f\($0)") }
        var announcer = FacilityAnnouncer(facilities: facilities, logger: lines.logger)
        var statuses = facilities.map { _ in FacilityStatus.unknown }
        for number in statuses.indices { statuses[number].isStale = true }
        announcer.announce(statuses, changed: Array(statuses.indices), at: at(0))
        #expect(lines.take().count == 60)
        statuses[7].isStale = false
        announcer.announce(statuses, changed: [7], at: at(60_000))
        #expect(lines.take().first?.contains("suppressed=940") == true)
    }

    @Test
    func `refusals are counted by rule and reason, without a payload, control characters escaped`()
        throws
    {
        let rule = Rule(
            topic: try TopicPattern("a/{facility}"),
            format: .text,
            kind: .occupied(.pointer(""))
        )
        let facilities = [try facility()]
        let plan = IngestPlan(facilities: facilities, rules: [rule])
        let live = LiveOccupancy(
            facilityCount: 1,
            bayLimit: 1,
            sensorLimit: 1,
            history: HistoryShape(stepMilliseconds: 1000, stepCount: 10)
        )
        let incidents = IncidentLog()
        let ingest = Ingest(plan: plan, occupancy: live, incidents: incidents)
        let lines = Lines()
        var reporter = IncidentReporter(rules: [rule], incidents: incidents, logger: lines.logger)
        func send(_ topic: String, _ payload: String) {
            let topic = Array(topic.utf8)
            let payload = Array(payload.utf8)
            ingest.receive(
                topic: topic.span,
                payload: payload.span,
                isRetained: false,
                at: at(0)
            )
            ingest.commit()
        }
        for _ in 0..<500 { send("a/podium", "AB12 CDE") }
        send("b\n<0>forged", "AB12 CDE")
        reporter.report(at: at(0))
        let said = lines.take()
        #expect(said.count == 2)
        #expect(
            said.first
                == "<4>messages refused count=500 reason=\"field has the wrong type\" rule=\"rules[0] a/{facility}\" topic=a/podium total=500\n"
        )
        #expect(said.allSatisfy { !$0.contains("AB12") && $0.dropLast().allSatisfy { $0 != "\n" } })
        reporter.report(at: at(1000))
        #expect(lines.take().isEmpty)
    }

    @Test func `What is not about parking is said once, and not as a refusal`() throws {
        var rule = Rule(
            topic: try TopicPattern("a/{facility}"),
            format: .json,
            kind: .occupied(.pointer("/n"))
        )
        rule.conditions = [Rule.Condition(.pointer("/n"), .isPresent(true))]
        let facility = Facility(
            id: try #require(FacilityIdentifier("podium")),
            name: "Podium",
            capacity: 100
        )
        let incidents = IncidentLog()
        let ingest = Ingest(
            plan: IngestPlan(facilities: [facility], rules: [rule]),
            occupancy: LiveOccupancy(
                facilityCount: 1,
                bayLimit: 1,
                sensorLimit: 1,
                history: HistoryShape(stepMilliseconds: 1000, stepCount: 10)
            ),
            incidents: incidents
        )
        let lines = Lines()
        var reporter = IncidentReporter(rules: [rule], incidents: incidents, logger: lines.logger)
        let topic = Array("a/podium".utf8)
        let payload = Array(#"{"firmware":"0.29.2"}"#.utf8)
        for second in 0..<3 {
            ingest.receive(topic: topic.span, payload: payload.span, at: at(0))
            ingest.commit()
            reporter.report(at: at(Int64(second) * 5000))
        }
        #expect(
            lines.take() == [
                "<6>messages ignored count=1 reason=\"no rule's conditions hold\" rule=\"rules[0] a/{facility}\" topic=a/podium total=1\n"
            ]
        )
    }

    @Test func `a rule is called as the configuration has it`() throws {
        var rule = Rule(
            topic: try TopicPattern("a/{facility}"),
            format: .text,
            kind: .occupied(.pointer(""))
        )
        rule.place = "rules[1] (some-sensor[2])"
        let incidents = IncidentLog()
        let facilities = [try facility()]
        let ingest = Ingest(
            plan: IngestPlan(facilities: facilities, rules: [rule]),
            occupancy: LiveOccupancy(
                facilityCount: 1,
                bayLimit: 1,
                sensorLimit: 1,
                history: HistoryShape(stepMilliseconds: 1000, stepCount: 10)
            ),
            incidents: incidents
        )
        let topic = Array("a/podium".utf8)
        ingest.receive(topic: topic.span, payload: Array("?".utf8).span, at: at(0))
        let sensors = SensorHealth(capacity: 1, limits: [HealthLimits()], start: at(0))
        sensors.heard(topic.span, rule: 0, HealthReport(), at: at(0))
        let lines = Lines()
        var refusals = IncidentReporter(rules: [rule], incidents: incidents, logger: lines.logger)
        refusals.report(at: at(0))
        var changes = SensorReporter(rules: [rule], sensors: sensors, logger: lines.logger)
        changes.report(
            [SensorWatch.Change(kind: .silent, rule: 0, count: 1, first: [0])],
            at: at(0)
        )
        let said = lines.take()
        #expect(said.count == 2)
        for line in said {
            #expect(line.contains(#"rule="rules[1] (some-sensor[2]) a/{facility}""#), "\(line)")
        }
    }

    @Test func `a thread that hangs is said once, and when it goes on`() {
        let lines = Lines()
        let (progress, broker) = (FeedProgress(), BrokerStatus(name: "council"))
        var reporter = HangReporter(
            progress: progress,
            brokers: [broker, BrokerStatus(name: "never begun")],
            flushInterval: .seconds(5),
            logger: lines.logger
        )
        func isWell(at milliseconds: Int64) -> Bool { reporter.look(at: at(milliseconds)) }
        func flush(at milliseconds: Int64) {
            progress.flushed(
                isPublished: true,
                isFeedNew: true,
                trouble: nil,
                stale: 0,
                at: at(milliseconds)
            )
        }
        #expect(isWell(at: 0))
        flush(at: 0)
        broker.comesRound(within: .seconds(1), at: at(0))
        #expect(isWell(at: 61_000))
        #expect(!isWell(at: 61_001))
        #expect(lines.take().isEmpty)
        #expect(!isWell(at: 62_000))
        #expect(!isWell(at: 65_001))
        let said = lines.take()
        #expect(said.count == 1)
        #expect(said.first?.contains("threads=\"session with council\"") == true)
        broker.comesRound(within: .seconds(60), at: at(66_000))
        #expect(!isWell(at: 66_000))
        #expect(lines.take().isEmpty)
        flush(at: 67_000)
        #expect(isWell(at: 67_000))
        #expect(lines.take() == ["<5>the threads that hung go on\n"])
        // A process that was stopped finds everything late once.
        #expect(!isWell(at: 500_000))
        flush(at: 500_000)
        broker.comesRound(within: .seconds(1), at: at(500_000))
        #expect(isWell(at: 501_000))
        #expect(lines.take().isEmpty)
    }
}
