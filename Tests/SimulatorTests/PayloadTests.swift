import Parking
import Simulator
import Testing

@Suite struct `Simulated messages` {
    private func first(
        _ rules: [Rule],
        capacity: Int = 1
    ) throws -> SimulatedMessage {
        var simulator = Simulator(
            facilities: [try Town.facility("a", capacity: capacity)],
            rules: rules,
            options: .faultless,
            seed: 6,
            startMilliseconds: Town.morning
        )
        #expect(simulator.omissions.isEmpty)
        return try simulator.message()
    }

    private func levelText(_ pointer: String, observed: String? = nil) throws -> String {
        let rule = try Town.rule(
            "l/{facility}",
            .vacant(.pointer(pointer)),
            observed: observed.map { .pointer($0) }
        )
        return try first([rule], capacity: 0).text
    }

    @Test(arguments: [
        ("", "0"),
        ("/n", #"{"n":0}"#),
        ("/", #"{"":0}"#),
        ("/uplink_message/decoded_payload/n", #"{"uplink_message":{"decoded_payload":{"n":0}}}"#),
        ("/a~1b/c~0d", #"{"a/b":{"c~d":0}}"#),
        ("/~01", #"{"~1":0}"#),
        (#"/q"\"#, #"{"q\"\\":0}"#),
        ("/\n\u{1b}", #"{"\u000a\u001b":0}"#),
        ("/é", #"{"é":0}"#),
        ("/history/0/n", #"{"history":[{"n":0}]}"#),
        ("/history/1/n", #"{"history":{"1":{"n":0}}}"#),
        ("/-", #"{"-":0}"#),
    ]) func `have a payload in which the pointer finds the value`(
        pointer: String,
        json: String
    ) throws {
        #expect(try levelText(pointer) == json)
    }

    @Test func `have a payload in which all pointers find their values`() throws {
        let rule = try Town.rule(
            "up",
            .bay(
                bay: .pointer("/device/bay"),
                occupied: .pointer("/object/status"),
                words: .init(["taken": true, "\"free\"": false, "vacant": false])
            ),
            facility: .pointer("/device/tags/site"),
            observed: .pointer("/time")
        )
        let message = try first([rule])
        #expect(message.topicText == "up")
        let time = try #require(message.observed)
        let milliseconds = String(1000 + time % 1000).dropFirst()
        let clock = RFC3339.text(time).dropLast() + "." + milliseconds + "Z"
        let starts = #"{"device":{"tags":{"site":"a"},"bay":"1"},"#
        #expect(message.text.hasPrefix(#"{"device":{"#))
        let wanted = ["taken", #"\"free\""#].map { word in
            #"{"device":{"tags":{"site":"a"},"bay":"1"},"time":"\#(clock)","object":{"status":"\#(word)"}}"#
        }
        #expect(message.text.hasPrefix(starts))
        #expect(wanted.contains(message.text))
        #expect(time == message.dueMilliseconds)
    }

    @Test func `fill levels that nothing reads with names of their own`() throws {
        let rule = try Town.rule(
            "{app}/+/dev/{device}/up/#",
            .occupied(.pointer("/n")),
            facility: .constant("a")
        )
        let message = try first([rule])
        #expect(message.topicText == "simulated/simulated/dev/simulated/up/a-1")
    }

    @Test func `carry their values in the topic where the rule reads them there`() throws {
        let rule = try Town.rule(
            "{facility}/{bay}/{status}",
            .bay(
                bay: .capture("bay"),
                occupied: .capture("status"),
                words: .init(["in": true, "out": false])
            ),
            observed: nil
        )
        let message = try first([rule])
        #expect(["a/1/in", "a/1/out"].contains(message.topicText))
        #expect(message.text == "{}")
    }

    @Test(arguments: [
        (Rule.Format.json, ["true", "false"]),
        (.text, ["1", "0"]),
    ]) func `use the words of the format where the rule has none`(
        format: Rule.Format,
        words: [String]
    ) throws {
        let rule = try Town.rule(
            "b/{bay}",
            .bay(bay: .capture("bay"), occupied: .pointer(""), words: .init()),
            format: format,
            facility: .constant("a"),
            observed: nil
        )
        #expect(words.contains(try first([rule]).text))
    }

    @Test func `tell bays of one rule each apart`() throws {
        let rules = try (1...3).map { bay in
            try Town.rule(
                "b/\(bay)",
                .bay(bay: .constant("B\(bay)"), occupied: .pointer(""), words: .init()),
                facility: .constant("a"),
                observed: nil
            )
        }
        var simulator = Simulator(
            facilities: [try Town.facility("a", capacity: 10)],
            rules: rules,
            options: .faultless,
            seed: 6,
            startMilliseconds: Town.morning
        )
        #expect(simulator.omissions.isEmpty)
        let messages = simulator.messages(for: Town.hour, from: Town.morning)
        #expect(Set(messages.map(\.topicText)) == ["b/1", "b/2", "b/3"])
    }
}
