import Ingest
import Occupancy
import Parking
import Testing

@Suite struct `The quarantine` {
    private func textRule() throws -> Rule {
        try rule("text/{facility}", .text, yields: .occupied(.pointer("")))
    }

    private func shape(_ payload: [UInt8]) throws -> String? {
        let bench = try Bench([bayRule()])
        bench.send("nobody/reads/this", payload)
        return try #require(bench.incidents.quarantine.messages.first).shape
    }

    @Test(arguments: [
        (
            #"{"type":"parking status","free":true,"tags":[1,2.5,-3]}"#,
            "{type: string(14), free: boolean, tags: array(3) of number}"
        ),
        (#"{}"#, "{}"), ("[]", "array(0)"), ("null", "null"), ("true", "boolean"),
        (#""Grüße""#, "string(7)"), ("18446744073709551615", "number"),
        (#"[1,"a"]"#, "array(2) of mixed"),
        (#"[{"a":1},{"a":2}]"#, "array(2) of {a: number}"),
        (#"{"a":{"b":{"c":[null]}}}"#, "{a: {b: {c: array(1) of null}}}"),
        (#"{"a":1,"a":"x"}"#, "{a: number, a: string(1)}"),
        (
            #"{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}"#,
            "{a: {a: {a: {a: {a: {a: object(1)}}}}}}"
        ),
        ("", "empty"), ("OCCUPIED", "text(8)"), (#"{"open":"#, "text(8)"),
        (String(repeating: "[", count: 70), "text(70)"),
    ]) func `shows keys, types and lengths`(payload: String, expected: String) throws {
        #expect(try shape(Array(payload.utf8)) == expected)
    }

    @Test func `says what is no JSON`() throws {
        #expect(try shape([0xFF, 0xFE, 0x00]) == "bytes(3), not UTF-8")
        #expect(
            try shape(Array("\"".utf8) + [0xC3, 0x28] + Array("\"".utf8)) == "bytes(4), not UTF-8"
        )
        let deep = String(repeating: "[", count: 70) + String(repeating: "]", count: 70)
        #expect(try shape(Array(deep.utf8)) == "JSON(140), nested too deeply")
        #expect(
            try shape([UInt8](repeating: 0x20, count: 65_537)) == "bytes(65537), too large"
        )
    }

    @Test func `a text is a text, whatever it looks like`() throws {
        let bench = try Bench([textRule()])
        bench.send("text/podium", "[12]")
        #expect(bench.incidents.quarantine.messages.map(\.shape) == ["text(4)"])
    }

    // Number plates, tags, telephone numbers, mail addresses, escapes for terminals, long and empty keys.
    @Test(arguments: [
        "AB12 CDE", "ab12cde", "B-MW 1", "E28011700000020F", "+447700900123", "a@example.org", "",
        "\u{1B}[31m", "\u{202E}live", "<script>", "Kennzeichen ", "naïve",
        String(repeating: "k", count: 33),
    ]) func `a key that may be data is shown as its length`(key: String) throws {
        let escaped = key.unicodeScalars.map {
            let digits = String($0.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
        let shape = try shape(Array("{\"\(escaped)\": {\"inner\": 1}}".utf8))
        #expect(shape == "{key(\(key.utf8.count)): {inner: number}}")
    }

    @Test func `a key that a rule names is no secret`() throws {
        var lines = try rule(
            "c/{facility}",
            yields: .counter(
                arrivals: .sum([.pointer("/line_1_total_in"), .pointer("/line_2_total_in")]),
                departures: .pointer("/a~1b~01"),
                wrapsAt: nil
            )
        )
        lines.conditions = [Rule.Condition(.pointer("/v2/größe1"), .isPresent(true))]
        lines.health = Rule.Health(
            batteryPercent: .pointer("/bat1"),
            fault: [Rule.Condition(.pointer("/hw3"), .isPresent(true))]
        )
        let bench = try Bench([lines])
        bench.send(
            "c/podium",
            #"""
            {"v2": {"größe1": 1}, "line_1_total_in": "x", "line_2_total_in": 1, "line_3_total_in": 1, "a/b~1": 1,
            "bat1": 1, "hw3": 1, "AB12CDE": 1}
            """#
        )
        #expect(
            bench.incidents.quarantine.messages.first?.shape
                == "{v2: {größe1: number}, line_1_total_in: string(1), line_2_total_in: number, "
                + "key(15): number, a/b~1: number, bat1: number, hw3: number, key(7): number}"
        )
    }

    @Test func `no value of any payload is in it`() throws {
        let secret = "AB12CDE"
        for payload in [
            #"{"plate":"\#(secret)"}"#, #"["\#(secret)"]"#, #""\#(secret)""#, secret,
            #"{"\#(secret)":1}"#, #"{"a":{"\#(secret)":["\#(secret)"]}}"#, #"{"plate":"\#(secret)"#,
        ] {
            let shape = try #require(try shape(Array(payload.utf8)))
            #expect(!shape.contains(secret), "\(payload): \(shape)")
        }
    }

    @Test func `a shape is bounded, whatever it is the shape of`() throws {
        let wide = (0..<1500).map { _ in #""\#(String(repeating: "k", count: 32))":[[]]"# }
        let shapes = try [
            "{\(wide.joined(separator: ","))}",
            "[" + String(repeating: "[[],[[],[]]],", count: 4000) + "0]",
            String(repeating: #"{"a":["#, count: 31) + String(repeating: "]}", count: 31),
        ].map { try #require(try shape(Array($0.utf8))) }
        #expect(shapes.allSatisfy { $0.utf8.count <= 1000 })
        #expect(shapes[0].hasSuffix("…"))
        #expect(shapes[1] == "array(4001) of array(2) of mixed")
        // Cut between characters, wherever that is.
        for length in 30..<34 {
            let key = String(repeating: "x", count: length) + "ß"
            let bench = try Bench([rule("c/{facility}", yields: .occupied(.pointer("/\(key)")))])
            bench.send(
                "c/podium",
                "{" + (0..<60).map { _ in "\"\(key)\":{}" }.joined(separator: ",") + "}"
            )
            let shape = try #require(bench.incidents.quarantine.messages.first?.shape)
            #expect(shape.utf8.count <= 1000 && !shape.contains("\u{FFFD}"), "\(shape)")
        }
    }

    @Test func `keeps the last 64, and a flood of one kind does not wash away the others`() throws {
        let bench = try Bench([bayRule()])
        bench.send("bath/podium/bay/1", #"{"plate":"AB12 CDE"}"#)
        for number in 0..<200 {
            bench.wait(.seconds(1))
            bench.send("elsewhere/\(number)", "1")
        }
        let messages = bench.incidents.quarantine.messages
        #expect(messages.count == Quarantine.capacity)
        #expect(messages.count { $0.incident == .noRule } == 63)
        #expect(messages.first?.topic == Array("elsewhere/199".utf8))
        #expect(messages.first?.receivedMilliseconds == bench.now.wallMilliseconds)
        #expect(messages.last?.incident == .fieldMissing)
        #expect(messages.last?.rule == 0)
        #expect(messages.last?.shape == "{plate: string(8)}")
    }

    @Test func `keeps one of a kind a second, and counts the rest`() throws {
        let bench = try Bench([bayRule()])
        for _ in 0..<1000 { bench.send("elsewhere", "1") }
        bench.send("bath/podium/bay/1", "{}")
        #expect(bench.incidents.quarantine.messages.map(\.incident) == [.fieldMissing, .noRule])
        #expect(bench.incidents.quarantine.skipped == 999)
        #expect(bench.incidents.refusals == 1001)
    }

    @Test func `counts a message once for each reason, however many of its readings have it`()
        throws
    {
        var list = try rule(
            "list/{facility}",
            observed: .pointer("/time"),
            yields: .bay(bay: .pointer("/bay"), occupied: .pointer("/occupied"), words: .init([:]))
        )
        list.elements = "/list"
        let bench = try Bench([list])
        func send(_ count: Int, _ element: (Int) -> String) {
            bench.send(
                "list/podium",
                "{\"list\":[\((0..<count).map(element).joined(separator: ","))]}"
            )
        }
        send(200) { _ in "{}" }
        #expect(bench.incidents.refusals == 1)
        #expect(bench.incidents.quarantine.messages.count == 1)
        #expect(bench.incidents.quarantine.skipped == 0)
        // Beyond the bound of bays, which is 50, and with a clock that was never set.
        send(90) { #"{"bay":"\#($0)","occupied":true,"time":"1970-01-01T00:00:00Z"}"# }
        let totals = bench.incidents.all.map { ($0.incident, $0.total) }
        #expect(totals.map(\.0) == [.fieldMissing, .unsetClock, .tooManyBays])
        #expect(totals.map(\.1) == [1, 1, 1])
        send(90) { #"{"bay":"\#($0)","occupied":true}"# }
        #expect(bench.incidents.all.last?.total == 2)
        #expect(bench.occupied == 50)
    }

    @Test func `keeps no more than 32 a second, however many kinds there are`() throws {
        let rules = try (0..<50).map {
            try rule("r\($0)/{facility}", .text, yields: .occupied(.pointer("")))
        }
        let bench = try Bench(rules)
        for number in 0..<50 { bench.send("r\(number)/podium", "x") }
        #expect(bench.incidents.quarantine.messages.count == Quarantine.perSecond)
        #expect(bench.incidents.quarantine.skipped == 18)
    }

    @Test func `what is refused after it was read is there without a shape, a remark is not`()
        throws
    {
        let rules = [
            try rule(
                "gate/{facility}",
                observed: .pointer("/time"),
                yields: .movement(arrivals: .constant("1"), departures: nil)
            )
        ]
        let bench = try Bench(rules)
        bench.send("gate/podium", #"{"time":"2036-01-01T00:00:00Z"}"#)
        #expect(bench.takeIncidents() == [.futureClock])
        #expect(bench.incidents.quarantine.messages.isEmpty)
        bench.send("gate/podium", "{}", isRetained: true)
        let messages = bench.incidents.quarantine.messages
        #expect(messages.map(\.incident) == [.retainedMovement])
        #expect(messages.map(\.shape) == [nil])
        #expect(messages.map(\.topic) == [Array("gate/podium".utf8)])
    }

    @Test func `a topic is cut`() throws {
        let bench = try Bench([bayRule()])
        bench.send(String(repeating: "t", count: 3000), "1")
        #expect(bench.incidents.quarantine.messages.first?.topic.count == IncidentLog.topicBytes)
    }
}

@Suite struct `Unknown devices` {
    private let unknown = UnknownDevices(capacity: 3)

    private func record(_ name: String, topic: String = "t", at milliseconds: Int64 = 0) {
        let name = Array(name.utf8)
        let topic = Array(topic.utf8)
        unknown.record(
            name.span,
            rule: 1,
            topic: topic.span,
            at: Moment(recordedMilliseconds: milliseconds)
        )
    }

    @Test func `are counted with their last topic and time`() {
        record("a", topic: "t/1", at: 5)
        record("b", at: 6)
        record("a", topic: String(repeating: "x", count: 999), at: 7)
        let devices = unknown.devices
        #expect(devices.map(\.name) == [Array("a".utf8), Array("b".utf8)])
        #expect(devices.map(\.messages) == [2, 1])
        #expect(devices.map(\.heardMilliseconds) == [7, 6])
        #expect(devices.map(\.topic.count) == [IncidentLog.topicBytes, 1])
        #expect(devices.map(\.rule) == [1, 1])
        #expect(unknown.others == 0)
    }

    @Test func `that were not heard longest give way, and are the others`() {
        for number in 0..<1000 { record("junk \(number)") }
        record("real", at: 1)
        record("junk 999", at: 2)
        record("junk 1000", at: 3)
        record("real", at: 4)
        record(String(repeating: "d", count: 256))
        let names = unknown.devices.map { String(decoding: $0.name, as: UTF8.self) }
        #expect(names == ["real", "junk 1000", "junk 999"])
        #expect(unknown.devices.map(\.messages) == [2, 1, 2])
        #expect(unknown.others == 1000)
        record("junk 1", at: 5)
        #expect(unknown.devices.map(\.messages) == [1, 2, 1])
        #expect(unknown.others == 1002)
    }

    @Test(arguments: [1, 2, 7]) func `are counted as a list of all messages would`(capacity: Int) {
        let unknown = UnknownDevices(capacity: capacity)
        var model: [(name: [UInt8], messages: Int)] = []
        var random: UInt32 = 1
        for _ in 0..<5000 {
            random = random &* 1_664_525 &+ 1_013_904_223
            let name = [UInt8(random >> 24) % 12]
            unknown.record(
                name.span,
                rule: 0,
                topic: name.span,
                at: Moment(recordedMilliseconds: 0)
            )
            let place = model.firstIndex { $0.name == name }
            let known = place.map { model.remove(at: $0) }
            model.insert((name, (known?.messages ?? 0) + 1), at: 0)
            if model.count > capacity { model.removeLast() }
            #expect(unknown.devices.map(\.name) == model.map(\.name))
            #expect(unknown.devices.map(\.messages) == model.map(\.messages))
        }
        #expect(unknown.others + model.reduce(0) { $0 + $1.messages } == 5000)
    }
}
