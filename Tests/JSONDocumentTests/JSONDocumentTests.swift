import JSONDocument
import Testing

@Suite struct `JSON document` {
    private func parsed(
        _ text: String,
        maximumBytes: Int = 65_536,
        maximumDepth: Int = 64
    ) throws -> JSONDocument {
        try parsed(Array(text.utf8), maximumBytes: maximumBytes, maximumDepth: maximumDepth)
    }

    private func parsed(
        _ text: [UInt8],
        maximumBytes: Int = 65_536,
        maximumDepth: Int = 64
    ) throws -> JSONDocument {
        let document = JSONDocument(maximumBytes: maximumBytes, maximumDepth: maximumDepth)
        try document.parse(text.span)
        return document
    }

    private func kind(_ pointer: String, in text: String) throws -> JSONKind {
        let pointer = try #require(JSONPointer(pointer))
        return try parsed(text).withValue(at: pointer) { kind, _ in kind }
    }

    @Test(arguments: [
        ("/a", JSONKind.boolean(true)), ("/b", .integer(-1)), ("/c", .real(1.5)), ("/d", .null),
        ("/e", .string), ("/f", .container), ("/f/1", .integer(20)), ("/f/2", .absent),
        ("/g/h", .boolean(false)), ("/m~1n", .integer(1)), ("/o~0p", .integer(2)),
        ("/", .integer(3)), ("", .container), ("/absent", .absent), ("/a/b", .absent),
        ("/f/01", .absent), ("/f/-", .absent), ("/q", .large), ("/r", .real(1000)),
    ]) func `a pointer leads to its value`(pointer: String, expected: JSONKind) throws {
        let text = """
            {"a":true,"b":-1,"c":1.5,"d":null,"e":"x","f":[10,20],"g":{"h":false},
            "m/n":1,"o~p":2,"":3,"q":18446744073709551615,"r":1e3}
            """
        #expect(try kind(pointer, in: text) == expected)
    }

    @Test(arguments: ["a", "~", "/~", "/~2", "/a~", "#/a"]) func `what is no pointer is refused`(
        text: String
    ) {
        #expect(JSONPointer(text) == nil)
    }

    @Test func `a string is unescaped`() throws {
        let pointer = try #require(JSONPointer("/a"))
        let text = try parsed(#"{"a":"\u00e9\n\"😀\u0000"}"#).withValue(at: pointer) { _, text in
            text.indices.map { text[$0] }
        }
        #expect(text == Array("é\n\"😀\0".utf8))
    }

    @Test(arguments: [
        ("", JSONProblem.malformed), (" ", .malformed), ("{", .malformed), ("{}x", .malformed),
        ("nan", .malformed), ("-", .malformed), ("01", .malformed),
        ("{\"a\":1,}", .malformed), ("'a'", .malformed), ("\u{FEFF}{}", .malformed),
        ("\"\\ud800\"", .malformed), ("\"\0\"", .malformed), ("{\"a\" 1}", .malformed),
        ("01e400", .malformed), ("[1e400,1.]", .malformed), ("[1e400,-]", .malformed),
        ("1e400e", .malformed), ("1.e400", .malformed), ("{\"a\":1e400,}", .malformed),
        ("[1e400 1]", .malformed), ("99999999999999999999x", .malformed), ("1e400\0", .malformed),
        ("\"1e400", .malformed), ("[099999999999999999999]", .malformed),
    ]) func `what is no JSON is refused`(text: String, problem: JSONProblem) {
        #expect(throws: problem) { try parsed(text) }
    }

    @Test(arguments: [
        ("1e400", JSONKind.large), ("-1e400", .large), ("9e9999999999", .large),
        ("1\(String(repeating: "0", count: 400)).5", .large), ("2e308", .large),
        ("18446744073709551616", .large), ("-9223372036854775809", .large),
        ("89450100001234567890", .large), (String(repeating: "9", count: 1000), .large),
        ("1e308", .large), ("9e307", .real(9e307)), ("1e-400", .real(0)),
        ("-9223372036854775808", .integer(.min)), ("9223372036854775807", .integer(.max)),
    ]) func `a number beyond 64 bits is large, and leaves all others readable`(
        number: String,
        expected: JSONKind
    ) throws {
        #expect(try kind("", in: number) == expected)
        #expect(try kind("", in: " \(number)\n") == expected)
        let text = #"{"s":"\"1e400\\","n":-1.5,"a":[\#(number),\#(number)],"last":\#(number)}"#
        #expect(try kind("/a/0", in: text) == expected)
        #expect(try kind("/a/1", in: text) == expected)
        #expect(try kind("/last", in: text) == expected)
        #expect(try kind("/n", in: text) == .real(-1.5))
        let pointer = try #require(JSONPointer("/s"))
        let string = try parsed(text).withValue(at: pointer) { _, text in
            text.indices.map { text[$0] }
        }
        #expect(string == Array(#""1e400\"#.utf8))
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: JSONProblem.notUTF8) { try parsed([0x22, 0xC3, 0x28, 0x22]) }
    }

    @Test(arguments: [(63, true), (64, true), (65, false), (513, false), (100_000, false)])
    func `the depth is bounded`(levels: Int, isAccepted: Bool) {
        let arrays =
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        let objects =
            String(repeating: "{\"a\":", count: levels - 1) + "{}"
            + String(repeating: "}", count: levels - 1)
        for text in [arrays, objects] {
            if isAccepted {
                #expect(throws: Never.self) { try parsed(text) }
            } else {
                #expect(throws: JSONProblem.self) { try parsed(text) }
            }
        }
    }

    @Test(arguments: [100, 65_536]) func `the size is bounded, and growing up to it works`(
        maximum: Int
    ) throws {
        let document = JSONDocument(maximumBytes: maximum, maximumDepth: 4)
        for length in [2, 50, maximum, maximum + 1, 3] {
            let text = [0x22] + [UInt8](repeating: 0x61, count: length - 2) + [0x22]
            if length <= maximum {
                try document.parse(text.span)
            } else {
                #expect(throws: JSONProblem.tooLarge) { try document.parse(text.span) }
            }
        }
    }

    @Test func `after a text that was refused nothing of the one before is left`() throws {
        let document = try parsed(#"{"a":1}"#)
        let broken = Array(#"{"a":1"#.utf8)
        #expect(throws: JSONProblem.malformed) { try document.parse(broken.span) }
        let pointer = try #require(JSONPointer("/a"))
        #expect(document.withValue(at: pointer) { kind, _ in kind } == .absent)
        #expect(document.serialized(at: pointer) == nil)
    }

    @Test func `of two members with one name the first counts`() throws {
        #expect(try kind("/a", in: #"{"a":1,"a":2}"#) == .integer(1))
    }

    @Test func `a value is written as compact JSON`() throws {
        let pointer = try #require(JSONPointer("/a"))
        let text = try parsed(#"{"a": {"b": [1, "x\n", null]}}"#).serialized(at: pointer)
        #expect(text == Array(#"{"b":[1,"x\n",null]}"#.utf8))
    }
}
