import Ingest
import Occupancy
import Parking
import Simulator
import Testing

/// A configuration whose sensors are played.
struct PlayedRules: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let rules: String
    let devices: [String]
    let facilityKeys: String
    /// How many bays have a sensor.
    let bays: Int
    let tolerance: Int

    init(
        _ description: String,
        _ rules: String...,
        devices: [String] = [],
        facilityKeys: String = "",
        bays: Int = 0,
        tolerance: Int = 0
    ) {
        testDescription = description
        self.rules = rules.map { "  - \($0)" }.joined(separator: "\n")
        self.devices = devices
        self.facilityKeys = facilityKeys
        self.bays = bays
        self.tolerance = tolerance
    }

    func town(seed: UInt64 = 1) throws -> PlayedTown {
        try PlayedTown(
            rules,
            devices: devices,
            capacity: facilityKeys == levels ? 60 : 40,
            facilityKeys: facilityKeys,
            seed: seed
        )
    }
}

private let levels =
    ", zones: [{id: lower, name: L, capacity: 30}, {id: upper, name: U, capacity: 25}]"

private let placed: [PlayedRules] = [
    PlayedRules(
        "a zone in the topic",
        #"{topic: "p/{facility}/{zone}/{bay}", reading: bay, occupied: "", zone: "{zone}"}"#,
        facilityKeys: levels,
        bays: 55
    ),
    PlayedRules(
        "a zone in the payload, and one topic for all",
        #"{topic: "p/{facility}", reading: bay, bay: /bay, occupied: /o, zone: /level, sequence: /n}"#,
        facilityKeys: levels,
        bays: 55
    ),
    PlayedRules(
        "a zone for each rule",
        #"{topic: "p/{facility}/lower", reading: counter, in: /in, out: /out, zone: lower}"#,
        #"{topic: "p/{facility}/upper", reading: level, free: /free, zone: upper}"#,
        facilityKeys: levels,
        tolerance: 4
    ),
    PlayedRules(
        "levels of zones",
        #"{topic: "p/{facility}", reading: level, occupied_percent: /full, zone: /level}"#,
        facilityKeys: levels,
        tolerance: 4
    ),
    PlayedRules(
        "devices in zones and in none",
        #"{topic: "d/{device}", reading: bay, occupied: /o}"#,
        devices: (1...24).map { "d\($0),podium,\(["", "lower", "upper"][$0 % 3]),B\($0),,,," },
        facilityKeys: levels,
        bays: 24
    ),
    PlayedRules(
        "a device in no zone of a rule that names one",
        #"{topic: "d/{device}", reading: level, occupied: /o, zone: /z}"#,
        devices: ["d1,podium,,,,,,", "d2,podium,upper,,,,,"],
        facilityKeys: levels,
        tolerance: 4
    ),
    PlayedRules(
        "devices of a class",
        #"{topic: "d/{device}", reading: bay, occupied: /o, class: disabled}"#,
        devices: (1...20).map {
            "d\($0),podium,,B\($0),\(["", "disabled", "electric"][$0 % 3]),,,"
        },
        facilityKeys: ", classes: {disabled: 20}",
        bays: 13
    ),
    PlayedRules(
        "bays of a class",
        #"{topic: "p/{facility}/{bay}", reading: bay, occupied: /o, class: disabled}"#,
        facilityKeys: ", classes: {disabled: 20}",
        bays: 20
    ),
    PlayedRules(
        "devices that are bays of their own names, in one topic",
        #"{topic: all, device: /id, reading: bay, occupied: /o}"#,
        devices: (1...20).map { "\"d \\ \"\"\($0)\"\"\",podium,,,,,," },
        bays: 20
    ),
    PlayedRules(
        "devices in bays that the message names",
        #"{topic: "d/{device}/{bay}", reading: bay, occupied: /o}"#,
        devices: (1...20).map { "d\($0),podium,,,,,," },
        bays: 20
    ),
    PlayedRules(
        "one-way counters",
        #"{topic: "d/{device}", reading: counter, in: /n, wraps_at: 65536}"#,
        devices: ["a,podium,,,,,,", "b,podium,,,,,reversed,", "c,podium,,,,,reversed,"]
    ),
    PlayedRules(
        "a facility in the envelope",
        #"""
        {topic: "application/#", envelope: chirpstack, facility: envelope:/deviceInfo/tags/park,
            reading: bay, bay: envelope:/deviceInfo/devEui, occupied: /o}
        """#,
        bays: 40
    ),
]

private let told: [PlayedRules] = [
    PlayedRules(
        "conditions of every kind",
        #"""
        {topic: "p/{facility}/{kind}/{bay}", reading: bay, occupied: /o/v, values: {occupied: [7], vacant: [none]},
            when: {"{kind}": [car, van], /type: [1, 2], /old: {present: false}, /o: {present: true},
                /position: {not: tilt}, /e: {present: true}, /o/v: {not: "?"}}}
        """#,
        bays: 40
    ),
    PlayedRules(
        "what is left out is 0",
        #"""
        {topic: "p/{facility}/{bay}", reading: bay, occupied: /o, absent: zero,
            when: {/mode: {not: [0, 1]}, /other: {not: 3}, /fault: 0}}
        """#,
        bays: 40
    ),
    PlayedRules(
        "a condition on the envelope",
        #"""
        {topic: "v3/{facility}/devices/{bay}/up", envelope: ttn, reading: bay, occupied: /o,
            when: {envelope:/uplink_message/f_port: 3, envelope:/end_device_ids/device_id: {present: true}}}
        """#,
        bays: 40
    ),
    PlayedRules(
        "two halves of one counter",
        #"{topic: "p/{facility}", reading: counter, out: /n, when: {/way: out}, wraps_at: 100}"#,
        #"{topic: "p/{facility}", reading: counter, in: /n, when: {/way: in}, wraps_at: 100}"#
    ),
    PlayedRules(
        "a gate whose numbers end at 3",
        #"{topic: "p/{facility}", reading: movement, in: /in, out: /out, reset_above: 3}"#,
        tolerance: 20
    ),
    PlayedRules(
        "a level and a state in one topic",
        #"""
        {topic: "p/{facility}", reading: state, state: /s, values: {open: [0, 1], closed: 8},
            when: {/s: {present: true}}, continue: true}
        """#,
        #"{topic: "p/{facility}", reading: level, occupied: /n, when: {/n: {present: true}}}"#,
        tolerance: 4
    ),
    PlayedRules(
        "sums",
        #"{topic: "p/{facility}", reading: counter, in: [/a/in, /b/in], out: [/a/out, 0, /b/out], wraps_at: 100}"#
    ),
    PlayedRules(
        "elements of an array",
        #"""
        {topic: "p/{facility}", each: /history, reading: counter, in: /in, out: /out, observed: /at,
            when: {/history: {present: true}, /history/0/kind: 2}}
        """#
    ),
    PlayedRules(
        "elements that are values",
        #"{topic: "p/{facility}", each: "", reading: level, occupied: ""}"#
    ),
    PlayedRules(
        "percent, as text",
        #"{topic: "p/{facility}", format: text, reading: level, free_percent: ""}"#
    ),
    PlayedRules(
        "fields of a text",
        #"{topic: p, format: text, separator: ";", facility: /1, bay: /3, reading: bay, occupied: /0, when: {/5: x}}"#,
        bays: 40
    ),
    PlayedRules(
        "numbers beyond a threshold",
        #"""
        {topic: "p/{facility}/{bay}", reading: bay, occupied: /field,
            threshold: {above: 0.004, hysteresis: 0.001}, when: {/field: {not: -1}}}
        """#,
        bays: 40
    ),
    PlayedRules(
        "thresholds of devices, in the topic",
        #"{topic: "d/{device}/{mm}", reading: bay, occupied: "{mm}", threshold: {below: 10, hysteresis: 2.5}}"#,
        devices: (1...20).map { "d\($0),podium,,B\($0),,\(["", "0", "-3.5", "1e3"][$0 % 3]),," },
        bays: 20
    ),
    PlayedRules(
        "numbered messages that wrap",
        #"{topic: "p/{facility}/{n}", reading: movement, in: /in, out: /out, sequence: /n, sequence_wraps_at: 5}"#
    ),
]

private let timed: [PlayedRules] = [
    PlayedRules(
        "the fast clock of a device",
        #"{topic: "d/{device}", reading: level, occupied: /n, observed: {field: /t, offset: 10s}}"#,
        devices: ["d,podium,,,,,,-90s"]
    ),
    PlayedRules(
        "a fast clock",
        #"{topic: "p/{facility}", reading: level, occupied: /n, observed: {field: /t, offset: -90s}}"#
    ),
    PlayedRules(
        "hour and minute of a place",
        #"{topic: "p/{facility}", reading: level, occupied: /n, observed: {field: /t, format: hhmm, zone: Asia/Kolkata}}"#
    ),
    PlayedRules(
        "local time",
        #"""
        {topic: "p/{facility}", reading: level, occupied: /n,
            observed: {field: /t, format: local, zone: America/New_York, offset: 2m}}
        """#
    ),
    PlayedRules(
        "the time of an envelope",
        #"{topic: "v3/{facility}/up", envelope: ttn, reading: level, occupied: /n}"#
    ),
]

@Suite struct `Sensors of a rule` {
    @Test(arguments: placed + told + timed)
    func `tell the daemon of every vehicle`(rules: PlayedRules) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            var town = try rules.town(seed: seed)
            try town.playTruly(bays: rules.bays, tolerance: rules.tolerance)
        }
    }

    @Test(arguments: timed)
    func `say when they observed it`(rules: PlayedRules) throws {
        var town = try rules.town()
        for _ in 0..<20 {
            _ = town.step()
            let observed = try #require(town.counts.observedMilliseconds)
            let due = try #require(town.messages.last).dueMilliseconds
            let minute = rules.testDescription.hasPrefix("hour") ? Int64(60_000) : 1
            #expect((0..<minute).contains(due - observed))
        }
    }

    @Test func `are never late where only the minute is known`() throws {
        var options = Simulator.Options.faultless
        options.lateProbability = 1
        var town = try PlayedTown(
            "  - " + timed[2].rules.dropFirst(4),
            options: options
        )
        try town.playTruly()
    }

    @Test func `of a profile take turns`() throws {
        var town = try PlayedTown(
            Way.plain.rule("bosch-tps110"),
            devices: (1...8).map { "b\($0),podium,,B\($0),,,," }
        )
        try town.playTruly(bays: 8)
        var names: [String: Set<String>] = [:]
        for message in town.messages {
            let name = message.text.split(separator: "\"")[1]
            names[String(name), default: []].insert(message.topicText)
        }
        #expect(
            names.mapValues { $0.sorted() } == [
                "occupied": ["sensors/b1", "sensors/b5"], "p_state": ["sensors/b2", "sensors/b6"],
                "map_state": ["sensors/b3", "sensors/b7"], "parked": ["sensors/b4", "sensors/b8"],
            ]
        )
    }
}
