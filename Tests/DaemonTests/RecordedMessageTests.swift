import Testing

@testable import Daemon

@Suite struct `A recorded message` {
    private func message(_ line: String) throws -> RecordedMessage {
        let reader = RecordedMessage.Reader(maximumBytes: 65_536, maximumDepth: 64)
        let bytes = Array(line.utf8)
        return try reader.message(bytes.span)
    }

    private func line(_ payload: String, length: Int) -> String {
        """
        {"tst":"2026-11-23T10:11:05.320433Z+0000","topic":"a/b","qos":1,"retain":0,"payloadlen":\(length),"mid":3,"payload":\(payload)}
        """
    }

    // As mosquitto_sub 2.0.11 prints them, %J and then %j.
    @Test(arguments: [
        (#"{"x":true,"s":"é"}"#, 21, #"{"x":true,"s":"é"}"#), ("17", 2, "17"), ("null", 0, ""),
        ("null", 4, "null"), (#""quoted""#, 8, #""quoted""#), ("[1,2]", 6, "[1,2]"),
        (#""{\"x\": true}""#, 11, #"{"x": true}"#), (#""OCCUPIED""#, 8, "OCCUPIED"),
        (#""17""#, 2, "17"), (#""\"quoted\"""#, 8, #""quoted""#), (#""""#, 0, ""),
    ]) func `has the payload that was published`(
        payload: String,
        length: Int,
        expected: String
    ) throws {
        let message = try message(line(payload, length: length))
        #expect(String(decoding: message.payload, as: UTF8.self) == expected)
        #expect(String(decoding: message.topic, as: UTF8.self) == "a/b")
        #expect(!message.isRetained)
    }

    @Test(arguments: [
        ("2026-11-23T10:11:05.320433Z+0000", 1_795_428_665_320),
        ("2026-11-23T11:11:05.320433Z+0100", 1_795_428_665_320),
        ("2026-11-23T04:41:05.320433Z-0530", 1_795_428_665_320),
        ("2026-11-23T10:11:05Z", 1_795_428_665_000),
        ("2026-11-23T11:11:05.5+01:00", 1_795_428_665_500),
    ]) func `has mosquitto's time, or one of RFC 3339`(text: String, milliseconds: Int64) {
        #expect(RecordedMessage.milliseconds(Array(text.utf8)) == milliseconds)
    }

    @Test(arguments: ["", "Z+0000", "2026-11-23", "2026-11-23T10:11:05", "yesterday, maybe"])
    func `has no other time`(text: String) {
        #expect(RecordedMessage.milliseconds(Array(text.utf8)) == nil)
    }

    @Test(arguments: [
        ("", RecordedMessage.Problem.notJSON), ("{", .notJSON), ("[]", .missing("tst")),
        ("{}", .missing("tst")), (#"{"tst":1}"#, .missing("tst")), (#"{"tst":"x"}"#, .time("x")),
        (#"{"tst":"2026-11-23T10:11:05Z"}"#, .missing("topic")),
        (#"{"tst":"2026-11-23T10:11:05Z","topic":"a"}"#, .missing("payload")),
    ]) func `is refused with what it lacks`(line: String, problem: RecordedMessage.Problem) {
        #expect(throws: problem) { try message(line) }
    }
}
