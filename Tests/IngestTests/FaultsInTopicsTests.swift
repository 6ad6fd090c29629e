import Glibc
import Occupancy
import Parking
import Testing

@testable import Ingest

/// Topics that a broker forwards and nobody should have published.
@Suite struct `Faults in topics` {
    /// Each with the words by which a person knows it.
    static let hostile: [(name: String, topic: [UInt8])] = [
        ("a path out of the directory", Array("a/../../etc/passwd".utf8)),
        ("a script", Array("a/<script>alert(1)</script>".utf8)),
        ("a turn of the direction of reading", Array("a/\u{202E}gnp.exe".utf8)),
        ("a separator alone", Array("/".utf8)),
        ("empty levels", Array("a//b///".utf8)),
        ("separators alone", Array(String(repeating: "/", count: 1024).utf8)),
        ("1,024 bytes", Array(String(repeating: "t", count: 1024).utf8)),
        ("a line feed and a priority", Array("a\n<0>forged".utf8)),
        ("an escape", Array("a/\u{1B}[2J".utf8)),
        ("wildcards", Array("+/#".utf8)),
        ("a capture", Array("{facility}".utf8)),
        ("NUL", [0x61, 0x00, 0x62]),
        ("bytes that are not UTF-8", [0x61, 0xFF, 0xC0, 0x80]),
        ("half a surrogate pair", [0xED, 0xA0, 0x80]),
    ]

    private static let everything: Rule.Kind = .counter(
        arrivals: .pointer(""),
        departures: nil,
        wrapsAt: nil
    )

    private func send(_ topic: [UInt8], _ payload: String, to bench: Bench) {
        let payload = Array(payload.utf8)
        bench.ingest.receive(topic: topic.span, payload: payload.span, at: bench.now)
        bench.ingest.commit()
    }

    @Test(arguments: hostile)
    func `no rule reads are refused and counted`(name: String, topic: [UInt8]) throws {
        let bench = try Bench([bayRule(), counterRule()])
        send(topic, #"{"occupied":true}"#, to: bench)
        #expect(bench.takeIncidents() == [.noRule], "\(name)")
        #expect(bench.occupied == nil)
    }

    @Test(arguments: hostile)
    func `a rule reads are names like any other`(name: String, topic: [UInt8]) throws {
        let bench = try Bench([
            rule("#", facility: .constant("podium"), yields: Self.everything)
        ])
        send(topic, "1", to: bench)
        bench.wait(.seconds(60))
        send(topic, "3", to: bench)
        #expect(bench.takeIncidents().isEmpty, "\(name)")
        #expect(bench.occupied == 2, "\(name)")
        #expect(bench.occupancy.counters.count == 1)
        let kept = bench.occupancy.withName(ofCounter: 0) { sensor, _ in
            sensor.indices.map { sensor[$0] }
        }
        #expect(kept == topic)
    }

    @Test(arguments: hostile)
    func `are the bay's name where a level is, and stay within the table`(
        name: String,
        topic: [UInt8]
    ) throws {
        let bench = try Bench([bayRule()])
        let level = topic.filter { $0 != UInt8(ascii: "/") }
        send(Array("bath/podium/bay/".utf8) + level, #"{"occupied":true}"#, to: bench)
        let isName = (1...Decoder.maximumNameBytes).contains(level.count)
        // 1,024 bytes of a level alone.
        let incident: Incident = level.count < 1000 ? .badBayName : .topicTooLong
        #expect(bench.takeIncidents() == (isName ? [] : [incident]), "\(name)")
        #expect(bench.occupied == (isName ? 1 : nil))
    }

    @Test(arguments: [(1023, false), (1024, false), (1025, true), (3000, true), (65_535, true)])
    func `have at most 1,024 bytes`(bytes: Int, isRefused: Bool) throws {
        let bench = try Bench([
            rule("#", facility: .constant("podium"), yields: Self.everything)
        ])
        send([UInt8](repeating: 0x74, count: bytes), "1", to: bench)
        #expect(bench.takeIncidents() == (isRefused ? [.topicTooLong] : []))
        let entries = bench.incidents.all
        #expect(entries.allSatisfy { $0.topic.count <= IncidentLog.topicBytes })
    }

    @Test func `of a flood are bounded in memory, whatever they name`() throws {
        let bench = try Bench(
            [
                bayRule(), counterRule(),
                rule("#", facility: .constant("podium"), yields: Self.everything),
            ],
            sensors: 100
        )
        for number in 0..<2000 {
            send(Array("bath/podium/bay/\(number)".utf8), #"{"occupied":true}"#, to: bench)
            send(Array("elsewhere/\(number)".utf8), "\(number)", to: bench)
        }
        #expect(bench.occupancy.bays.count == 50)
        #expect(bench.occupancy.counters.count == 50)
        #expect(bench.incidents.refusals == 4000 - 100)
        // A line for each rule and reason, however many names there were.
        #expect(Set(bench.takeIncidents()) == [.tooManyBays, .tooManySensors])
        #expect(bench.incidents.all.count == 2)
        // Those that were there before the flood are still heard.
        send(Array("bath/podium/bay/7".utf8), #"{"occupied":false}"#, to: bench)
        #expect(bench.occupancy.counts(of: 0).departures == 1)
        #expect(bench.takeIncidents().isEmpty)
    }

    @Test func `of a facility that nobody configured make none`() throws {
        let bench = try Bench([bayRule()])
        for facility in ["moon", "..", "", "PODIUM", "podium ", "podium\u{0}", "<script>"] {
            send(Array("bath/\(facility)/bay/1".utf8), #"{"occupied":true}"#, to: bench)
        }
        #expect(bench.takeIncidents() == [.unknownFacility])
        #expect(bench.incidents.refusals == 7)
        #expect(bench.occupancy.bays.count == 0)
    }

    @Test func `with the longest level that may be configured are told apart`() throws {
        let level = String(repeating: "t", count: NameTable.maximumNameBytes)
        let long = try rule(level, facility: .constant("podium"), yields: .occupied(.pointer("")))
        let bench = try Bench([long], limits: IngestLimits(topicBytes: level.utf8.count))
        send(Array(level.utf8), "7", to: bench)
        #expect(bench.occupied == 7)
        send(Array((level.dropLast() + "u").utf8), "8", to: bench)
        #expect(bench.takeIncidents() == [.noRule])
        send(Array((level + "t").utf8), "8", to: bench)
        #expect(bench.takeIncidents() == [.topicTooLong])
    }
}
