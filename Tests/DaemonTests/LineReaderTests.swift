import Glibc
import Testing

@testable import Daemon

@Suite struct `Lines of a file` {
    private func lines(_ content: String, maximumBytes: Int = 1000) throws -> [LineReader.Line] {
        var path = Array("/tmp/carparkd-lines-XXXXXX".utf8CString)
        let descriptor = unsafe mkstemp(&path)
        try #require(descriptor >= 0)
        defer {
            close(descriptor)
            unsafe unlink(path)
        }
        let bytes = Array(content.utf8)
        try #require(unsafe write(descriptor, bytes, bytes.count) == bytes.count)
        let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var reader = try LineReader(path: name, maximumBytes: maximumBytes)
        var lines: [LineReader.Line] = []
        while let line = try reader.next() { lines.append(line) }
        return lines
    }

    private func text(_ line: String) -> LineReader.Line { .text(Array(line.utf8)) }

    @Test func `come one by one, the last with or without its end`() throws {
        #expect(try lines("") == [])
        #expect(try lines("\n") == [text("")])
        #expect(try lines("a\nb") == [text("a"), text("b")])
        #expect(try lines("a\n\nb\n") == [text("a"), text(""), text("b")])
    }

    @Test func `that are too long are told and skipped`() throws {
        let long = String(repeating: "x", count: 200_000)
        #expect(try lines("a\n\(long)\nb", maximumBytes: 1000) == [text("a"), .tooLong, text("b")])
        #expect(try lines(long, maximumBytes: 1000) == [.tooLong])
    }

    @Test func `of a file that is not there are an error that names it`() {
        #expect {
            _ = try LineReader(path: "/nowhere/at-all", maximumBytes: 10)
        } throws: { error in
            "\(error)".hasPrefix("/nowhere/at-all: No such file or directory; ")
        }
    }
}
