import Ingest
import Occupancy
import Parking
import Testing

@Suite struct Routing {
    private func matched(_ patterns: [String], _ topic: String) throws -> Int? {
        let level = Rule.Kind.occupied(.pointer(""))
        let rules = try patterns.map { try rule($0, facility: .constant("podium"), yields: level) }
        let topic = Array(topic.utf8)
        let payload = Array("1".utf8)
        return try Bench(rules).plan.explain(
            topic: topic.span,
            payload: payload.span,
            at: Moment(recordedMilliseconds: Bench.noon)
        ).attempts.first?.rule
    }

    // MQTT 5.0, section 4.7, non-normative examples and their neighbours.
    @Test(arguments: [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/tennis/player1/#", "sport/tennis/player10", false),
        ("sport/#", "sport", true), ("#", "sport", true), ("#", "/", true), ("#", "$SYS/a", false),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false), ("sport/+", "sport/", true), ("+/+", "/finance", true),
        ("/+", "/finance", true), ("+", "/finance", false), ("+", "finance", true),
        ("+/monitor/Clients", "$SYS/monitor/Clients", false), ("$SYS/#", "$SYS/a", true),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", true), ("a//b", "a//b", true),
        ("a/+/b", "a//b", true), ("a/b", "a/b/", false), ("a/b/", "a/b", false), ("/", "/", true),
        ("A", "a", false), ("{x}/+/{y}/#", "1/2/3", true), ("{x}/+/{y}/#", "1/2", false),
    ]) func `topics match as MQTT says`(filter: String, topic: String, matches: Bool) throws {
        #expect(try matched([filter], topic) == (matches ? 0 : nil))
    }

    @Test(arguments: [
        (["#", "a/b"], "a/b", 0), (["a/b", "#"], "a/b", 0), (["a/b", "#"], "a/c", 1),
        (["+/b", "a/+"], "a/b", 0), (["a/+", "+/b"], "a/b", 0), (["a/c", "+/b", "a/b"], "a/b", 1),
        (["a/#", "a/+/c", "a/b/c"], "a/b/c", 0), (["x", "a/+/c", "a/#"], "a/b/c", 1),
    ]) func `the first rule wins`(filters: [String], topic: String, rule: Int) throws {
        #expect(try matched(filters, topic) == rule)
    }

    @Test func `ten thousand literal rules are told apart`() throws {
        let patterns = (0..<10_000).map { "site/f\($0)/level" }
        for number in stride(from: 0, to: 10_000, by: 3331) {
            #expect(try matched(patterns, "site/f\(number)/level") == number)
        }
        #expect(try matched(patterns, "site/f10000/level") == nil)
    }

    @Test(arguments: [
        "a/../../etc/passwd", "bath/<script>/bay/1", "bath/\u{202E}/bay/1", "/", "bath//bay/1",
        "bath/podium/bay/", "bath/podium/bay/1/2", String(repeating: "/", count: 1024),
        String(repeating: "x", count: 3000),
        "bath/podium/bay/" + String(repeating: "y", count: 256),
        "bath/moon/bay/1",
    ]) func `hostile topics are refused and counted`(topic: String) throws {
        let bench = try Bench([bayRule()])
        bench.send(topic, #"{"occupied":true}"#)
        #expect(bench.incidents.refusals == 1)
        #expect(bench.occupied == nil)
    }

    @Test func `a flood of bay names is bounded`() throws {
        let bench = try Bench([bayRule()])
        for bay in 0..<1000 { bench.send("bath/podium/bay/\(bay)", #"{"occupied":true}"#) }
        #expect(bench.occupied == 50)
        #expect(bench.incidents.refusals == 950)
        #expect(bench.takeIncidents() == [.tooManyBays])
    }

    @Test(arguments: [(65_535, false), (65_536, false), (65_537, true)])
    func `a payload may be as large as the limit`(bytes: Int, isRefused: Bool) throws {
        let bench = try Bench([bayRule()])
        let head = #"{"occupied":true,"pad":""#
        let padding = String(repeating: "p", count: bytes - head.utf8.count - 2)
        bench.send("bath/podium/bay/1", head + padding + "\"}")
        #expect(bench.takeIncidents() == (isRefused ? [.payloadTooLarge] : []))
    }

    @Test func `an incident keeps the start of its topic and never the payload`() throws {
        let bench = try Bench([bayRule()])
        bench.send("bath/podium/bay/1", #"{"plate":"AB12 CDE"}"#)
        bench.send("elsewhere", "AB12 CDE")
        let entries = bench.incidents.all
        #expect(entries.map(\.rule) == [0, nil])
        #expect(
            entries.map { String(decoding: $0.topic, as: UTF8.self) } == [
                "bath/podium/bay/1", "elsewhere",
            ]
        )
        #expect(!"\(entries)".contains("AB12"))
    }

    @Test func `an explanation says what a message would do`() throws {
        let bench = try Bench([bayRule()])
        let topic = Array("bath/station/bay/B 7".utf8)
        let payload = Array(#"{"occupied":true,"time":"2026-11-23T11:00:00Z"}"#.utf8)
        let explanation = bench.plan.explain(
            topic: topic.span,
            payload: payload.span,
            at: bench.now
        )
        let attempt = try #require(explanation.attempts.first)
        #expect(attempt.rule == 0)
        let outcome = try #require(attempt.readings.first)
        #expect(outcome.part == "station")
        #expect(outcome.reading == .bay(occupied: true))
        #expect(outcome.bay == "B 7")
        #expect(outcome.observedMilliseconds == Bench.noon - 3_600_000)
        #expect(outcome.incident == nil)
        #expect(explanation.incident == nil)
        #expect(bench.occupancy.counts(of: 1).occupied == nil)
    }
}
