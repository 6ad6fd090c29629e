import Logging
import Synchronization
import Testing

@testable import Logs

/// A log whose lines stay in memory.
private final class Lines: Sendable {
    private let bytes = Mutex<[[UInt8]]>([])

    var texts: [String] { bytes.withLock { $0.map { String(decoding: $0, as: UTF8.self) } } }

    func logger(
        _ style: LogStyle = .journal,
        level: Logger.Level = .trace,
        provider: Logger.MetadataProvider? = nil
    ) -> Logger {
        let handler = LineLogHandler(
            level: level,
            style: style,
            metadataProvider: provider,
            // 2026-11-23T06:12:45Z
            wallMilliseconds: { 1_795_414_365_999 },
            sink: { line in self.bytes.withLock { $0.append(line) } }
        )
        return Logger(label: "test") { _ in handler }
    }
}

struct LineLogHandlerTests {
    @Test(arguments: [
        (Logger.Level.trace, "<7>"), (.debug, "<7>"), (.info, "<6>"), (.notice, "<5>"),
        (.warning, "<4>"), (.error, "<3>"), (.critical, "<2>"),
    ])
    func `The journal gets a priority and no time`(level: Logger.Level, prefix: String) {
        let lines = Lines()
        lines.logger().log(level: level, "message")
        #expect(lines.texts == ["\(prefix)message\n"])
    }

    @Test(arguments: [
        (LogStyle.plain, Logger.Level.info, "2026-11-23T06:12:45Z info     connected\n"),
        (.plain, .critical, "2026-11-23T06:12:45Z critical connected\n"),
        (.terminal(isColoured: false), .warning, "06:12:45 warning  connected\n"),
        (.terminal(isColoured: true), .warning, "06:12:45 \u{1B}[33mwarning \u{1B}[0m connected\n"),
        (.terminal(isColoured: true), .info, "06:12:45 info     connected\n"),
    ])
    func `A line begins as its reader needs it`(style: LogStyle, level: Logger.Level, line: String)
    {
        let lines = Lines()
        lines.logger(style).log(level: level, "connected")
        #expect(lines.texts == [line])
    }

    @Test
    func `Metadata follows sorted by key, the event's before the provider's before the logger's`() {
        let lines = Lines()
        var logger = lines.logger(provider: .init { ["b": "provided", "c": "provided"] })
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "b"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger.info("message", metadata: ["c": "event", "z": "7", "list": ["x", "y"]])
        #expect(
            lines.texts
                == [#"<6>message a=logger b=provided c=event list="[\"x\", \"y\"]" z=7"# + "\n"]
        )
    }

    @Test func `Below its level nothing is written`() {
        let lines = Lines()
        let logger = lines.logger(level: .notice)
        logger.info("quiet")
        logger.notice("loud")
        #expect(lines.texts == ["<5>loud\n"])
    }

    @Test(arguments: [
        ("plain", "plain"), ("bath/podium/bay/7", "bath/podium/bay/7"), ("", "\"\""),
        ("two words", "\"two words\""), ("a=b", "\"a=b\""), ("say \"hi\"", "\"say \\\"hi\\\"\""),
        ("back\\slash", "\"back\\\\slash\""), ("<script>", "\"<script>\""), ("Öl", "\"Öl\""),
        ("a\n<2>forged", "\"a\\n<2>forged\""), ("a\r\n", "\"a\\r\\n\""), ("tab\t", "\"tab\\t\""),
        ("\u{1B}[2J", "\"\\u{1b}[2J\""), ("\u{0}", "\"\\u{0}\""), ("\u{7F}", "\"\\u{7f}\""),
        ("\u{85}", "\"\\u{85}\""), ("\u{9B}31m", "\"\\u{9b}31m\""),
        ("\u{2028}", "\"\\u{2028}\""), ("\u{2029}", "\"\\u{2029}\""),
        ("\u{202A}\u{202E}", "\"\\u{202a}\\u{202e}\""),
        ("\u{2066}\u{2069}", "\"\\u{2066}\\u{2069}\""),
        ("\u{200B}\u{200F}\u{61C}", "\"\\u{200b}\\u{200f}\\u{61c}\""),
        ("\u{FEFF}", "\"\\u{feff}\""),
        ("\u{E0041}", "\"\\u{e0041}\""), ("\u{E000}", "\"\\u{e000}\""),
        (String(decoding: [0x61, 0xFF, 0xC0], as: UTF8.self), "\"a\u{FFFD}\u{FFFD}\""),
    ])
    func `No value can forge a line, a field or a terminal`(value: String, written: String) {
        let lines = Lines()
        lines.logger().info("message", metadata: ["topic": "\(value)"])
        #expect(lines.texts == ["<6>message topic=\(written)\n"])
    }

