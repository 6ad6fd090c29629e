import Ingest
import Occupancy
import Parking
import Testing

@Suite struct `A reading` {
    @Test func `is on one side of a threshold, and stays there until it is well on the other`()
        throws
    {
        let council = try Council(
            """
              - topic: d/{device}
                reading: bay
                occupied: /distance
                threshold: {below: 1500, hysteresis: 200}
            """,
            devices: "device,facility,bay,threshold\na,podium,1,\nb,podium,2,500\n"
        )
        func measure(_ device: String, _ distance: String) -> Bool? {
            council.wait(.seconds(60))
            council.send("d/\(device)", #"{"distance":\#(distance)}"#)
            return council.bay(device == "a" ? "1" : "2")
        }
        #expect(measure("a", "1600") == false, "in between, and nothing known: vacant")
        #expect(measure("a", "1499.5") == true)
        #expect(measure("a", "1600") == true)
        #expect(measure("a", #""1699""#) == true)
        #expect(measure("a", "1700") == false)
        #expect(measure("a", "1600") == false)
        #expect(measure("b", "600") == false, "its own limit")
        #expect(measure("b", "499") == true)
        #expect(measure("b", "699") == true)
        #expect(council.occupied == 2 - 1)
        #expect(measure("b", "true") == true)
        #expect(council.takeIncidents() == [.fieldHasWrongType])
    }

    @Test func `may be the sum of several lines, wraps included`() throws {
        let council = try Council(
            """
              - topic: "{facility}/tof"
                reading: counter
                in: [/line_1_total_in, /line_2_total_in]
                out: [/line_1_total_out, /line_2_total_out]
                wraps_at: 65536
            """
        )
        func send(_ numbers: [Int]) {
            council.wait(.seconds(60))
            let names = [
                "line_1_total_in", "line_2_total_in", "line_1_total_out", "line_2_total_out",
            ]
            let fields = zip(names, numbers).map { "\"\($0)\":\($1)" }.joined(separator: ",")
            council.send("podium/tof", "{\(fields)}")
        }
        send([65_530, 10, 0, 0])
        send([4, 12, 3, 0])
        #expect(council.occupied == 12 - 3)
        send([5, 12])
        #expect(council.takeIncidents() == [.fieldMissing], "a line that is left out is not 0")
        send([5, 12, 3, 1])
        #expect(council.occupied == 13 - 4)
    }

    @Test func `may stand in an array: late, out of order, repeated`() throws {
        let council = try Council(
            """
              - topic: "{facility}/vs350"
                when: {/history: {present: true}}
                each: /history
                reading: counter
                in: /total_in
                out: /total_out
                observed: /timestamp
              - topic: "{facility}/vs350"
                reading: counter
                in: /total_in
                out: /total_out
            """
        )
        func entry(_ minutes: Int, _ total: Int) -> String {
            #"{"total_in":\#(total),"total_out":0,"timestamp":\#(Council.noon / 1000 + Int64(minutes * 60))}"#
        }
        council.send("podium/vs350", #"{"history":[\#(entry(-30, 100))]}"#)
        council.send(
            "podium/vs350",
            #"{"history":[\#(entry(-20, 104)),\#(entry(-25, 102)),\#(entry(-20, 104)),\#(entry(-10, 109))]}"#
        )
        #expect(council.occupied == 9)
        council.send("podium/vs350", #"{"history":[\#(entry(-20, 104)),\#(entry(-10, 109))]}"#)
        #expect(council.occupied == 9)
        council.send("podium/vs350", #"{"total_in":110,"total_out":2}"#)
        #expect(council.occupied == 8, "the same counter, however it is sent")
        #expect(council.takeIncidents().isEmpty)
    }

    @Test func `one bad element does not keep the others from counting`() throws {
        let council = try Council(
            """
              - topic: "{facility}/bays"
                each: /bays
                reading: bay
                bay: /id
                occupied: /state
            """
        )
        council.send(
            "podium/bays",
            #"{"bays":[{"id":"1","state":1},{"id":"2","state":"?"},{"state":1},{"id":4,"state":0}]}"#
        )
        #expect([council.bay("1"), council.bay("2"), council.bay("4")] == [true, nil, false])
        #expect(Set(council.takeIncidents()) == [.unknownWord, .fieldMissing])
        council.send("podium/bays", #"{"bays":{}}"#)
        let many = Array(repeating: "{}", count: 257).joined(separator: ",")
        council.send("podium/bays", #"{"bays":[\#(many)]}"#)
        #expect(Set(council.takeIncidents()) == [.fieldMissing, .tooManyElements])
    }

    @Test func `a code of a sensor that began anew is no count`() throws {
        let council = try Council(
            """
              - topic: "{facility}/placepod"
                reading: movement
                in: /vehicle_count
                reset_above: 128
            """
        )
        for count in [32, 128, 129, 255] {
            council.send("podium/placepod", #"{"vehicle_count":\#(count)}"#)
        }
        #expect(council.occupied == 160)
        #expect(council.takeIncidents() == [.resetCode])
    }

    @Test func `a counter of one direction is in or out by where it stands`() throws {
        let council = try Council(
            """
              - topic: ncc/{device}
                reading: counter
                in: /counter_value
                wraps_at: 65536
            """,
            devices: "device,facility,direction\nentry,podium,forward\nexit,podium,reversed\n"
        )
        for (device, value) in [("entry", 10), ("exit", 65_530), ("entry", 25), ("exit", 4)] {
            council.wait(.seconds(60))
            council.send("ncc/\(device)", #"{"counter_value":\#(value)}"#)
        }
        #expect(council.occupied == 15 - 10)
    }

    @Test func `may be a share of the capacity`() throws {
        let council = try Council(
            """
              - {topic: "{facility}/full", format: text, reading: level, occupied_percent: ""}
              - {topic: "{facility}/free", reading: level, free_percent: /free}
            """
        )
        council.send("podium/full", "87%")
        #expect(council.occupied == 87)
        council.send("podium/free", #"{"free":"12.4 %"}"#)
        #expect(council.occupied == 88)
        council.send("podium/full", "full")
        #expect(council.takeIncidents() == [.fieldHasWrongType])
    }

    @Test func `may be a field of a text`() throws {
        let council = try Council(
            """
              - topic: isentek/device/{facility}
                format: text
                separator: /
                reading: bay
                bay: /0
                observed: /1
                occupied: /2
            """
        )
        council.send("isentek/device/podium", "17/1795435100/1")
        #expect(council.bay("17") == true)
        #expect(
            council.occupancy.counts(of: 0).observedMilliseconds == Council.noon - 100_000
        )
        council.send("isentek/device/podium", "17/1795435150")
        #expect(council.takeIncidents() == [.fieldMissing])
    }

    @Test func `several may stand in one message`() throws {
        let council = try Council(
            """
              - topic: "{facility}/lines"
                when: {/line_1_total_in: {present: true}}
                reading: counter
                counter: line-1
                in: /line_1_total_in
                continue: true
              - topic: "{facility}/lines"
                when: {/line_2_total_in: {present: true}}
                reading: counter
                counter: line-2
                in: /line_2_total_in
            """
        )
        for (first, second) in [("10", "500"), ("11", nil), ("12", "503")] {
            council.wait(.seconds(60))
            let other = second.map { #","line_2_total_in":\#($0)"# } ?? ""
            council.send("podium/lines", #"{"line_1_total_in":\#(first)\#(other)}"#)
        }
        #expect(council.occupied == 2 + 3)
        #expect(council.takeIncidents().isEmpty)
    }

    @Test func `that is left out is 0 where the rule says so`() throws {
        let council = try Council(
            """
              - {topic: "{facility}/b/{bay}", reading: bay, occupied: /occupied, absent: zero}
            """
        )
        council.send("podium/b/1", "{}")
        #expect(council.bay("1") == false)
    }

    @Test func `that is left out is 0 for a threshold and a share as well`() throws {
        let council = try Council(
            """
              - {topic: "{facility}/near/{bay}", reading: bay, occupied: /distance, threshold: {below: 500}, absent: zero}
              - {topic: "{facility}/full", reading: level, occupied_percent: /full, absent: zero}
              - {topic: "{facility}/free", reading: level, free_percent: /free, absent: zero}
            """
        )
        council.send("podium/near/1", "{}")
        #expect(council.bay("1") == true)
        council.send("station/full", "{}")
        #expect(council.occupied(1) == 0)
        council.send("station/free", "{}")
        #expect(council.occupied(1) == 1000)
        #expect(council.takeIncidents().isEmpty)
        council.send("station/full", #"{"full":null}"#)
        #expect(council.takeIncidents() == [.fieldMissing])
    }

    @Test func `belongs to the zone and the class that it names`() throws {
        let council = try Council(
            """
              - topic: "{facility}/{zone}/{bay}"
                zone: "{zone}"
                format: text
                reading: bay
                occupied: ""
            """
        )
        let parts = council.plan.parts
        let part = try #require(parts.part(facility: 0, zone: 1, class: nil))
        council.send("podium/level-2/1", "1")
        #expect(council.bay("1", of: part) == true)
        council.send("podium/level-9/1", "1")
        #expect(council.takeIncidents() == [.unknownZone])
    }
}

@Suite struct `Conditions` {
    private func council(_ conditions: String) throws -> Council {
        try Council(
            """
              - topic: "{facility}/{bay}"
                when: \(conditions)
                reading: bay
                occupied: /occupied
            """
        )
    }

    @Test(arguments: [
        ("{/type: status}", #""type":"status""#, true),
        ("{/type: [status, heartbeat]}", #""type":"heartbeat""#, true),
        ("{/type: status}", #""type":"Status""#, false), ("{/type: status}", #""x":1"#, false),
        ("{/port: 1}", #""port":1.0"#, true), ("{/port: 1}", #""port":"1""#, true),
        ("{/port: 1}", #""port":11"#, false), ("{/port: 1.0}", #""port":1"#, true),
        ("{/fw: 1.2}", #""fw":1.2"#, true), ("{/fw: 1.20}", #""fw":12e-1"#, true),
        ("{/fw: 1.2}", #""fw":1.3"#, false), ("{/fw: 1.2}", #""fw":1"#, false),
        ("{/fw: {not: 1.2}}", #""fw":1.2"#, false), ("{/fw: {not: 1.2}}", #""fw":1.3"#, true),
        ("{/fw: 1.2}", #""fw":"1.20""#, false), ("{/fw: -0.5}", #""fw":-0.5"#, true),
        ("{/fw: 9007199254740993}", #""fw":9007199254740993"#, true),
        ("{/fw: 9007199254740993}", #""fw":9007199254740992"#, false),
        ("{/fw: 01}", #""fw":1"#, false), ("{/fw: 01}", #""fw":"01""#, true),
        ("{/on: true}", #""on":true"#, true),
        ("{/on: false}", #""on":null"#, false), ("{/p: {not: tilt}}", #""p":"tilt""#, false),
        ("{/p: {not: [tilt, x]}}", #""p":"normal""#, true), ("{/p: {not: tilt}}", #""x":1"#, true),
        ("{/h: {present: true}}", #""h":[]"#, true), ("{/h: {present: true}}", #""h":null"#, false),
        ("{/h: {present: false}}", #""x":1"#, true),
        ("{/a: 1, /b: 2}", #""a":1,"b":2"#, true), ("{/a: 1, /b: 2}", #""a":1,"b":3"#, false),
        (#"{"{bay}": "7"}"#, #""x":1"#, true), (#"{"{bay}": "8"}"#, #""x":1"#, false),
    ])
    func `must all hold`(conditions: String, field: String, holds: Bool) throws {
        let council = try council(conditions)
        council.send("podium/7", #"{"occupied":true,\#(field)}"#)
        #expect(council.bay("7") == (holds ? true : nil))
        #expect(council.takeIncidents() == (holds ? [] : [.noCondition]))
    }

    @Test func `that don't hold leave the message to the next rule of its topic`() throws {
        let council = try Council(
            """
              - {topic: "{facility}/{bay}", when: {/a: 1}, reading: bay, occupied: /x}
              - {topic: "#", when: {/a: 2}, reading: level, occupied: /y, facility: podium}
              - {topic: "+/7", when: {/a: 3}, reading: level, occupied: /z, facility: podium}
            """
        )
        council.send("podium/7", #"{"a":3,"z":17}"#)
        #expect(council.occupied == 17)
        council.send("podium/7", #"{"a":2,"y":18}"#)
        #expect(council.occupied == 18)
        council.send("podium/8", #"{"a":3,"z":19}"#)
        #expect(council.takeIncidents() == [.noCondition])
    }
}

@Suite struct `Words` {
    @Test func `that are numbers mean the numbers of their value`() throws {
        let council = try Council(
            """
              - topic: "{facility}/{bay}"
                reading: bay
                occupied: /occupied
                values: {occupied: ["0.5", 1, "7"], vacant: ["0.25", 0]}
            """
        )
        for (number, isOccupied) in [
            ("0.5", true), ("0.25", false), ("1.0", true), ("0", false), ("5e-1", true),
            ("-0.0", false), ("7", true),
        ] {
            council.wait(.seconds(1))
            council.send("podium/7", #"{"occupied":\#(number)}"#)
            #expect(council.bay("7") == isOccupied, "\(number)")
        }
        #expect(council.takeIncidents().isEmpty)
        council.send("podium/7", #"{"occupied":0.75}"#)
        #expect(council.takeIncidents() == [.unknownWord])
    }
}

@Suite struct `The health of a sensor` {
    @Test func `is read where a rule says so`() throws {
        let council = try Council(
            """
              - topic: s/{device}
                reading: bay
                occupied: /occupied
                health:
                  battery: /battery
                  battery_volts: /volts
                  battery_low: {/alarm: Low battery alert}
                  fault: {/hw: {not: [0]}}
                  tamper: {/position: tilt}
            """,
            devices: "device,facility,bay\na,podium,1\n"
        )
        func say(_ fields: String) -> SensorState? {
            council.send("s/a", #"{"occupied":true,"hw":0,\#(fields)}"#)
            return council.sensor("a")
        }
        #expect(say(#""battery":"87%""#)?.battery == .percent(87))
        #expect(say(#""battery":150"#)?.battery == .low(false), "no battery has 150 %")
        #expect(say(#""battery":-5"#)?.battery == .low(false))
        #expect(say(#""battery":255,"volts":3.25"#)?.battery == .volts(3.25))
        #expect(say(#""volts":3.5"#)?.battery == .volts(3.5))
        #expect(say(#""position":"tilt""#)?.faults == .tamper)
        #expect(say(#""position":"normal""#)?.faults == [])
        #expect(say(#""volts":3.5,"alarm":"Low battery alert""#)?.battery == .low(true))
    }

    @Test func `a heartbeat without a state keeps a bay as it is`() throws {
        let council = try Council(
            """
              - topic: s/{device}
                when: {/type: [occupied, vacant]}
                reading: bay
                occupied: /type
                values: {occupied: occupied, vacant: vacant}
              - topic: s/{device}
                reading: heartbeat
                health: {silent_after: 1h}
            """,
            devices: "device,facility,bay\na,podium,1\n"
        )
        council.send("s/a", #"{"type":"Heartbeat message"}"#)
        #expect(council.bay("1") == nil)
        council.send("s/a", #"{"type":"occupied"}"#)
        council.wait(.seconds(3600))
        council.send("s/a", #"{"type":"Heartbeat message"}"#)
        #expect(council.bay("1") == true)
        #expect(
            council.occupancy.counts(of: 0).heardMonotonicMilliseconds
                == council.now.monotonicMilliseconds
        )
    }
}

@Suite struct `An explanation` {
    @Test func `goes step by step`() throws {
        let council = try Council(
            """
              - {topic: "{facility}/{bay}", when: {/a: 1}, reading: bay, occupied: /x}
              - {topic: "{facility}/{bay}", reading: bay, occupied: /occupied}
            """
        )
        #expect(
            council.explain("podium/7", #"{"a":2,"occupied":true}"#) == [
                "topic      podium/7",
                "rule       rules[0]: {facility}/{bay} (json)",
                "when       /a is \"1\": does not hold: 2 stands there; next rule",
                "rule       rules[1]: {facility}/{bay} (json)",
                "field      facility at {facility}: \"podium\"",
                "field      bay at {bay}: \"7\"",
                "field      occupied at /occupied: true",
                "facility   podium",
                "bay        7",
                "reading    bay: occupied",
                "observed   on reception",
                "effect     the bay is occupied from now on; an arrival if it was not so before",
            ]
        )
    }

    @Test(arguments: [
        ("a", "1200", "occupied below 1500, vacant from 1700 on; 1200 is occupied"),
        ("a", "1600", "occupied below 1500, vacant from 1700 on; 1600 is in between"),
        ("a", "1700", "occupied below 1500, vacant from 1700 on; 1700 is vacant"),
        ("a", "true", "occupied below 1500, vacant from 1700 on"),
        ("b", "700.5", "occupied below 500.5, vacant from 700.5 on; 700.5 is vacant"),
    ]) func `shows a threshold, and where the number is`(
        device: String,
        distance: String,
        words: String
    ) throws {
        let council = try Council(
            """
              - topic: "{device}"
                reading: bay
                occupied: /distance
                threshold: {below: 1500, hysteresis: 200}
            """,
            devices: "device,facility,bay,threshold\na,podium,1,\nb,podium,2,500.5\n"
        )
        let lines = council.explain(device, #"{"distance":\#(distance)}"#)
        #expect(lines.contains("threshold  \(words)"), "\(lines)")
    }

    @Test func `says that a time is unreadable, whether the word is readable or not`() throws {
        let council = try Council(
            """
              - {topic: "{facility}/{bay}", reading: bay, occupied: /o, observed: /t}
            """
        )
        let word = council.explain("podium/7", #"{"o":"perhaps","t":"soon"}"#)
        #expect(
            word.suffix(2) == ["refused    word without a meaning", "remark     time unreadable"]
        )
        let time = council.explain("podium/7", #"{"o":true,"t":"soon"}"#)
        #expect(time.contains("remark     time unreadable"))
        #expect(time.last?.hasPrefix("effect     the bay is occupied") == true)
        let nowhere = council.explain("moon/7", #"{"o":true,"t":"soon"}"#)
        #expect(nowhere.last == "refused    unknown facility")
    }

    @Test func `says what the list of devices says, and not what it overrules`() throws {
        let council = try Council(
            """
              - topic: "{device}/{zone}"
                zone: "{zone}"
                reading: bay
                occupied: /occupied
            """,
            devices: "device,facility,zone,bay\nd1,podium,level-2,A1\nd2,podium,,\n"
        )
        let listed = council.explain("d1/level-1", #"{"occupied":true}"#)
        #expect(listed.contains("bay        A1"))
        #expect(listed.contains("facility   podium/level-2"))
        #expect(
            !listed.contains { $0.hasPrefix("field      bay") || $0.hasPrefix("field      zone") }
        )
        let named = council.explain("d2/level-1", #"{"occupied":true}"#)
        #expect(named.contains(#"field      bay at {device}: "d2""#))
        #expect(named.contains(#"field      zone at {zone}: "level-1""#))
        #expect(named.contains("bay        d2"))
    }

    @Test(arguments: [
        ("up", #"{"object":{"x":1}}"#, "d1", false),
        ("up", #"{"object":{"x":1}}"#, "stranger", true),
        ("up", #"{"object":{"occupied":7}}"#, "d1", true),
        ("up", #"{"object":{"occupied":true}}"#, "d1", false), ("up", "?", "d1", true),
        ("join", "{}", "d1", false), ("status", #"{"batteryLevel":7}"#, "d1", false),
        ("status", #"{"batteryLevel":7}"#, "stranger", true),
    ])
    func `ends with an error where the message is refused, and nowhere else`(
        event: String,
        payload: String,
        device: String,
        isRefused: Bool
    ) throws {
        let council = try Council(
            """
              - topic: application/+/device/{device}/event/+
                envelope: chirpstack
                when: {/occupied: {present: true}}
                reading: bay
                occupied: /occupied
                health: {silent_after: 26h}
            """,
            devices: "device,facility,bay\nd1,podium,1\n"
        )
        let topic = "application/a/device/\(device)/event/\(event)"
        let bytes = (topic: Array(topic.utf8), payload: Array(payload.utf8))
        let explanation = council.plan.explain(
            topic: bytes.topic.span,
            payload: bytes.payload.span,
            at: council.now
        )
        #expect(explanation.isRefused == isRefused)
        council.send(topic, payload)
        #expect(council.takeIncidents().contains { $0.isRefusal } == isRefused)
        let lines = council.explain(topic, payload)
        if event == "status" { #expect(lines.contains("device     \(device)"), "\(lines)") }
        let isUnknown = lines.contains("result     refused: unknown device")
        #expect(isUnknown == (device == "stranger"), "\(lines)")
    }

    @Test func `names the nearest rule where none has the topic`() throws {
        let council = try Council(
            """
              - {topic: "bath/{facility}/bay/{bay}", reading: bay, occupied: /x}
              - {topic: "york/{facility}", reading: level, occupied: /x}
            """
        )
        #expect(
            council.explain("bath/podium/bays/7", "{}") == [
                "topic      bath/podium/bays/7", "result     refused: no rule for this topic",
                "nearest    rules[0]: bath/{facility}/bay/{bay}",
                "why not    level 3 is 'bays', and the rule wants 'bay'",
            ]
        )
    }
}
