import Ingest
import Occupancy
import Parking
import Testing

/// What a reading is worth whose time nobody knows, or that our own clock has spoilt.
@Suite struct `Doubtful readings` {
    private static let rules = """
          - {topic: "bay/{facility}/{bay}", reading: bay, occupied: /occupied, observed: /at}
          - {topic: "gate/{facility}", reading: movement, in: /in, observed: /at}
          - {topic: "count/{facility}", reading: counter, in: /in, observed: /at}
          - {topic: "level/{facility}", reading: level, occupied: /n, observed: /at}
          - {topic: "state/{facility}", reading: state, state: /is, observed: /at}
        """

    @Test func `a retained total that is lower is an old one`() throws {
        let council = try Council(Self.rules)
        council.send("count/podium", #"{"in": 100}"#, isRetained: true)
        for total in [150, 160] { council.send("count/podium", #"{"in": \#(total)}"#) }
        #expect(council.occupied == 60)
        for total in 170...172 {
            // The broker hands it out with each subscription.
            council.send("count/podium", #"{"in": 100}"#, isRetained: true)
            council.send("count/podium", #"{"in": \#(total)}"#)
        }
        #expect(council.occupied == 72)
        #expect(council.takeIncidents().isEmpty)
        // What it counted while nobody listened is news.
        council.send("count/podium", #"{"in": 180}"#, isRetained: true)
        #expect(council.occupied == 80)
    }

    @Test func `a retained level undoes no movement`() throws {
        let council = try Council(Self.rules)
        council.send("level/podium", #"{"n": 13}"#, isRetained: true)
        council.wait(.seconds(60))
        council.send("level/podium", #"{"n": 14}"#, isRetained: true)
        #expect(council.occupied == 14)
        council.wait(.seconds(60))
        council.send("gate/podium", #"{"in": 50}"#)
        council.wait(.seconds(60))
        council.send("level/podium", #"{"n": 14}"#, isRetained: true)
        #expect(council.occupied == 64)
        // One with a time is as new as it says, and one that comes now is of now.
        council.send(
            "level/podium",
            #"{"n": 20, "at": "2026-11-23T12:02:30Z"}"#,
            isRetained: true
        )
        #expect(council.occupied == 20)
        council.wait(.seconds(60))
        council.send("level/podium", #"{"n": 30}"#)
        #expect(council.occupied == 30)
    }

    @Test(arguments: [true, false])
    func `a retained level holds whichever of two retained messages comes first`(
        isCounterFirst: Bool
    ) throws {
        let council = try Council(Self.rules)
        let counter = { council.send("count/podium", #"{"in": 1000}"#, isRetained: true) }
        if isCounterFirst { counter() }
        council.send("level/podium", #"{"n": 35}"#, isRetained: true)
        if !isCounterFirst { counter() }
        #expect(council.occupied == 35)
    }

    @Test func `what our clock put into the future holds nothing up`() throws {
        let council = try Council(Self.rules)
        council.wait(.seconds(86_400))
        council.send("bay/station/7", #"{"occupied": true}"#)
        for (topic, payload) in [
            ("level/podium", #"{"n": 50}"#), ("gate/podium", #"{"in": 3}"#),
            ("count/podium", #"{"in": 100}"#), ("state/podium", #"{"is": "closed"}"#),
        ] { council.send(topic, payload) }
        #expect(council.occupied == 53)

        council.now = Moment(
            wallMilliseconds: Council.noon,
            monotonicMilliseconds: council.now.monotonicMilliseconds
        )
        council.wait(.seconds(10))
        let at = #""at": "2026-11-23T12:00:05Z""#
        council.send("bay/station/7", "{\"occupied\": false, \(at)}")
        #expect(council.occupied(1) == 0)
        council.send("gate/podium", "{\"in\": 2, \(at)}")
        council.send("count/podium", "{\"in\": 101, \(at)}")
        #expect(council.occupied == 56)
        council.send("state/podium", "{\"is\": \"open\", \(at)}")
        council.send("level/podium", "{\"n\": 9, \(at)}")
        let counts = council.occupancy.counts(of: 0)
        #expect(counts.occupied == 9)
        #expect(counts.operating == .open)
        #expect(counts.observedMilliseconds == Council.noon + 5000)
        // From here on all is as ever: what is older changes nothing.
        let before = #""at": "2026-11-23T12:00:04Z""#
        council.send("bay/station/7", "{\"occupied\": true, \(before)}")
        council.send("level/podium", "{\"n\": 10, \(before)}")
        council.send("state/podium", "{\"is\": \"closed\", \(before)}")
        #expect(council.occupied(1) == 0)
        #expect(council.occupied == 9)
        #expect(council.occupancy.counts(of: 0).operating == .open)
    }

    @Test(arguments: ["2000-01-01T00:00:01Z", "2025-11-22T11:59:59Z"])
    func `a clock that fell back by years freezes nothing`(time: String) throws {
        let council = try Council(Self.rules)
        council.send("bay/podium/1", #"{"occupied": true, "at": "2026-11-23T11:59:00Z"}"#)
        council.wait(.seconds(60))
        council.send("bay/podium/1", #"{"occupied": false, "at": "\#(time)"}"#)
        #expect(council.occupied == 0)
        #expect(council.takeIncidents() == [.unsetClock])
    }

    @Test func `the device of a bay counts no car park`() throws {
        let council = try Council(
            """
              - topic: device/{device}
                device: "{device}"
                when: {/count: {present: true}}
                reading: movement
                in: /count
                continue: true
                health: {battery_volts: /volts}
              - {topic: "device/{device}", device: "{device}", reading: bay, occupied: /occupied}
            """,
            devices: "device,facility,zone,bay\nd1,podium,level-1,1\ngate,podium,,\n"
        )
        council.send("device/d1", #"{"count": 100, "occupied": true, "volts": 2.5}"#)
        #expect(council.occupied == 1)
        // The count is none, but its message speaks for the sensor.
        #expect(council.sensor("d1")?.battery == .volts(2.5))
        #expect(council.takeIncidents() == [.countOfBay])
        council.send("device/gate", #"{"count": 5, "occupied": true, "bay": "x"}"#)
        #expect(council.occupied == 5)
    }

    @Test(arguments: ["free: /n", "free_percent: /n", "occupied_percent: /n"])
    func `what has no capacity has nothing that is free`(key: String) throws {
        let council = try Council(
            """
              - {topic: "level/{device}", device: "{device}", reading: level, \(key)}
            """,
            devices: "device,facility,zone,class\nd1,podium,level-1,disabled\nd2,podium,level-1,\n"
        )
        council.send("level/d1", #"{"n": 3}"#)
        #expect(council.takeIncidents() == [.noCapacity])
        #expect(council.occupied == nil)
        council.send("level/d2", #"{"n": 0}"#)
        #expect(council.occupied == (key == "free: /n" || key == "free_percent: /n" ? 40 : 0))
    }

    @Test(arguments: [
        (#"topic: "g/{facility}", reading: movement, in: /n"#, ["podium", "station"]),
        (#"topic: g/s, facility: station, reading: level, free: /n"#, ["station"]),
        (#"topic: "b/{bay}", facility: station, reading: bay, occupied: /o"#, []),
        (
            #"topic: "z/{z}", facility: podium, zone: "{z}", reading: counter, in: /n"#,
            [
                "podium", "podium//disabled", "podium/level-1", "podium/level-1/disabled",
                "podium/level-2", "podium/level-2/disabled",
            ]
        ),
        (
            #"topic: "d/{device}", device: "{device}", reading: movement, in: /n"#,
            ["podium//disabled", "podium/level-1"]
        ),
    ]) func `only what a rule counts has a count of its own`(
        rule: String,
        expected: [String]
    ) throws {
        let council = try Council(
            "  - {\(rule)}",
            devices: """
                device,facility,zone,bay,class
                d1,podium,level-1,,
                d2,podium,,,disabled
                d3,podium,level-2,17,
                d4,podium,level-1,18,disabled

                """
        )
        let counted = council.plan.countedParts.map(council.plan.parts.identifier)
        #expect(counted.sorted() == expected)
    }
}