    @Test func `A message is escaped but not quoted, and a key keeps to its characters`() {
        let lines = Lines()
        lines.logger().info("say \"hi\"\n\u{1B}", metadata: ["a b=\n": "1"])
        #expect(lines.texts == ["<6>say \"hi\"\\n\\u{1b} a_b__=1\n"])
    }

    @Test func `A long value is cut at a whole character and leaves room for the others`() {
        let lines = Lines()
        lines.logger().info(
            "message",
            metadata: ["a": "\(String(repeating: "x", count: 9000))", "b": "2"]
        )
        let expected = "<6>message a=" + String(repeating: "x", count: 512) + "… b=2\n"
        #expect(lines.texts == [expected])
    }

    @Test(arguments: ["x", "é", "😀", "\u{202E}", "\"", "\n"])
    func `A line is at most 2 KiB and ends in its line feed, whatever it is made of`(unit: String) {
        let lines = Lines()
        let long = String(repeating: unit, count: 4000)
        var metadata: Logger.Metadata = [:]
        for number in 0..<200 { metadata["key\(number)"] = "\(long)" }
        lines.logger().info("\(long)")
        lines.logger().info("message", metadata: metadata)
        for line in lines.texts {
            #expect(line.utf8.count <= 2048)
            #expect(line.utf8.count > 1900)
            #expect(line.utf8.count { $0 == 10 } == 1)
            #expect(line.hasSuffix("…\n") || line.hasSuffix("…\"\n"))
            #expect(!line.contains("\u{FFFD}"))
        }
    }

    /// A value may be cut at any place near the end of the line.
    @Test func `A line is at most 2 KiB, wherever its last value begins`() {
        let long = String(repeating: "x", count: 600)
        for length in 1450...1600 {
            let lines = Lines()
            lines.logger().info(
                "\(String(repeating: "m", count: length))",
                metadata: ["a": "\(long)", "b": "\(long)", "c": "\(long) \(long)"]
            )
            #expect(lines.texts.allSatisfy { $0.utf8.count <= 2048 }, "\(length)")
            #expect(lines.texts.allSatisfy { $0.hasSuffix("…\n") }, "\(length)")
        }
    }

    @Test func `An error of the event is a field`() {
        struct Broken: Error, CustomStringConvertible { let description = "disk full" }
        let lines = Lines()
        lines.logger().error("failed", error: Broken())
        #expect(lines.texts == ["<3>failed error=\"disk full\"\n"])
    }
}

struct LogStyleTests {
    private let stream: (device: UInt64, inode: UInt64) = (9, 1234)

    @Test(
        arguments: [
            (["JOURNAL_STREAM": "9:1234"], true, LogStyle.journal),
            (["JOURNAL_STREAM": "9:1234"], false, .journal),
            (["JOURNAL_STREAM": "9:9999"], false, .plain),
            (["JOURNAL_STREAM": "nonsense"], false, .plain),
            (["JOURNAL_STREAM": "9:9999"], true, .terminal(isColoured: true)),
            ([:], true, .terminal(isColoured: true)),
            (["NO_COLOR": "1"], true, .terminal(isColoured: false)),
            (["NO_COLOR": ""], true, .terminal(isColoured: true)),
            (["TERM": "dumb"], true, .terminal(isColoured: false)),
            ([:], false, .plain),
        ] as [([String: String], Bool, LogStyle)]
    )
    func `The style follows from where standard error goes`(
        environment: [String: String],
        isTerminal: Bool,
        style: LogStyle
    ) {
        let found = LogStyle.style(
            stream: stream,
            isTerminal: isTerminal,
            environment: { environment[$0] }
        )
        #expect(found == style)
    }

    @Test func `A closed standard error is a plain one`() {
        #expect(LogStyle.style(stream: nil, isTerminal: false, environment: { _ in "" }) == .plain)
    }
}
