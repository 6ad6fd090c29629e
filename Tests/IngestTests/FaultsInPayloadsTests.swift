import Occupancy
import Parking
import Testing

@testable import Ingest

/// Payloads that no sensor should send, under a rule for each reading.
@Suite struct `Faults in payloads` {
    /// A reading with a field of its own, `/x`, and the topic that its rule reads.
    private static let kinds: [(topic: String, kind: Rule.Kind)] = [
        ("bay/1", .bay(bay: .constant("1"), occupied: .pointer("/x"), words: .init())),
        ("movement", .movement(arrivals: .pointer("/x"), departures: nil)),
        ("counter", .counter(arrivals: .pointer("/x"), departures: nil, wrapsAt: 65_536)),
        ("occupied", .occupied(.pointer("/x"))),
        ("vacant", .vacant(.pointer("/x"))),
        ("state", .state(.pointer("/x"), words: .init())),
    ]

    private func bench() throws -> Bench {
        try Bench(
            Self.kinds.map { try rule($0.topic, facility: .constant("podium"), yields: $0.kind) }
        )
    }

    static let broken: [(name: String, payload: [UInt8], incident: Incident)] = [
        ("empty", [], .notJSON),
        ("white space", Array(" \r\n\t".utf8), .notJSON),
        ("NUL", [0], .notJSON),
        ("NUL behind", Array("{\"x\":1}\0".utf8), .notJSON),
        ("a byte order mark", Array("\u{FEFF}{\"x\":1}".utf8), .notJSON),
        ("UTF-16", Array("{\"x\":1}".utf8).flatMap { [$0, 0] }, .notJSON),
        ("bytes that are not UTF-8", Array("{\"x\":\"".utf8) + [0xC3, 0x28, 0x22, 0x7D], .notUTF8),
        (
            "a surrogate in UTF-8", Array("{\"x\":\"".utf8) + [0xED, 0xA0, 0x80, 0x22, 0x7D],
            .notUTF8
        ),
        ("too long a form in UTF-8", Array("{\"x\":\"".utf8) + [0xC0, 0xAF, 0x22, 0x7D], .notUTF8),
        ("half a surrogate pair", Array(#"{"x":"\ud800"}"#.utf8), .notJSON),
        ("the other half", Array(#"{"x":"\udc00"}"#.utf8), .notJSON),
        ("[ 513 times", [UInt8](repeating: 0x5B, count: 513), .notJSON),
        ("[ 60,000 times", [UInt8](repeating: 0x5B, count: 60_000), .notJSON),
        ("[ 100,000 times", [UInt8](repeating: 0x5B, count: 100_000), .payloadTooLarge),
        ("{\"a\": 10,000 times", Array(String(repeating: "{\"a\":", count: 10_000).utf8), .notJSON),
        ("trailing garbage", Array(#"{"x":1}x"#.utf8), .notJSON),
        ("two texts", Array(#"{"x":1}{"x":1}"#.utf8), .notJSON),
        ("a leading zero", Array(#"{"x":01}"#.utf8), .notJSON),
        ("no number", Array(#"{"x":NaN}"#.utf8), .notJSON),
        ("a comma too many", Array(#"{"x":1,}"#.utf8), .notJSON),
        ("a raw line feed in a string", Array("{\"x\":\"\n\"}".utf8), .notJSON),
        (
            "64 KiB and a byte", Array(#"{"x":1}"#.utf8) + [UInt8](repeating: 0x20, count: 65_530),
            .payloadTooLarge
        ),
    ]

    @Test(arguments: broken)
    func `that are no JSON change nothing, under whatever rule`(
        name: String,
        payload: [UInt8],
        incident: Incident
    ) throws {
        let bench = try bench()
        for (topic, _) in Self.kinds {
            bench.send(topic, payload)
            #expect(bench.takeIncidents() == [incident], "\(name) to \(topic)")
        }
        #expect(bench.occupied == nil)
        #expect(bench.occupancy.counts(of: 0).operating == nil)
        #expect(bench.incidents.refusals == Self.kinds.count)
        #expect(bench.tally.readings == 0)
    }

    @Test(arguments: [
        (63, [Incident.fieldMissing]), (64, [.fieldMissing]), (65, [.payloadTooDeep]),
        (513, [.payloadTooDeep]), (30_000, [.payloadTooDeep]),
    ]) func `have at most 64 levels`(depth: Int, incidents: [Incident]) throws {
        let bench = try bench()
        let arrays = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        bench.send("occupied", arrays)
        #expect(bench.takeIncidents() == incidents)
        bench.send("occupied", "{\"y\":\(arrays.dropFirst().dropLast()),\"x\":7}")
        #expect(bench.takeIncidents() == incidents.filter { $0 != .fieldMissing })
        #expect(bench.occupied == (depth <= 64 ? 7 : nil))
    }

    @Test(arguments: [(65_535, false), (65_536, false), (65_537, true)])
    func `have at most 64 KiB`(bytes: Int, isRefused: Bool) throws {
        let bench = try bench()
        let head = #"{"x":5,"pad":""#
        let padding = String(repeating: "p", count: bytes - head.utf8.count - 2)
        bench.send("occupied", head + padding + "\"}")
        #expect(bench.takeIncidents() == (isRefused ? [.payloadTooLarge] : []))
        #expect(bench.occupied == (isRefused ? nil : 5))
    }

    /// What a number may look like; nil is refused.
    @Test(
        arguments: [
            ("-0", 0, nil), ("-0.0", 0, nil), ("1.0", 1, nil), ("1e3", 1000, nil),
            ("1E+3", 1000, nil),
            ("1000e-3", 1, nil), ("\"12\"", 12, nil), ("\"12.0\"", 12, nil),
            ("2097151", 2_097_151, nil),
            ("2097152", nil, .outOfRange), ("9223372036854775807", nil, .outOfRange),
            ("9223372036854775808", nil, .outOfRange), ("-9223372036854775808", nil, .outOfRange),
            ("18446744073709551615", nil, .outOfRange), ("18446744073709551616", nil, .outOfRange),
            ("-9223372036854775809", nil, .outOfRange), ("1e19", nil, .outOfRange),
            ("1e308", nil, .outOfRange), ("1e400", nil, .outOfRange), ("-1e400", nil, .outOfRange),
            ("1.5", nil, .fieldHasWrongType),
            ("5e-324", nil, .fieldHasWrongType), ("\"twelve\"", nil, .fieldHasWrongType),
            ("\"\"", nil, .fieldHasWrongType), ("\"0x10\"", nil, .fieldHasWrongType),
            ("\"1e3\"", nil, .fieldHasWrongType), ("\"12 \"", nil, .fieldHasWrongType),
            ("\"\u{0661}\"", nil, .fieldHasWrongType), ("true", nil, .fieldHasWrongType),
            ("[1]", nil, .fieldHasWrongType), ("{}", nil, .fieldHasWrongType),
            ("null", nil, .fieldMissing),
        ] as [(String, Int?, Incident?)]
    )
    func `have whole numbers within their range`(
        text: String,
        occupied: Int?,
        incident: Incident?
    ) throws {
        let bench = try bench()
        bench.send("occupied", "{\"x\":\(text)}")
        #expect(bench.occupied == occupied)
        #expect(bench.takeIncidents() == (incident.map { [$0] } ?? []))
    }

    @Test(arguments: ["89450100001234567890", "-9223372036854775809", "1e400", "-1e400"])
    func `with a number beyond 64 bits that no rule names are read`(number: String) throws {
        let bench = try bench()
        bench.send("occupied", #"{"iccid":\#(number),"x":7,"y":[\#(number)]}"#)
        #expect(bench.occupied == 7)
        #expect(bench.takeIncidents().isEmpty)
    }

    @Test func `with a key twice say what they say first`() throws {
        let bench = try bench()
        bench.send("occupied", #"{"x":7,"x":9}"#)
        #expect(bench.occupied == 7)
        bench.send("occupied", #"{"x":"seven","x":9}"#)
        #expect(bench.takeIncidents() == [.fieldHasWrongType])
    }

    // MARK: What sensors really send

    @Test func `with a counter that jumps by 65,535 count nothing of it`() throws {
        let bench = try bench()
        bench.send("counter", #"{"x":0}"#)
        bench.wait(.seconds(60))
        bench.send("counter", #"{"x":65535}"#)
        #expect(bench.takeIncidents() == [.counterJump])
        #expect(bench.occupied == 0)
        bench.wait(.seconds(60))
        bench.send("counter", #"{"x":2}"#)
        #expect(bench.occupied == 3)
    }

    @Test(arguments: [
        (105, 105, 0), (-8, 0, 8), (0, 0, 0), (1_464, 1464, 0), (-2_097_151, 0, 2_097_151),
    ]) func `with a level outside the capacity are told as they are, and never negative`(
        level: Int,
        occupied: Int,
        drift: Int
    ) throws {
        let bench = try bench()
        bench.send("occupied", "{\"x\":\(level)}")
        let counts = bench.occupancy.counts(of: 0)
        #expect(counts.occupied == occupied)
        #expect(counts.drift == drift)
        let status = FacilityStatus(
            occupied: counts.occupied,
            observedMilliseconds: counts.observedMilliseconds,
            state: .open,
            trend: nil,
            isStale: false
        )
        #expect(status.free(capacity: 100) == max(0, 100 - occupied))
        #expect(status.free(capacity: 0) == 0)
    }

    @Test func `with more departures than vehicles end at none`() throws {
        let bench = try Bench([
            rule(
                "moves",
                facility: .constant("podium"),
                yields: .movement(arrivals: .pointer("/in"), departures: .pointer("/out"))
            )
        ])
        bench.send("moves", #"{"in":2,"out":0}"#)
        bench.send("moves", #"{"in":0,"out":65535}"#)
        #expect(bench.occupied == 0)
        #expect(bench.occupancy.counts(of: 0).drift == 65_533)
        bench.send("moves", #"{"in":1,"out":0}"#)
        #expect(bench.occupied == 1)
    }

    /// Bath's rows have an `id` that is a new hash in each of them.
    @Test func `with an identifier that is new in every row are bounded`() throws {
        let bench = try Bench([
            rule(
                "rows",
                facility: .constant("podium"),
                yields: .bay(bay: .pointer("/id"), occupied: .pointer("/o"), words: .init())
            )
        ])
        for row in 0..<1000 { bench.send("rows", "{\"id\":\"\(row * 7919)\",\"o\":true}") }
        #expect(bench.occupancy.bays.count == 50)
        #expect(bench.takeIncidents() == [.tooManyBays])
        #expect(bench.incidents.refusals == 950)
    }

    /// Aarhus' data have a garage whose value did not change for sixty days.
    @Test func `that repeat a value for sixty days are no vehicles`() throws {
        let bench = try bench()
        for _ in 0..<(60 * 24) {
            bench.send("occupied", #"{"x":869}"#)
            bench.send("bay/1", #"{"x":true}"#)
            bench.wait(.seconds(3600))
        }
        let counts = bench.occupancy.counts(of: 0)
        #expect(counts.occupied == 869)
        #expect([counts.arrivals, counts.departures, counts.drift] == [0, 0, 0])
        #expect(bench.takeIncidents().isEmpty)
    }

    // MARK: Times

    @Test(arguments: [
        ("\"0000-01-01T00:00:00Z\"", Incident.unsetClock),
        ("\"1969-12-31T23:59:59.999Z\"", .unsetClock), ("0", .unsetClock),
        ("\"1999-12-31T23:59:59Z\"", .unsetClock), ("\"2038-01-19T03:14:08Z\"", .futureClock),
        ("2147483648", .futureClock), ("\"9999-12-31T23:59:59.999Z\"", .futureClock),
        ("253402300799000", .futureClock), ("\"10000-01-01T00:00:00Z\"", .unreadableTime),
        ("\"-001-01-01T00:00:00Z\"", .unreadableTime), ("9e99", .unreadableTime),
    ]) func `of the years 0, 1969, 2038 and 9999 count, at the time of reception`(
        time: String,
        incident: Incident
    ) throws {
        let bench = try Bench([bayRule()])
        bench.send("bath/podium/bay/1", "{\"occupied\":true,\"time\":\(time)}")
        #expect(bench.occupied == 1)
        #expect(bench.occupancy.counts(of: 0).observedMilliseconds == Bench.noon)
        #expect(bench.takeIncidents() == [incident])
    }

    /// The clock of this machine, as a battery that died or a wrong NTP server set it.
    @Test(arguments: [
        ("0000", -62_167_219_200_000), ("1969", -1000), ("1970", 0), ("2038", 2_147_483_648_000),
        ("2109", 4_398_046_511_104), ("9999", 253_402_300_799_000),
    ]) func `in the years 0, 1969, 2038 and 9999 of our own clock are counted`(
        year: String,
        milliseconds: Int64
    ) throws {
        let bench = try bench()
        bench.now = Moment(recordedMilliseconds: milliseconds)
        for topic in ["bay/1", "movement", "counter", "counter"] {
            bench.send(topic, #"{"x":1}"#)
            bench.wait(.seconds(60))
        }
        bench.send("occupied", #"{"x":7}"#)
        #expect(bench.occupied == 7, "\(year)")
        #expect(bench.takeIncidents().isEmpty, "\(year)")
        _ = bench.occupancy.history(of: 0, at: bench.now)
    }
}
