import Glibc
import Parking

@testable import Daemon
@testable import Feeds

/// A recording: its lines are those of the bytes, and a message that can be read is what it says after it was recorded anew.
struct ReplayTarget: FuzzTarget {
    func run(_ input: [UInt8]) throws(Violation) {
        try checkLines(input)
        let reader = RecordedMessage.Reader(maximumBytes: 1 << 20, maximumDepth: 64)
        for line in input.split(separator: 0x0A) {
            let message: RecordedMessage
            do throws(RecordedMessage.Problem) {
                message = try reader.message(Array(line).span)
            } catch {
                try require(!error.description.isEmpty, "a problem without words")
                continue
            }
            try require(!line.isEmpty, "an empty message")
            try check(message, reader)
        }
    }

    /// Compares the reader of lines with what a split of the bytes says.
    private func checkLines(_ input: [UInt8]) throws(Violation) {
        let maximumBytes = 64
        // As many bytes as a pipe holds.
        let input = input.prefix(65_536)
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw Violation("no pipe: errno \(errno)") }
        defer { close(ends[0]) }
        let written = unsafe input.withUnsafeBytes {
            unsafe write(ends[1], $0.baseAddress, $0.count)
        }
        close(ends[1])
        try require(written == input.count, "wrote \(written) of \(input.count) bytes")
        var expected = input.split(separator: 0x0A, omittingEmptySubsequences: false)
        if expected.last?.isEmpty == true { expected.removeLast() }
        var number = 0
        do {
            var reader = try LineReader(
                path: "/proc/self/fd/\(ends[0])",
                maximumBytes: maximumBytes
            )
            while let line = try reader.next() {
                try require(number < expected.count, "a line too many")
                switch line {
                case .text(let text):
                    try require(text.elementsEqual(expected[number]), "line \(number) differs")
                case .tooLong:
                    try require(expected[number].count > maximumBytes, "line \(number) is short")
                }
                number += 1
            }
        } catch let error as Violation {
            throw error
        } catch {
            throw Violation("\(error)")
        }
        try require(number == expected.count, "\(number) of \(expected.count) lines")
    }

    /// Records a message as `mosquitto_sub -F '%j'` does, and reads it again.
    private func check(
        _ message: RecordedMessage,
        _ reader: RecordedMessage.Reader
    ) throws(Violation) {
        var writer = JSONWriter()
        writer.object { member in
            member.name("tst")
            member.plainString { RFC3339.append(message.milliseconds, to: &$0) }
            member.name("topic")
            member.value(String(decoding: message.topic, as: UTF8.self))
            member.name("retain")
            member.value(message.isRetained ? 1 : 0)
            member.name("payloadlen")
            member.value(message.payload.count)
            member.name("payload")
            member.value(String(decoding: message.payload, as: UTF8.self))
        }
        let text = writer.bytes
        guard let again = try? reader.message(text.span) else {
            throw Violation("can't be read again: \(String(decoding: text, as: UTF8.self))")
        }
        try require(again.topic == message.topic, "another topic")
        try require(again.payload == message.payload, "another payload")
        try require(again.isRetained == message.isRetained, "another flag")
        // Recorded to the second.
        let age = message.milliseconds - again.milliseconds
        try require((0..<1000).contains(age), "another time: \(message.milliseconds)")
    }
}
